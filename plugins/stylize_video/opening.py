"""Opening a clip and its output, and mapping the times of one to those of the other."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from stylize.command import import_extra
from stylize.errors import OutputError
from stylize_video.decoding import VideoFile
from stylize_video.encoding import FrameWriter, VideoWriter
from stylize_video.folder import NumberedWriter, PictureFolder
from stylize_video.formats import Encoder, numbered_pictures
from stylize_video.frames import (
    ClipInfo,
    ClipReader,
    Frame,
    Tell,
    cut_out,
    resample,
    with_durations,
)
from stylize_video.gif import FASTEST, GifWriter
from stylize_video.settings import VideoSettings

__all__ = ["Timing", "open_clip", "open_writer", "output_errors"]

# Errors of encoders and muxers, not of the disk: FFmpeg's own numbers are above the system's.
MOST = 1000
REFUSED = (errno.EINVAL, errno.EPERM, errno.ERANGE, errno.ENOSYS)


@contextlib.contextmanager
def output_errors(output: Path) -> Iterator[None]:
    """Turn errors in writing into OutputError; reading has its own errors."""
    error_module = import_extra("av.error", "video", "stylize video")
    try:
        yield
    except (OSError, error_module.FFmpegError) as error:
        remedy = "free some space or write elsewhere"
        if error.errno in REFUSED or (error.errno or 0) > MOST:
            remedy = "use another --codec, another kind of file, or --sound no"
        told = OutputError(f"{output}: cannot be written ({error.strerror or error}): {remedy}")
        for said in getattr(error, "__notes__", ()):
            told.add_note(said)
        raise told from error


def open_clip(
    path: Path, settings: VideoSettings, tell: Tell, *, size: int | None, max_pixels: int
) -> ClipReader:
    """Open a video file or a folder of numbered pictures at `--start`.

    Args:
        size: longer side of the frames; smaller clips keep their size, None keeps any.

    Raises: VideoError, ImageError.
    """
    start = _exact(settings.start)
    if path.is_dir():
        return PictureFolder(
            path, size=size, start=start, rate=settings.rate, max_pixels=max_pixels, tell=tell
        )
    return VideoFile(path, size=size, start=start, max_pixels=max_pixels, tell=tell)


def _exact(seconds: float | None) -> Fraction | None:
    """Return the exact decimal value of a time."""
    return None if seconds is None else Fraction(str(seconds))


@dataclass(frozen=True)
class Timing:
    """When frames are shown.

    Args:
        origin: time in the clip that is 0 in the output, in seconds.
        end: time in the clip before which the output ends; None for the whole clip.
        rate: frames per second of the output, on average.
        constant: whether frames are repeated and skipped to make the rate constant.
        total: expected number of frames of the output; None if unknown.
        tell: receives a warning if times vary but the output cannot store them.
    """

    origin: Fraction
    end: Fraction | None
    rate: Fraction
    constant: bool
    total: int | None
    tell: Tell | None = None

    @classmethod
    def of(cls, clip: ClipInfo, settings: VideoSettings, output: Path, tell: Tell) -> Timing:
        """Return the requested times, as far as the output can store them."""
        is_folder = clip.path.is_dir()
        rate = clip.rate if is_folder else settings.rate or clip.rate
        constant = settings.rate is not None and not is_folder
        is_gif, numbered = output.suffix.lower() == ".gif", numbered_pictures(output)
        if (is_gif or numbered) and settings.sound and clip.tracks:
            tell(f"{output}: has no sound or subtitles: those of {clip.path} are left out")
        if is_gif and rate > FASTEST:
            tell(f"{output}: GIF has at most {FASTEST} frames per second: others are left out")
            rate, constant = FASTEST, True
        part = settings.start is not None
        origin = clip.first if part or is_gif or numbered else Fraction(0)
        end = _exact(settings.end)
        until = min((t for t in (end, clip.duration) if t is not None), default=None)
        total = None if until is None else max(round((until - origin) * rate), 1)
        return cls(origin, end, rate, constant, total, tell if numbered and not constant else None)

    def frames_of(self, clip: ClipReader) -> Iterator[Frame]:
        """Yield the frames of a clip as they will be shown, with times of the clip."""
        rate = clip.info.rate
        frames = cut_out(with_durations(clip, rate), self.end, Fraction(3, 2) / rate)
        if self.constant:
            return resample(frames, self.rate)
        return frames if self.tell is None else _watch_times(frames, clip.info, self.tell)


def _watch_times(frames: Iterable[Frame], clip: ClipInfo, tell: Tell) -> Iterator[Frame]:
    """Warn once if frames have different durations, which pictures do not store."""
    before: Fraction | None = None
    told = False
    for frame in frames:
        # Two ticks, as both ends of a duration are rounded.
        if not told and before and abs(frame.duration - before) > 2 * clip.tick:
            told = True
            tell(
                f"{clip.path}: has a variable frame rate, which numbered pictures lose: give --fps "
                f"to make it constant"
            )
        before = frame.duration
        yield frame


def open_writer(
    output: Path,
    encoder: Encoder | None,
    clip: ClipInfo,
    timing: Timing,
    settings: VideoSettings,
    record: Mapping[str, Any] | None,
    *,
    force: bool,
    tell: Tell,
) -> FrameWriter:
    """Open an output.

    Args:
        encoder: encoder of a video file.
        record: record of the run, stored in the output.

    Raises: OutputError.
    """
    if numbered := numbered_pictures(output):
        return NumberedWriter(*numbered, record, force=force)
    if encoder is None or output.suffix.lower() == ".gif":
        return GifWriter(output, clip, record, force=force)
    return VideoWriter(
        output,
        encoder,
        clip,
        rate=timing.rate,
        record=record,
        origin=timing.origin,
        end=timing.end,
        sound=settings.sound,
        crf=settings.crf,
        force=force,
        tell=tell,
    )
