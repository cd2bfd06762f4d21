"""Reading a video file, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

from stylize import MAX_PIXELS
from stylize.command import import_extra
from stylize.errors import VideoError
from stylize_video.colors import Converter, is_hdr, turn_of, upright_size
from stylize_video.container import open_container, video_errors
from stylize_video.frames import ClipInfo, Frame, Tell, frame_size
from stylize_video.settings import clock

__all__ = ["VideoFile"]

# Reading goes on after damage, but not for ever.
MOST_FAULTS = 100
# Times that are multiples of more than this do not tell what rate they are of: those of GIF.
COARSE = Fraction(1, 250)
FALLBACK_RATE = Fraction(25)


class VideoFile:
    """A video file that is open.

    Args:
        path: the file.
        size: longer side of the frames; smaller videos keep their size, None keeps any.
        start: seconds from the clip's start from which frames are given.
        max_pixels: refuse larger frames.
        tell: gets warnings.

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
            self._stream = self._choose_stream()
            self._stream.thread_type = "AUTO"
            self._rate = self._stream.average_rate or self._stream.guessed_rate or FALLBACK_RATE
            self._origin = Fraction(max(self._container.start_time or 0, 0), 1_000_000)
            self._decoded = self._decode_from(start)
            first = next(self._decoded, None)
            if first is None:
                raise self._nothing_read()
            self._grid = self._time_of(first)
            if self._is_coarse() and first.duration:  # FFmpeg's guess for GIF is a poor one
                self._rate = 1 / (first.duration * Fraction(first.time_base))
            self._pending = first
            self.info = self._describe(first, size, max_pixels)
        except BaseException:
            self._container.close()
            raise
        self._convert = Converter(self.info.size)

    def __iter__(self) -> Iterator[Frame]:
        """Give the frames in order, from `start` on, with what could not be decoded left out."""
        frame: Any = self._pending
        while frame is not None:
            self._check(frame)
            time = self._time_of(frame)
            duration = Fraction(frame.duration or 0) * (frame.time_base or 0)
            yield Frame(self._convert(frame, turn_of(frame)), time, duration)
            self._last = time + (duration or 1 / self._rate)
            frame = next(self._decoded, None)
        self._tell_damage()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._container.close()

    def _choose_stream(self) -> Any:
        """Return the video stream; a music file's cover is none."""
        av_stream = import_extra("av.stream", "video", "stylize video")
        cover = av_stream.Disposition.attached_pic
        streams = [s for s in self._container.streams.video if not s.disposition & cover]
        if not streams:
            held = ", ".join(sorted({s.type for s in self._container.streams})) or "nothing"
            raise VideoError(f"{self._path}: has no video stream (it holds {held}): name another")
        if streams[0].codec_context is None:
            raise VideoError(
                f"{self._path}: its codec is unknown to this FFmpeg: convert it to MP4"
            )
        return streams[0]

    def _describe(self, first: Any, size: int | None, max_pixels: int) -> ClipInfo:
        stream = self._stream
        original = upright_size(
            first.width, first.height, stream.sample_aspect_ratio, turn_of(first)
        )
        if stream.sample_aspect_ratio not in (None, 0, 1):
            self._tell(
                f"{self._path}: its pixels are not square: frames are made {original[0]}x"
                f"{original[1]} of square ones"
            )
        if original[0] * original[1] > max_pixels:
            raise VideoError(
                f"{self._path}: is {original[0]}x{original[1]}; the limit is {max_pixels:,} pixels "
                f"a frame: make it smaller or raise --max-pixels"
            )
        if first.interlaced_frame:
            self._tell(f"{self._path}: is interlaced: edges that move may look like combs")
        self._check(first)
        return ClipInfo(
            path=self._path,
            size=frame_size(original, size),
            original_size=original,
            rate=self._rate,
            tick=Fraction(stream.time_base),
            duration=self._duration(),
            first=self._time_of(first),
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
        """Tell, once each, of what is lost."""
        if is_hdr(frame):
            self._tell_once(
                f"{self._path}: is HDR: turned to 8 bits of standard range, highlights squeezed"
            )
        elif any(component.bits > 8 for component in frame.format.components):
            self._tell_once(f"{self._path}: has more than 8 bits a colour: turned to 8")
        if any(component.is_alpha for component in frame.format.components):
            self._tell_once(f"{self._path}: is transparent in parts: laid over white")

    def _tell_once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._tell(message)

    def _decode_from(self, start: Fraction | None) -> Iterator[Any]:
        """Give decoded frames from a time on."""
        if start is None:
            yield from self._decode()
            return
        goal = start + self._origin
        # A frame that is shown when the part begins, within what times are exact to.
        slack = Fraction(self._stream.time_base)
        with video_errors(self._path):
            self._container.seek(int(goal * 1_000_000), backward=True)
        frames = self._decode()
        frame = next(frames, None)
        if frame is None or self._time_of(frame) > start + slack:
            # Files without an index are not where they were asked to be.
            with video_errors(self._path):
                self._container.seek(0, backward=True)
            frames = self._decode()
            frame = next(frames, None)
        while frame is not None:
            if self._time_of(frame) >= start - slack:
                yield frame
            frame = next(frames, None)

    def _decode(self) -> Iterator[Any]:
        """Give all frames that can be decoded; note where some cannot."""
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
        """Give the frames of a packet; of None, those that the decoder still holds."""
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
        """Note when there is damage: at a frame, or after the last one that was read."""
        self._faults.append(self._last if frame is None else self._time_of(frame))

    def _tell_damage(self) -> None:
        """Warn of damage, with its times, and of an end that comes early."""
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
                f"what there is is kept"
            )

    def _nothing_read(self) -> VideoError:
        duration = self._duration()
        if self._start is not None and (duration is None or self._start >= duration):
            end = f" ({clock(duration)})" if duration else ""
            return VideoError(
                f"--start {clock(self._start)} is beyond the end of {self._path}{end}: choose an "
                f"earlier one"
            )
        fault = " (it is damaged)" if self._faults else ""
        return VideoError(
            f"{self._path}: has no frame that can be decoded{fault}: fetch or export it again"
        )

    def _time_of(self, frame: Any) -> Fraction:
        """Return a frame's time from the clip's start, on the grid of its rate where it is near.

        Times in milliseconds, as MKV has, are those of an exact rate, rounded.
        """
        tick = Fraction(self._stream.time_base)
        if frame.pts is None:  # of streams without times: one after another
            return self._last
        time = Fraction(frame.pts) * Fraction(frame.time_base or tick) - self._origin
        grid = self._grid
        if grid is None or self._is_coarse():
            return time
        nearest = grid + round((time - grid) * self._rate) / self._rate
        return nearest if abs(nearest - time) <= tick else time

    def _is_coarse(self) -> bool:
        return bool(self._stream.time_base > COARSE)
