"""`stylize video`: clips in, stylised clips out."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylize.cli.batch import clean_stdout, interruptible
from stylize.cli.group import StylizeCommand
from stylize.cli.jobs import STANDARD, Job, plan_jobs, sort_files
from stylize.cli.options import (
    PANELS,
    MaxPixelsOption,
    PresetOption,
    QuietOption,
    SetOption,
    StyleOption,
    collect_settings,
    parse_assignments,
    with_settings_options,
)
from stylize.cli.report import ENDINGS, ProgressBar, ProgressLines, Report, say, warn
from stylize.errors import UsageError
from stylize.extras import require_extra
from stylize.images import MAX_PIXELS, expand_contents
from stylize.plan import Plan, RunSettings, make_plan, style_shares
from stylize.plugins import PluginHost
from stylize.video.choosing import choose_method
from stylize.video.settings import (
    VideoSettings,
    clock,
    make_temporal_settings,
    make_video_settings,
)
from stylize.video.temporal import TemporalSettings

if TYPE_CHECKING:
    from stylize.run import Progress
    from stylize.video.making import VideoResult

__all__ = ["add_command"]

VIDEO_PANELS = {"Video": ("start", "end", "fps", "codec", "crf", "sound")}
# From how many seconds on it is said beforehand how long a clip will take.
LONG = 60.0
# After how many seconds a first frame tells how long the others will take.
TELLING = 10.0
TEMPORAL = "temporal."
INTERRUPTED = "ending the file after the last whole frame (Ctrl-C again to drop it)"


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    options = with_settings_options(video, (RunSettings, PANELS), (VideoSettings, VIDEO_PANELS))
    app.command("video", cls=StylizeCommand)(options)


def video(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILES",
            help="Clips (video files, GIFs, folders of numbered pictures, quoted globs), then one "
            "painting; with --style or a --model of one painting, clips only.",
        ),
    ] = None,
    style: StyleOption = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="A .mp4, .mov, .mkv, .webm or .gif file, or frames/%06d.png for numbered "
            "pictures; a folder for several clips; by default CONTENT_STYLE_METHOD or "
            "CONTENT_MODEL in this folder, of the clip's kind where that can be written, else "
            ".mp4.",
        ),
    ] = None,
    temporal: Annotated[
        bool,
        typer.Option(
            "--temporal/--no-temporal",
            help="Hold strokes still over time, or not (each frame alone).",
        ),
    ] = True,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            "-f",
            help="Overwrite what exists; without it clips are skipped where there are several, and "
            "an error where there is one.",
        ),
    ] = False,
    preset: PresetOption = None,
    assignments: SetOption = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON record a clip on standard output, with a status: made, skipped "
            "or failed.",
        ),
    ] = False,
    quiet: QuietOption = False,
    max_pixels: MaxPixelsOption = MAX_PIXELS,
    **settings: str | None,
) -> None:
    """Make videos in the style of a painting, with their sound.

    With a painting and no --method, a method that takes any painting in one pass is used where one
    has a model, else gatys, which is slow. Ctrl-C and --time leave the frames made so far, as a
    file that can be played.
    """
    host: PluginHost = ctx.obj
    given = {name: value for name, value in settings.items() if value is not None}
    asked = make_video_settings({k: v for k, v in given.items() if k in VideoSettings.model_fields})
    held, others = _take_temporal(assignments or (), temporal=temporal)
    run_settings = collect_settings(
        host,
        {k: v for k, v in given.items() if k in RunSettings.model_fields},
        preset,
        others,
    )
    require_extra("av", "video", "stylize video")
    plan = make_plan(host, choose_method(host, run_settings))
    contents, paintings = _sort_clips(files or [], style or [], plan)
    style_shares(plan.settings, len(paintings))
    maker = Path(plan.model.name).stem if plan.model else plan.method.name
    jobs = plan_jobs(contents, paintings, output, maker, _suffix_of)
    report = Report(len(jobs), as_json=as_json, quiet=quiet, debug=ctx.meta["debug"], noun="clips")
    for problem in plan.problems:
        warn(problem.message)
    raise typer.Exit(
        make_videos(
            host,
            plan,
            jobs,
            asked,
            report,
            temporal=held,
            force=force,
            skip_existing=len(jobs) > 1,
            max_pixels=max_pixels,
        )
    )


def _take_temporal(
    assignments: Sequence[str], *, temporal: bool
) -> tuple[bool | TemporalSettings, list[str]]:
    """Split off what `--set temporal.NAME=VALUE` asks for.

    Raises: SettingsError, UsageError.
    """
    own = [text for text in assignments if text.startswith(TEMPORAL)]
    others = [text for text in assignments if not text.startswith(TEMPORAL)]
    if own and not temporal:
        raise UsageError(f"--set {own[0]} goes with --temporal: leave out --no-temporal")
    values = parse_assignments(own).get("temporal", {})
    return make_temporal_settings(values) if values else temporal, others


def make_videos(
    host: PluginHost,
    plan: Plan,
    jobs: Sequence[Job],
    asked: VideoSettings,
    report: Report,
    *,
    temporal: bool | TemporalSettings,
    force: bool,
    skip_existing: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> int:
    """Make all videos with one loaded network and return the exit code.

    Clips and outputs are checked before torch is imported.

    Raises: StylizeError for what concerns all of them.
    """
    from stylize.video.checking import check_clip, check_video_output

    inputs = [path for job in jobs for path in job.inputs]
    todo: list[Job] = []
    for job in jobs:
        if skip_existing and not force and Path(job.output).exists():
            report.skipped(job, "the output exists (--force makes it again)")
            continue
        try:
            check_clip(Path(job.content or ""))
            check_video_output(job.output, asked, force=force, inputs=inputs)
        except Exception as error:
            report.failed(job, error)
        else:
            todo.append(job)
    interrupted = False
    try:
        if todo:
            interrupted = _make_all(
                host, plan, todo, asked, report, temporal=temporal, force=force,
                max_pixels=max_pixels,
            )  # fmt: skip
    except KeyboardInterrupt:  # while torch is loaded, or for a second time
        say("stylize: interrupted, and the clip being made is dropped")
        interrupted = True
    return report.finish(interrupted=interrupted)


def _make_all(
    host: PluginHost,
    plan: Plan,
    jobs: Sequence[Job],
    asked: VideoSettings,
    report: Report,
    *,
    temporal: bool | TemporalSettings,
    force: bool,
    max_pixels: int,
) -> bool:
    """Make videos and say whether that was interrupted."""
    started = time.monotonic()
    with clean_stdout():
        from stylize.device import give_memory_back
        from stylize.pictures import Stylizer, deadline_of
        from stylize.video.making import make_video

        give_memory_back()
        # The limit is the clip's, not each frame's.
        settings = plan.settings.model_copy(update={"time": None})
        stylizer = Stylizer(settings, host, max_pixels=max_pixels)
    with interruptible(stylizer.cancelled, INTERRUPTED):
        for job in jobs:
            if stylizer.cancelled.is_set():
                report.skipped(job, "interrupted")
                continue
            try:
                with (
                    clean_stdout(),
                    ProgressBar(Path(job.title).name, enabled=not report.quiet) as bar,
                ):
                    lines = [] if report.quiet or sys.stderr.isatty() else [ProgressLines()]
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
                        observers=[bar, *lines, *said],
                        deadline=deadline_of(started, plan.settings.time),
                    )
            except Exception as error:
                report.failed(job, error)
            else:
                _tell_made(report, job, result)
            started = time.monotonic()
    return stylizer.cancelled.is_set()


def _tell_made(report: Report, job: Job, result: VideoResult) -> None:
    record = result.record
    frames, seconds = record["frames"], record["seconds"]
    report.tell_made(
        job,
        {**record, "warnings": result.warnings},
        f"{job.output}: {record['width']}x{record['height']}, {frames} frames "
        f"({clock(result.duration)}), {seconds:.1f} s on {record['device']} in "
        f"{record['settings']['precision']}, {frames / max(seconds, 0.01):.2g} frames a second"
        + (ENDINGS[result.stopped] and f"{ENDINGS[result.stopped]}: it can be played, up to there"),
    )


def _sort_clips(
    files: Sequence[str], styles: Sequence[str], plan: Plan
) -> tuple[list[str], list[str]]:
    """Tell clips from paintings. Raises: UsageError."""
    if not files:
        raise UsageError("no clip: stylize video IN.mp4 PAINTING.jpg, or IN.mp4 --model NAME")
    if STANDARD in files:
        raise UsageError("- as a clip: a video is read from a file, not from standard input")
    if plan.method.needs_style and not styles and len(files) == 1:
        raise UsageError(
            f"{files[0]} alone: give a painting too, or a --model of one (see stylize models)"
        )
    contents, paintings = sort_files(
        files,
        styles,
        no_style=not plan.method.needs_style,
        no_content=False,
        expand=_expand_clips,
    )
    return [content for content in contents if content], paintings


def _expand_clips(arguments: Sequence[str]) -> list[str]:
    """Return the clips that arguments stand for: a folder of pictures is one clip."""
    clips: dict[str, None] = {}
    for argument in arguments:
        found = [argument] if Path(argument).is_dir() else expand_contents([argument])
        clips.update(dict.fromkeys(found))
    return list(clips)


def _suffix_of(content: str) -> str:
    from stylize.video.formats import CONTAINERS

    suffix = Path(content).suffix.lower()
    return suffix if suffix in CONTAINERS and Path(content).is_file() else ".mp4"


class _Forecast:
    """Says early how long a clip will take, if that is long."""

    def __init__(self, title: str, method: str) -> None:
        self._title = title
        self._method = method
        self._began = time.monotonic()
        self._said = False

    def progressed(self, progress: Progress) -> None:
        """Say it once."""
        elapsed = time.monotonic() - self._began
        # The first frame loads the network; a slow one tells enough before it is done.
        if self._said or not progress.fraction or (progress.step < 2 and elapsed < TELLING):
            return
        self._said = True
        left = elapsed / progress.fraction * (1 - progress.fraction)
        if left > LONG:
            frame = elapsed / progress.fraction / progress.steps
            say(
                f"{Path(self._title).name}: {progress.steps} frames by {self._method} at about "
                f"{frame:.2g} s each, about {_duration(left)} in all; Ctrl-C ends it early, as a "
                f"file that can be played"
            )


def _duration(seconds: float) -> str:
    """Return a time as "3 min" or "2 h 20 min"."""
    minutes = max(round(seconds / 60), 1)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{minutes} min"
