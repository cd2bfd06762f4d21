"""From a clip to a stylised clip: what `stylize_video` and the command do."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylize.errors import OutputError, VideoError
from stylize.extras import import_extra
from stylize.pictures import Stylizer
from stylize.protocols import Observer
from stylize.provenance import sha256_of
from stylize.run import Progress, StopReason
from stylize.video.checking import check_video_output
from stylize.video.clip import ClipStylizer
from stylize.video.decoding import VideoFile
from stylize.video.encoding import FrameWriter, VideoWriter
from stylize.video.folder import NumberedWriter, PictureFolder
from stylize.video.formats import Encoder, numbered_pictures
from stylize.video.frames import ClipReader, Frame, Tell, cut_out, resample, with_durations
from stylize.video.gif import FASTEST, GifWriter
from stylize.video.record import hash_clip
from stylize.video.settings import VideoSettings, clock
from stylize.video.temporal import TemporalSettings
from stylize.video.tensors import to_pixels, to_tensor

if TYPE_CHECKING:
    from stylize.images import ImageSource

__all__ = ["VideoResult", "make_video"]

PURPOSE = "stylize video"


@dataclass(frozen=True)
class VideoResult:
    """A finished video, or the part of it that was made.

    Args:
        path: the file, or the folder of pictures.
        frames: in it.
        duration: of them, in seconds.
        record: the full settings and inputs, as in the file, and what came of the run.
        warnings: about the clip and the output.
        cuts: numbers of the frames, from 0, that begin a new scene.
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
) -> VideoResult:
    """Stylise a clip, frame by frame; memory does not grow with its length.

    Args:
        stylizer: without a time limit of its own. Cancelled, it leaves the frames made so far.
        content: a video file, a GIF or a folder of numbered pictures.
        output: a .mp4, .m4v, .mov, .mkv, .webm or .gif file, or frames/%06d.png.
        temporal: whether, or how, strokes are held still.
        tell: gets warnings as they come; they are in the result in any case.
        observers: told how far the run is, in frames.
        deadline: `time.monotonic()` to finish by.

    Raises: StylizeError; where it comes in the midst, its message says what is kept.
    """
    path = Path(content)
    inputs = [path, *(Path(s) for s in styles if isinstance(s, str | Path) and str(s) != "-")]
    encoder = check_video_output(output, settings, force=force, inputs=inputs)
    warnings: list[str] = []

    def note(message: str) -> None:
        warnings.append(message)
        if tell:
            tell(message)

    with _open_clip(path, stylizer, settings, note) as clip, _output_errors(output):
        run = _VideoRun(stylizer, clip, styles, Path(output), settings, encoder, note)
        run.temporal, run.force = temporal, force
        run.observers, run.deadline = observers, deadline
        return run(warnings)


@contextlib.contextmanager
def _output_errors(output: str | Path) -> Iterator[None]:
    """Turn what goes wrong in writing into OutputError; reading has errors of its own."""
    error_module = import_extra("av.error", "video", PURPOSE)
    try:
        yield
    except (OSError, error_module.FFmpegError) as error:
        told = OutputError(
            f"{output}: cannot be written ({error.strerror or error}): free some space, write "
            f"elsewhere, or use another --codec"
        )
        for said in getattr(error, "__notes__", ()):
            told.add_note(said)
        raise told from error


def _open_clip(path: Path, stylizer: Stylizer, settings: VideoSettings, tell: Tell) -> ClipReader:
    size = stylizer.plan.settings.size
    longest = None if size == "full" else size
    start = None if settings.start is None else Fraction(str(settings.start))
    if path.is_dir():
        return PictureFolder(
            path,
            size=longest,
            start=start,
            rate=settings.rate,
            max_pixels=stylizer.max_pixels,
            tell=tell,
        )
    return VideoFile(path, size=longest, start=start, tell=tell)


class _VideoRun:
    """One clip on its way."""

    temporal: bool | TemporalSettings = True
    force: bool = False
    observers: Sequence[Observer] = ()
    deadline: float | None = None

    def __init__(
        self,
        stylizer: Stylizer,
        clip: ClipReader,
        styles: Sequence[ImageSource],
        output: Path,
        settings: VideoSettings,
        encoder: Encoder | None,
        tell: Tell,
    ) -> None:
        self.stylizer = stylizer
        self.clip = clip
        self.styles = styles
        self.output = output
        self.settings = settings
        self.encoder = encoder
        self.tell = tell
        info = clip.info
        self.origin = info.first if settings.start is not None else Fraction(0)
        self.end = None if settings.end is None else Fraction(str(settings.end))
        self.rate = info.rate if info.path.is_dir() else settings.rate or info.rate
        self.numbered = numbered_pictures(output)
        silent = self.numbered is not None or output.suffix.lower() == ".gif"
        if silent and settings.sound and info.tracks:
            tell(f"{output}: holds no sound and no subtitles: those of {info.path} are left out")
        if output.suffix.lower() == ".gif" and self.rate > FASTEST:
            tell(f"{output}: GIF has at most {FASTEST} frames a second: others are left out")
            self.rate = FASTEST
        self.frames = 0
        self.until = Fraction(0)
        self.stopped: StopReason = "done"

    def __call__(self, warnings: list[str]) -> VideoResult:
        started = time.monotonic()
        stylise = ClipStylizer(self.stylizer, self.styles, self.temporal)
        record = self._record()
        writer = self._open_writer(record)
        try:
            for frame in self._frames():
                if self._is_time_up(started):
                    break
                picture = stylise(to_tensor(frame.pixels))
                if self.stylizer.cancelled.is_set():  # the picture may be half done
                    self.stopped = "interrupted"
                    break
                self._write(writer, to_pixels(picture), frame)
                self._report()
            self._finish(writer)
        except BaseException as error:
            self._keep_part(writer, error)
            raise
        outcome = {
            "width": self.clip.info.size[0],
            "height": self.clip.info.size[1],
            "frames": self.frames,
            "duration": float(self.until),
            "seconds": round(time.monotonic() - started, 2),
            "stopped": self.stopped,
        }
        return VideoResult(
            self.output,
            self.frames,
            float(self.until),
            {**record, **outcome},
            tuple(warnings),
            tuple(stylise.cuts),
        )

    def _frames(self) -> Iterator[Frame]:
        info = self.clip.info
        frames = cut_out(with_durations(self.clip, info.rate), self.end, Fraction(3, 2) / info.rate)
        if self.rate != info.rate:
            frames = resample(frames, self.rate)
        elif self.numbered:
            frames = self._watch_times(frames)
        return frames

    def _watch_times(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Tell, once, where frames are shown for different times, which pictures do not keep."""
        before: Fraction | None = None
        told = False
        for frame in frames:
            # Two ticks: both ends of a duration are rounded.
            if not told and before and abs(frame.duration - before) > 2 * self.clip.info.tick:
                told = True
                self.tell(
                    f"{self.clip.info.path}: has a variable frame rate, which numbered pictures "
                    f"lose: give --fps to make it constant"
                )
            before = frame.duration
            yield frame

    def _write(self, writer: FrameWriter, pixels: Any, frame: Frame) -> None:
        for repeat in range(frame.repeats):
            start = frame.time - self.origin + repeat * frame.duration
            writer.write(pixels, start, frame.duration)
            self.frames += 1
            self.until = start + frame.duration

    def _finish(self, writer: FrameWriter) -> None:
        if not self.frames:
            if self.stopped == "done":
                raise self._nothing_in_part()
            raise VideoError(
                f"{self.output}: stopped before the first frame was done, so nothing is written"
            )
        writer.finish(whole=self.stopped == "done")

    def _is_time_up(self, started: float) -> bool:
        if self.stylizer.cancelled.is_set():
            self.stopped = "interrupted"
        elif self.deadline is not None:
            now = time.monotonic()
            pace = (now - started) / self.frames if self.frames else 0.0
            if now + pace > self.deadline:
                self.stopped = "time"
        return self.stopped != "done"

    def _total(self) -> int | None:
        """Frames that are to be made, as far as the clip says."""
        duration = self.clip.info.duration
        if self.end is not None:
            duration = self.end if duration is None else min(duration, self.end)
        if duration is None:
            return None
        return max(round((duration - self.origin) * self.rate), 1)

    def _report(self) -> None:
        total = max(self._total() or 0, self.frames)
        fraction = self.frames / total if self._total() else 0.0
        progress = Progress(fraction, self.frames, total, {}, "frame")
        for observer in self.observers:
            observer.progressed(progress)

    def _keep_part(self, writer: FrameWriter, error: BaseException) -> None:
        """Keep what was written before an error if it can be played, and say so; else remove it."""
        kept: tuple[int, Fraction] | None = None
        if self.frames and isinstance(error, Exception):
            try:
                writer.finish(whole=False)
                kept = self.frames, self.until
            except Exception:  # as on a full disk
                kept = writer.keep_playable()
        else:
            writer.drop()
        if kept is None:
            error.add_note(f"nothing is left of {self.output}")
        else:
            frames, until = kept
            error.add_note(f"{self.output} has the first {frames} frames ({clock(until)})")

    def _nothing_in_part(self) -> VideoError:
        return VideoError(
            f"{self.clip.info.path}: has no frame between --start and --end: choose a longer part"
        )

    def _open_writer(self, record: dict[str, Any]) -> FrameWriter:
        info = self.clip.info
        if self.numbered:
            return NumberedWriter(*self.numbered, record, force=self.force)
        if self.output.suffix.lower() == ".gif":
            return GifWriter(self.output, info, record)
        assert self.encoder is not None
        return VideoWriter(
            self.output,
            self.encoder,
            info,
            rate=self.rate,
            record=record,
            origin=self.origin,
            end=self.end,
            sound=self.settings.sound,
            crf=self.settings.crf,
            tell=self.tell,
        )

    def _record(self) -> dict[str, Any]:
        path = self.clip.info.path
        return {
            **self.stylizer.setup_record(),
            "replay": {},
            "content": {"name": str(path), "path": str(path), "sha256": hash_clip(path)},
            "styles": [_style_record(style) for style in self.styles],
            "video": self.settings.model_dump(mode="json"),
            "temporal": _temporal_record(self.temporal),
        }


def _temporal_record(temporal: bool | TemporalSettings) -> dict[str, Any] | None:
    if temporal is True:
        temporal = TemporalSettings()
    return temporal.model_dump(mode="json") if temporal else None


def _style_record(style: ImageSource) -> dict[str, str]:
    if isinstance(style, str | Path) and str(style) != "-":
        return {"name": str(style), "path": str(style), "sha256": sha256_of(style)}
    return {"name": str(getattr(style, "filename", "") or "image"), "path": "", "sha256": ""}
