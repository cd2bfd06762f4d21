"""Making the clips of a run, one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stylize import (
    MAX_PIXELS,
    Plan,
    PluginHost,
)
from stylize.command import (
    ENDINGS,
    Job,
    Made,
    Report,
    RunRecord,
    compare_runs,
    count,
    format_seconds,
    run_batch,
    say,
    validate_record,
    warn,
)
from stylize_video.settings import VideoSettings, clock
from stylize_video.temporal import TemporalSettings

if TYPE_CHECKING:
    from stylize import Observer, Progress, RecordKind
    from stylize_video.making import VideoResult

__all__ = ["make_videos", "without_time"]

# A forecast announces clips that will take more seconds than this.
LONG = 60.0
# After these seconds, an unfinished first frame is enough for a forecast.
TELLING = 10.0
INTERRUPTED = "ending the file after the last complete frame (Ctrl-C again to discard it)"


def make_videos(
    host: PluginHost,
    plan: Plan,
    jobs: Sequence[Job],
    asked: VideoSettings,
    report: Report,
    *,
    temporal: bool | TemporalSettings,
    force: bool,
    max_pixels: int = MAX_PIXELS,
    record: RecordKind = "names",
    remarks: Mapping[str, str] | None = None,
    begun: float | None = None,
    before: RunRecord | None = None,
) -> int:
    """Make all videos with one loaded network and return the exit code.

    Clips and outputs are checked before torch is imported.

    Args:
        record: how much the files record about how they were made.
        remarks: additions to the line of each clip, by its output.
        begun: `time.monotonic()` from which the time limit and the seconds of the first clip
            count; now, by default.
        before: the run that is repeated; what may make the frames differ is warned of.

    Raises: StylizeError for errors that concern all of them.
    """
    from stylize_video.checking import check_clip, check_video_output

    inputs = [path for job in jobs for path in job.inputs]
    started = time.monotonic() if begun is None else begun

    def check(job: Job) -> None:
        check_clip(Path(job.content or ""))
        check_video_output(job.output, asked, force=force, inputs=inputs)

    def prepare(cancelled: threading.Event) -> Callable[[Job, Sequence[Observer]], Made]:
        from stylize import Stylizer, deadline_of, give_memory_back
        from stylize_video.making import make_video

        give_memory_back()
        limit = plan.settings.time
        stylizer = Stylizer(without_time(plan), host, max_pixels=max_pixels, cancelled=cancelled)

        begins = iter([started])

        def make(job: Job, observers: Sequence[Observer]) -> Made:
            began = next(begins, time.monotonic())
            said = [] if report.quiet else [_Forecast(job.title, plan.method.name)]
            result = make_video(
                stylizer,
                job.content or "",
                job.styles,
                job.output,
                asked,
                temporal=temporal,
                force=force,
                tell=warn,
                observers=[*observers, *said],
                deadline=deadline_of(began, limit),
                record_kind=record,
            )
            took = time.monotonic() - began
            if before:
                compare_runs(before, validate_record(RunRecord, result.record, job.output))
            return _made(job, result, report, took, (remarks or {}).get(job.output))

        return make

    return run_batch(
        jobs,
        report,
        prepare,
        check=check,
        force=force,
        on_interrupt=INTERRUPTED,
        lines=True,
    )


def without_time(plan: Plan) -> Plan:
    """Return a plan without its time limit, which applies to the clip, not to each frame."""
    return replace(plan, settings=plan.settings.model_copy(update={"time": None}))


def _plain(number: float) -> str:
    """Return a number to two digits, as people write it: 1,300, not 1.3e+03."""
    return f"{float(f'{number:.2g}'):,g}"


def _made(job: Job, result: VideoResult, report: Report, took: float, remark: str | None) -> Made:
    record = result.record
    frames, seconds = record["frames"], record["seconds"]
    return Made(
        f"{job.output}: {record['width']}x{record['height']}, {count(frames, 'frame')} "
        f"({clock(result.duration)}), {took:.1f} s on {report.tell_device(record)}, "
        f"{_plain(frames / max(seconds, 0.01))} frames per second once loaded"
        + (ENDINGS[result.stopped] and f"{ENDINGS[result.stopped]}: it can be played up to there")
        + (f"; {remark}" if remark else ""),
        {**record, "warnings": result.warnings},  # shown already, as they came
    )


class _Forecast:
    """Reports early how long a clip will take, if that is long."""

    def __init__(self, title: str, method: str) -> None:
        self._title = title
        self._method = method
        self._began = time.monotonic()
        self._said = False

    def progressed(self, progress: Progress) -> None:
        """Report it once."""
        elapsed = time.monotonic() - self._began
        # The first frame includes loading the network; a slow one is enough before it is done.
        if self._said or not progress.fraction or (progress.step < 2 and elapsed < TELLING):
            return
        self._said = True
        left = elapsed / progress.fraction * (1 - progress.fraction)
        if left > LONG:
            frame = elapsed / progress.fraction / progress.steps
            say(
                f"{Path(self._title).name}: {progress.steps} frames by {self._method} at about "
                f"{_plain(frame)} s each, about {format_seconds(left)} in all; Ctrl-C ends it "
                f"early and leaves a file that can be played"
            )
