"""Making a stylised clip, for `stylize_video` and the command."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylize import Observer, Progress, StopReason, Stylizer, limit_record
from stylize.errors import OutputError, VideoError
from stylize_video.checking import check_video_output
from stylize_video.clip import ClipStylizer
from stylize_video.encoding import FrameWriter
from stylize_video.frames import ClipReader, Tell
from stylize_video.opening import Timing, open_clip, open_writer, output_errors
from stylize_video.record import inputs_record
from stylize_video.settings import VideoSettings, clock, settings_record
from stylize_video.temporal import TemporalSettings
from stylize_video.tensors import to_pixels, to_tensor

if TYPE_CHECKING:
    from torch import Tensor

    from stylize import ImageSource, RecordKind

__all__ = ["VideoResult", "make_video"]


@dataclass(frozen=True)
class VideoResult:
    """A finished video, or the part of it that was made.

    Args:
        path: the file, or the pattern of numbered pictures.
        frames: number of its frames.
        duration: its duration, in seconds.
        record: the full settings and inputs, as in the file, and the outcome of the run.
        warnings: warnings about the clip and the output.
        cuts: indices of the frames that begin a new scene.
    """

    path: Path
    frames: int
    duration: float
    record: dict[str, Any]
    warnings: tuple[str, ...]
    cuts: tuple[int, ...] = ()

    @property
    def stopped(self) -> StopReason:
        """Why it ended: "done", "time" or "interrupted"."""
        reason: StopReason = self.record["stopped"]
        return reason


def make_video(
    stylizer: Stylizer,
    content: str | Path,
    styles: Sequence[ImageSource],
    output: str | Path,
    settings: VideoSettings,
    *,
    temporal: bool | TemporalSettings = True,
    force: bool = False,
    tell: Tell | None = None,
    observers: Sequence[Observer] = (),
    deadline: float | None = None,
    record_kind: RecordKind = "names",
) -> VideoResult:
    """Stylise a clip, frame by frame; memory does not grow with its length.

    Args:
        stylizer: has no time limit of its own. If cancelled, it leaves the frames made so far.
        content: a video file, a GIF or a folder of numbered pictures.
        output: a .mp4, .m4v, .mov, .mkv, .webm or .gif file, or frames/%06d.png.
        temporal: whether, or how, strokes are kept stable.
        tell: receives warnings as they come; the result has them in any case.
        observers: receive the progress in frames, and each frame as soon as it is finished.
        deadline: time to finish by, of `time.monotonic()`.
        record_kind: how much the file records about how it was made, as in `Result.save`.

    Raises: StylizeError; after the first frame, its notes report the part that is kept.
    """
    started = time.monotonic()
    warnings: list[str] = []

    def note(message: str) -> None:
        warnings.append(message)
        if tell:
            tell(message)

    path, target = Path(content), Path(output)
    inputs = [path, *(Path(s) for s in styles if isinstance(s, str | Path) and str(s) != "-")]
    encoder = check_video_output(target, settings, force=force, inputs=inputs)
    if temporal is True:
        temporal = TemporalSettings()
    size = stylizer.plan.settings.size
    opened = open_clip(
        path,
        settings,
        note,
        size=None if size == "full" else size,
        max_pixels=stylizer.max_pixels,
    )
    with opened as clip, output_errors(target):
        timing = Timing.of(clip.info, settings, target, note)
        record = {
            **stylizer.setup_record(),
            **inputs_record(path, styles),
            **settings_record(settings, temporal),
        }
        kept = limit_record(record, record_kind)
        stylise = ClipStylizer(stylizer, styles, temporal)
        writer = open_writer(
            target, encoder, clip.info, timing, settings, kept, force=force, tell=note
        )
        run = _VideoRun(stylizer, stylise, clip, timing, writer, observers, deadline)
        run.make()
        if writer.path != target:
            raise OutputError(
                f"{target}: has appeared since this run began and is left unchanged: the clip is "
                f"{writer.path}"
            )
    outcome = {
        "width": clip.info.size[0],
        "height": clip.info.size[1],
        "frames": run.frames,
        "duration": float(run.until),
        "seconds": round(time.monotonic() - started, 2),
        "stopped": run.stopped,
    }
    return VideoResult(
        target,
        run.frames,
        float(run.until),
        {**record, **outcome},
        tuple(warnings),
        tuple(stylise.cuts),
    )


@dataclass
class _VideoRun:
    """The run of one clip: reads, stylises and writes frame after frame.

    Args:
        frames: number of frames written, up to time `until` of the output, in seconds.
        made: number of frames stylised; smaller if frames are repeated.
    """

    stylizer: Stylizer
    stylise: ClipStylizer
    clip: ClipReader
    timing: Timing
    writer: FrameWriter
    observers: Sequence[Observer]
    deadline: float | None
    frames: int = 0
    made: int = 0
    until: Fraction = Fraction(0)
    stopped: StopReason = "done"

    def make(self) -> None:
        """Make the file, or as much of it as time allows."""
        try:
            self._make_frames(time.monotonic())
            if not self.frames:
                raise VideoError(self._why_nothing())
            self.writer.finish(whole=self.stopped == "done")
        except BaseException as error:
            self._keep_part(error)
            raise

    def report(self, within: float = 0.0, picture: Tensor | None = None) -> None:
        """Report the progress to observers.

        Args:
            within: finished share of the next frame.
            picture: the frame that was just finished, (1, 3, H, W), uint8.
        """
        total = self.timing.total
        steps = max(total or 0, self.frames)
        fraction = (self.frames + within) / steps if total else 0.0
        image = None if picture is None else partial(picture.div, 255)
        progress = Progress(min(fraction, 1.0), self.frames, steps, {}, "frame", image)
        for observer in self.observers:
            observer.progressed(progress)

    def _make_frames(self, started: float) -> None:
        for frame in self.timing.frames_of(self.clip):
            if self._is_time_up(started):
                return
            picture = self.stylise(to_tensor(frame.pixels), [_WithinFrame(self)])
            if self.stylizer.cancelled.is_set():  # the picture may be half done
                self.stopped = "interrupted"
                return
            pixels = to_pixels(picture)
            for repeat in range(frame.repeats):
                start = frame.time - self.timing.origin + repeat * frame.duration
                self.writer.write(pixels, start, frame.duration)
                self.frames += 1
                self.until = start + frame.duration
            self.made += 1
            self.report(picture=picture)

    def _is_time_up(self, started: float) -> bool:
        if self.stylizer.cancelled.is_set():
            self.stopped = "interrupted"
        elif self.deadline is not None:
            now = time.monotonic()
            pace = (now - started) / self.made if self.made else 0.0
            if now + pace > self.deadline:
                self.stopped = "time"
        return self.stopped != "done"

    def _why_nothing(self) -> str:
        if self.stopped == "done":
            return (
                f"{self.clip.info.path}: has no frame between --start and --end: choose a longer "
                f"part"
            )
        longer = ": give a longer --time" if self.stopped == "time" else ""
        return (
            f"{self.writer.path}: stopped before the first frame was done, so nothing is "
            f"written{longer}"
        )

    def _keep_part(self, error: BaseException) -> None:
        """Keep and report the part before an error if it can be played; else remove it."""
        if not (self.frames and isinstance(error, Exception)):
            self.writer.drop()
            return
        try:
            self.writer.finish(whole=False)
            kept: tuple[int, Fraction] | None = (self.frames, self.until)
        except Exception:  # for example on a full disk
            kept = self.writer.keep_playable()
        if kept is None:
            error.add_note(f"nothing is left of {self.writer.path}")
        else:
            frames, until = kept
            error.add_note(f"{self.writer.path} has the first {frames} frames ({clock(until)})")


class _WithinFrame:
    """Passes on the progress within a frame, for slow methods."""

    def __init__(self, run: _VideoRun) -> None:
        self._run = run

    def progressed(self, progress: Progress) -> None:
        """Report to the observers of the run."""
        if progress.fraction < 1:
            self._run.report(progress.fraction)
