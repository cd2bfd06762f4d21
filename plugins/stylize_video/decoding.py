"""Reading a video file, frame by frame."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from stylize import MAX_PIXELS
from stylize.command import import_extra
from stylize.errors import VideoError
from stylize_video.colors import Converter, is_hdr, turn_of, upright_size
from stylize_video.container import choose_video, open_container, video_errors
from stylize_video.frames import ClipInfo, Frame, Tell, frame_size
from stylize_video.settings import clock
from stylize_video.timeline import Timeline

__all__ = ["VideoFile"]

# Reading continues after damage, up to this many faults in a row.
MOST_FAULTS = 100
# If times are multiples of more than this, as in GIF, they do not show the rate.
COARSE = Fraction(1, 250)
FALLBACK_RATE = Fraction(25)


class VideoFile:
    """An open video file.

    Args:
        path: the file.
        size: longer side of the frames; smaller videos keep their size, None keeps any.
        start: time of the first frame to read, in seconds from the clip's start.
        max_pixels: reject larger frames.
        tell: receives warnings.

    Raises: VideoError.
    """

    def __init__(
        self,
        path: Path,
        *,
        size: int | None,
        start: Fraction | None,
        tell: Tell,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self._path = path
        self._tell = tell
        self._start = start
        self._faults: list[Fraction] = []
        self._last = Fraction(0)
        self._grid: Fraction | None = None
        self._told: set[str] = set()
        self._container = open_container(path)
        try:
            self._stream = choose_video(self._container, path, tell)
            self._stream.thread_type = "AUTO"
            self._rate = self._stream.average_rate or self._stream.guessed_rate or FALLBACK_RATE
            self._origin = Fraction(max(self._container.start_time or 0, 0), 1_000_000)
            self._decoded = self._decode_from(start)
            first, time = next(self._decoded, (None, Fraction(0)))
            if first is None:
                raise self._nothing_read()
            self._grid = time
            if self._is_coarse() and first.duration:  # FFmpeg's guess for GIF is poor
                self._rate = 1 / (first.duration * Fraction(first.time_base))
            self._pending = first, time
            self.info = self._describe(first, time, size, max_pixels)
        except BaseException:
            self._container.close()
            raise
        self._convert = Converter(self.info.size)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order, from `start` on, skipping those that cannot be decoded."""
        for frame, time in itertools.chain([self._pending], self._decoded):
            self._check(frame)
            pixels = self._convert(frame, turn_of(frame))
            if self._convert.transparent:
                self._tell_once(f"{self._path}: is partly transparent: laid over white")
            yield Frame(pixels, time, _duration_of(frame))
            self._last = time + (_duration_of(frame) or 1 / self._rate)
        self._tell_damage()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._container.close()

    def _describe(self, first: Any, time: Fraction, size: int | None, max_pixels: int) -> ClipInfo:
        stream = self._stream
        original = upright_size(
            first.width, first.height, stream.sample_aspect_ratio, turn_of(first)
        )
        if stream.sample_aspect_ratio not in (None, 0, 1):
            self._tell(
                f"{self._path}: its pixels are not square: frames are resized to {original[0]}x"
                f"{original[1]} square ones"
            )
        if original[0] * original[1] > max_pixels:
            raise VideoError(
                f"{self._path}: is {original[0]}x{original[1]}; the limit is {max_pixels:,} pixels "
                f"per frame: make it smaller or raise --max-pixels"
            )
        if first.interlaced_frame:
            self._tell(f"{self._path}: is interlaced: moving edges may look like combs")
        self._shape = _shape_of(first)
        self._check(first)
        return ClipInfo(
            path=self._path,
            size=frame_size(original, size),
            original_size=original,
            rate=self._rate,
            tick=Fraction(stream.time_base),
            duration=self._duration(),
            first=time,
            tracks=frozenset(s.type for s in self._container.streams) & {"audio", "subtitle"},
        )

    def _duration(self) -> Fraction | None:
        stream = self._stream
        if stream.duration:
            return Fraction(stream.duration * stream.time_base)
        if self._container.duration:
            return Fraction(self._container.duration, 1_000_000)
        return None

    def _check(self, frame: Any) -> None:
        """Report each kind of loss once."""
        if is_hdr(frame):
            self._tell_once(
                f"{self._path}: is HDR: converted to 8 bits of standard range, with highlights "
                f"compressed"
            )
        elif any(component.bits > 8 for component in frame.format.components):
            self._tell_once(f"{self._path}: has more than 8 bits per colour: converted to 8")
        if _shape_of(frame) != self._shape:
            self._tell_once(
                f"{self._path}: its pictures change proportions: others are fitted into the size "
                f"of the first, with black edges"
            )

    def _tell_once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._tell(message)

    def _decode_from(self, start: Fraction | None) -> Iterator[tuple[Any, Fraction]]:
        """Yield decoded frames from a time on, with their times."""
        if start is None:
            yield from self._decode_timed()
            return
        goal = start + self._origin
        # The first frame may begin earlier by as much as times are rounded.
        begin = start - Fraction(self._stream.time_base)
        with video_errors(self._path):
            self._container.seek(int(goal * 1_000_000), backward=True)
        frames = self._decode_timed()
        first = next(frames, None)
        if first is None or first[1] > start + start - begin:
            # In files without an index, seeking may end elsewhere.
            with video_errors(self._path):
                self._container.seek(0, backward=True)
            first, frames = None, self._decode_timed()
        for frame, time in itertools.chain([first] if first else [], frames):
            if time >= begin:
                yield frame, time

    def _decode_timed(self) -> Iterator[tuple[Any, Fraction]]:
        """Yield all frames with increasing times."""
        timeline = Timeline(self._path, "pictures", self._tell)
        for frame in self._decode():
            duration = _duration_of(frame) or 1 / self._rate
            yield frame, timeline.place(self._time_of(frame), duration)

    def _decode(self) -> Iterator[Any]:
        """Yield all frames that can be decoded; note when some cannot."""
        av = import_extra("av", "video", "stylize video")
        packets = self._container.demux(self._stream)
        in_a_row = 0
        while in_a_row < MOST_FAULTS:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                in_a_row = 0
            except av.error.FFmpegError:
                in_a_row += 1
                self._note_fault(None)
                packets = self._container.demux(self._stream)  # the old one has ended
                continue
            yield from self._decode_packet(packet)
        yield from self._decode_packet(None)

    def _decode_packet(self, packet: Any) -> Iterator[Any]:
        """Yield the frames of a packet; for None, those that the decoder still holds."""
        av = import_extra("av", "video", "stylize video")
        try:
            frames = self._stream.decode(packet)
        except av.error.FFmpegError:
            self._note_fault(None)
            return
        for frame in frames:
            if frame.is_corrupt:
                self._note_fault(frame)
            yield frame

    def _note_fault(self, frame: Any) -> None:
        """Note the time of damage: at a frame, or after the last one that was read."""
        self._faults.append(self._last if frame is None else self._time_of(frame))

    def _tell_damage(self) -> None:
        """Warn of damage, with its times, and of an early end."""
        if self._faults:
            first, last = max(min(self._faults), Fraction(0)), max(self._faults)
            where = clock(first) if first == last else f"{clock(first)} to {clock(last)}"
            self._tell(
                f"{self._path}: is damaged at {where} ({len(self._faults)} faults): what could be "
                f"decoded is kept"
            )
        told = self.info.duration
        if told and self._last < told - max(3 / self._rate, Fraction(1, 2)):
            self._tell(
                f"{self._path}: ends at {clock(self._last)} of {clock(told)}: it is cut short, and "
                f"its frames are kept"
            )

    def _nothing_read(self) -> VideoError:
        duration = self._duration()
        if self._start is not None and (duration is None or self._start >= duration):
            end = f" ({clock(duration)})" if duration else ""
            return VideoError(
                f"--start {clock(self._start)} is beyond the end of {self._path}{end}: choose an "
                f"earlier time"
            )
        fault = " (it is damaged)" if self._faults else ""
        return VideoError(
            f"{self._path}: has no frame that can be decoded{fault}: fetch or export it again"
        )

    def _time_of(self, frame: Any) -> Fraction:
        """Return a frame's time from the clip's start, moved to the grid of its rate if close.

        Times in milliseconds, as in MKV, are rounded times of an exact rate.
        """
        tick = Fraction(self._stream.time_base)
        if frame.pts is None:  # a stream without times: one after another
            return self._last
        time = Fraction(frame.pts) * Fraction(frame.time_base or tick) - self._origin
        grid = self._grid
        if grid is None or self._is_coarse():
            return time
        nearest = grid + round((time - grid) * self._rate) / self._rate
        return nearest if abs(nearest - time) <= tick else time

    def _is_coarse(self) -> bool:
        return bool(self._stream.time_base > COARSE)


def _duration_of(frame: Any) -> Fraction:
    """Return how long a frame is shown, in seconds; 0 if unknown."""
    return Fraction(frame.duration or 0) * (frame.time_base or 0)


def _shape_of(frame: Any) -> Fraction:
    """Return the upright width of a picture divided by its height."""
    shape = Fraction(frame.width, frame.height)
    return 1 / shape if turn_of(frame).swap else shape
