"""Writing a video file, frame by frame, under another name until it is complete."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from stylize.command import import_extra
from stylize.errors import OutputError
from stylize_video.formats import CONTAINERS, Encoder
from stylize_video.frames import ClipInfo, Pixels, Tell
from stylize_video.partfile import PartFile
from stylize_video.priority import keep_priority
from stylize_video.record import comment_of
from stylize_video.tracks import Tracks

__all__ = ["FrameWriter", "VideoWriter", "time_base_of"]

FINEST, COARSEST = 1_000_000, 10_000
MPEG4_FINEST = 65_535
# Distance of key frames: this many seconds, but at least this many frames.
KEY_SECONDS, LEAST_GROUP = 2, 12
# Bits per pixel for encoders without constant quality.
BITS = 0.25


class FrameWriter(Protocol):
    """The destination of frames. `finish` keeps them; without it, nothing is left."""

    @property
    def path(self) -> Path:
        """The file or the pattern; in the end another name, if the requested one has been taken."""

    def write(self, pixels: Pixels, time: Fraction, duration: Fraction) -> None:
        """Add a frame: (H, W, 3) uint8, shown from a time of the output on, in seconds."""

    def finish(self, *, whole: bool = True) -> None:
        """End the file and give it its name.

        Args:
            whole: whether it has all frames of the clip.
        """

    def keep_playable(self) -> tuple[int, Fraction] | None:
        """End the file after a failure: keep the playable part, or remove it.

        Returns:
            The number of kept frames and the end of the last one, in seconds; None if none.
        """

    def drop(self) -> None:
        """Remove everything that was written."""


def time_base_of(rate: Fraction, tick: Fraction, finest: int = FINEST) -> Fraction:
    """Return a unit of time of which both frames at a rate and the clip's times are multiples.

    Args:
        tick: unit of the clip's times, in seconds.
        finest: largest number of units per second; times that would need more are rounded.
    """
    parts = math.lcm(rate.numerator, tick.denominator if tick.numerator == 1 else 1)
    if parts > finest:
        parts = rate.numerator if rate.numerator <= finest else finest
    while parts < COARSEST:
        parts *= 2
    return Fraction(1, parts)


class VideoWriter:
    """An MP4, MOV, MKV or WebM file.

    Args:
        path: path of the finished file.
        force: replace an existing file of that name in the end.
        encoder: encoder of the video.
        clip: the source clip.
        rate: frames per second, on average.
        record: record of the run, for the file's comment.
        origin: time in the clip that is 0 in the output.
        end: time in the clip at which the output ends.
        sound: whether sound, subtitles and chapters are kept.
        crf: replaces the default of the encoder.
        tell: receives warnings.
    """

    def __init__(
        self,
        path: Path,
        encoder: Encoder,
        clip: ClipInfo,
        *,
        rate: Fraction,
        record: Mapping[str, Any] | None,
        origin: Fraction,
        end: Fraction | None,
        sound: bool,
        crf: float | None,
        force: bool,
        tell: Tell,
    ) -> None:
        av = import_extra("av", "video", "stylize video")
        self._encoder = encoder
        os.environ.setdefault("SVT_LOG", "1")  # errors only: there is no other way to silence it
        kind = CONTAINERS[path.suffix.lower()]
        if sound and "subtitle" in clip.tracks and "mov_text" in kind.text:
            # FFmpeg 8 aborts the process if a fragment begins within a subtitle of MP4.
            kind = replace(kind, options={})
        self._part = PartFile(path, force=force)
        self._tracks: Tracks | None = None
        self._last = -1
        self._until = Fraction(0)
        self._durations: dict[int, int] = {}
        self._container = av.open(
            self._part.url, "w", format=kind.format, container_options=dict(kind.options)
        )
        try:
            self._add_video(clip, rate, crf, tell, in_fragments="movflags" in kind.options)
            if sound and clip.path.is_file():
                self._tracks = Tracks(
                    clip.path, self._container, kind, origin=origin, end=end, tell=tell
                )
            if record is not None:
                self._container.metadata["comment"] = comment_of(record)
        except BaseException:
            self.drop()
            raise

    @property
    def path(self) -> Path:
        return self._part.target

    def write(self, pixels: Pixels, time: Fraction, duration: Fraction) -> None:
        frame = self._frame(pixels)
        frame.time_base = self._base
        # Two frames may be closer than the unit of time.
        frame.pts = self._last = max(round(time / self._base), self._last + 1)
        frame.duration = max(round(duration / self._base), 1)
        self._durations[frame.pts] = frame.duration
        self._until = time + duration
        self._mux(self._stream.encode(frame))
        if self._tracks:
            self._tracks.advance(self._until)

    def finish(self, *, whole: bool = True) -> None:
        self._mux(self._stream.encode(None))
        if self._tracks:
            self._tracks.advance(None if whole else self._until)
            self._tracks.finish()
        self._close()
        self._part.keep()

    def keep_playable(self) -> tuple[int, Fraction] | None:
        with contextlib.suppress(Exception):  # the cause of the failure may remain
            self._close()
        return self._part.keep_playable()

    def drop(self) -> None:
        with contextlib.suppress(Exception):
            self._close()
        self._part.drop()

    def _close(self) -> None:
        if self._tracks:
            self._tracks.close()
        self._container.close()

    def _add_video(
        self,
        clip: ClipInfo,
        rate: Fraction,
        crf: float | None,
        tell: Tell,
        *,
        in_fragments: bool,
    ) -> None:
        encoder = self._encoder
        width, height = clip.size
        even = encoder.pixels == "yuv420p"
        self._padding = (height % 2, width % 2) if even else (0, 0)
        if any(self._padding):
            tell(
                f"{self.path}: {width}x{height} is padded to {width + self._padding[1]}x"
                f"{height + self._padding[0]} by repeating the last row or column, as "
                f"{encoder.name} needs even sizes"
            )
        if width < encoder.least[0] or height < encoder.least[1]:
            least = "x".join(map(str, encoder.least))
            raise OutputError(
                f"{self.path}: frames are {width}x{height}, but {encoder.name} needs {least} or "
                f"more: use another --codec or a larger --size"
            )
        finest = MPEG4_FINEST if encoder.name == "mpeg4" else FINEST
        self._base = time_base_of(rate, clip.tick, finest)
        options = dict(encoder.options)
        if encoder.crf is not None:
            options["crf"] = f"{encoder.crf if crf is None else crf:g}"
        stream = self._container.add_stream(encoder.name, rate=rate, options=options)
        context = stream.codec_context
        context.width, context.height = width + self._padding[1], height + self._padding[0]
        context.pix_fmt = encoder.pixels
        context.time_base = self._base
        if in_fragments:
            # The largest part that an unfinished file loses, and the distance of seek points.
            context.gop_size = max(round(KEY_SECONDS * rate), LEAST_GROUP)
        if encoder.crf is None and encoder.pixels == "yuv420p":
            context.bit_rate = max(int(width * height * rate * BITS), 200_000)
        if encoder.tag and CONTAINERS[self.path.suffix.lower()].format in ("mp4", "mov"):
            context.codec_tag = encoder.tag
        colors = import_extra("av.video.reformatter", "video", "stylize video")
        self._scaler = colors.VideoReformatter()
        flags = colors.Interpolation
        self._flags = int(flags.LANCZOS | flags.ACCURATE_RND | flags.FULL_CHR_H_INP)
        self._matrix, self._range = colors.Colorspace.ITU709, colors.ColorRange.MPEG
        if encoder.pixels == "yuv420p":
            context.colorspace = int(self._matrix)
            context.color_range = int(self._range)
            context.color_primaries = int(colors.ColorPrimaries.BT709)
            context.color_trc = int(colors.ColorTrc.BT709)
        with keep_priority():
            context.open()
        self._stream = stream

    def _frame(self, pixels: Pixels) -> Any:
        av = import_extra("av", "video", "stylize video")
        down, right = self._padding
        if down or right:
            pixels = np.pad(pixels, ((0, down), (0, right), (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        if self._encoder.pixels != "yuv420p":
            return self._scaler.reformat(frame, format=self._encoder.pixels)
        return self._scaler.reformat(
            frame,
            format="yuv420p",
            dst_colorspace=self._matrix,
            dst_color_range=self._range,
            interpolation=self._flags,
        )

    def _mux(self, packets: Any) -> None:
        for packet in packets:
            duration = self._durations.pop(packet.pts, 0)
            if not packet.duration:
                packet.duration = duration
            self._container.mux(packet)
