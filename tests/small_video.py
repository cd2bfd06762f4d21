"""Small clips for tests, and the contents of files, written and read with PyAV alone."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.subtitles.subtitle import SubtitleSet
from av.video.reformatter import ColorRange, Colorspace

__all__ = [
    "CLOCKWISE",
    "COLORS",
    "Contents",
    "bars",
    "inspect_clip",
    "make_clip",
    "moving_square",
    "number_of",
    "turn_clip",
]

# As `[a, b, c, d]` of MP4's matrix.
CLOCKWISE = (0, 1, -1, 0)
COLORS = ((220, 30, 20), (30, 200, 40), (25, 50, 210), (235, 225, 40))


def bars(width: int = 96, height: int = 64) -> np.ndarray:
    """Four bars of plain colours, (H, W, 3)."""
    picture = np.zeros((height, width, 3), np.uint8)
    for number, color in enumerate(COLORS):
        picture[:, number * width // 4 : (number + 1) * width // 4] = color
    return picture


def moving_square(number: int, width: int = 96, height: int = 64) -> np.ndarray:
    """A white square on grey, whose position encodes the frame's number, up to 40."""
    picture = np.full((height, width, 3), 90, np.uint8)
    row, column = divmod(number, 8)
    picture[row * 12 : row * 12 + 12, column * 12 : column * 12 + 12] = 250
    return picture


def number_of(picture: np.ndarray) -> int:
    """Return the number of a frame of `moving_square`."""
    cells = picture[:60, :96].reshape(5, 12, 8, 12, 3).mean(axis=(1, 3, 4))
    return int(cells.argmax())


def make_clip(
    path: Path,
    *,
    frames: Sequence[np.ndarray] | int = 10,
    rate: Fraction = Fraction(25),
    times: Sequence[float] | None = None,
    codec: str = "libx264",
    layout: str = "yuv420p",
    matrix: Colorspace | None = None,
    range_: ColorRange | None = None,
    transfer: int | None = None,
    primaries: int | None = None,
    aspect: Fraction | None = None,
    sound: str | None = None,
    layout_of_sound: str = "mono",
    subtitles: str | None = None,
    chapters: bool = False,
    title: str | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a clip.

    Args:
        frames: pictures (H, W, 3), uint8 or uint16; or a number of frames of `moving_square`.
        times: of frames in seconds, for a variable rate.
        sound: a codec, for a sine of 440 Hz as long as the pictures.
        subtitles: a codec, for "Hello" from 0.1 s to 0.3 s.
    """
    pictures = [moving_square(n) for n in range(frames)] if isinstance(frames, int) else frames
    height, width = pictures[0].shape[:2]
    seconds = float(len(pictures) / rate) if times is None else times[-1] + float(1 / rate)
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        exact = {"libx264": {"crf": "4"}, "ffv1": {}}.get(codec, {})
        stream = container.add_stream(codec, rate=rate, options={**exact, **(options or {})})
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, layout
        base = 1 / rate if times is None else Fraction(1, 90_000)
        context.time_base = base
        if aspect:
            context.sample_aspect_ratio = aspect
        for name, value in (
            ("colorspace", matrix),
            ("color_range", range_),
            ("color_trc", transfer),
            ("color_primaries", primaries),
        ):
            if value is not None:
                setattr(context, name, value)
        tone = _add_sound(container, sound, layout_of_sound) if sound else None
        text = _add_subtitles(container, subtitles) if subtitles else None
        if chapters:
            container.set_chapters(
                [
                    {"id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000),
                     "metadata": {"title": "One"}},
                    {"id": 2, "start": 200, "end": int(seconds * 1000),
                     "time_base": Fraction(1, 1000), "metadata": {"title": "Two"}},
                ]
            )  # fmt: skip
        if title:
            container.metadata["title"] = title
        if text:
            _write_subtitles(container, text)
        for number, picture in enumerate(pictures):
            deep = picture.dtype == np.uint16
            source = av.VideoFrame.from_ndarray(picture, format="rgb48le" if deep else "rgb24")
            frame = source.reformat(format=layout, dst_colorspace=matrix, dst_color_range=range_)
            frame.pts = number if times is None else round(times[number] / base)
            frame.time_base = base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if tone:
            _write_sound(container, tone, seconds)
    return path


def _add_sound(container: Any, codec: str, layout: str) -> Any:
    return container.add_stream(codec, rate=48_000, layout=layout)


def _write_sound(container: Any, stream: Any, seconds: float) -> None:
    context = stream.codec_context
    samples = np.sin(np.arange(int(48_000 * seconds)) * 2 * np.pi * 440 / 48_000)
    resampler = av.AudioResampler(context.format, context.layout, 48_000)
    frame = av.AudioFrame.from_ndarray(
        (samples * 20_000).astype(np.int16)[None], format="s16", layout="mono"
    )
    frame.sample_rate, frame.pts = 48_000, 0
    for resampled in resampler.resample(frame):
        container.mux(stream.encode(resampled))
    container.mux(stream.encode())


def _add_subtitles(container: Any, codec: str) -> Any:
    stream = container.add_stream(codec)
    stream.codec_context.subtitle_header = (
        b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\n"
        b"Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, "
        b"BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, "
        b"BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n"
        b"Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,"
        b"1\n\n[Events]\n"
        b"Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    )
    stream.codec_context.time_base = Fraction(1, 1000)
    stream.metadata["language"] = "eng"
    return stream


def _write_subtitles(container: Any, stream: Any) -> None:
    line = SubtitleSet.create(text=b"0,0,Default,,0,0,0,,Hello", start=0, end=200, pts=100)
    packet = stream.codec_context.encode_subtitle(line)
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    container.mux(packet)


def turn_clip(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write a display matrix into the first track of an MP4 file, as phones do."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 44
    a, b, c, d = (value * 0x10000 for value in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(data)


@dataclass
class Contents:
    """The contents of a file.

    Args:
        frames: of the video, (H, W, 3), as BT.709 or as the file says.
        times, durations: of the frames, in seconds.
        packets: the bytes of each track's packets, and their times, by type.
    """

    format: str
    metadata: dict[str, str]
    size: tuple[int, int]
    rate: Fraction
    duration: float
    codecs: dict[str, str]
    frames: list[np.ndarray] = field(default_factory=list)
    times: list[Fraction] = field(default_factory=list)
    durations: list[Fraction] = field(default_factory=list)
    packets: dict[str, list[bytes]] = field(default_factory=dict)
    starts: dict[str, list[float]] = field(default_factory=dict)
    subtitles: list[tuple[float, float, str]] = field(default_factory=list)
    chapters: list[tuple[float, float, str]] = field(default_factory=list)
    languages: dict[str, str | None] = field(default_factory=dict)


def inspect_clip(path: Path) -> Contents:
    """Read all contents of a file."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        contents = Contents(
            container.format.name,
            {k.lower(): v for k, v in container.metadata.items()},
            (video.width, video.height),
            video.average_rate,
            float(container.duration or 0) / 1e6,
            {s.type: s.codec_context.codec.canonical_name for s in container.streams},
        )
        contents.languages = {s.type: s.metadata.get("language") for s in container.streams}
        contents.chapters = [
            (
                float(c["start"] * c["time_base"]),
                float(c["end"] * c["time_base"]),
                c["metadata"].get("title", ""),
            )
            for c in container.chapters()
        ]
        for packet in container.demux():
            kind = packet.stream.type
            if packet.size and packet.pts is not None:
                contents.packets.setdefault(kind, []).append(bytes(packet))
                contents.starts.setdefault(kind, []).append(float(packet.pts * packet.time_base))
            if kind == "video":
                for frame in packet.decode():
                    contents.frames.append(frame.to_ndarray(format="rgb24"))
                    contents.times.append(frame.pts * frame.time_base)
                    contents.durations.append(frame.duration * frame.time_base)
            elif kind == "subtitle" and packet.size:
                lines = packet.stream.codec_context.decode2(packet)
                contents.subtitles += [
                    (
                        float(packet.pts * packet.time_base),
                        float(packet.duration * packet.time_base),
                        line.ass.decode().rsplit(",", 1)[-1],
                    )
                    for line in lines or ()
                ]
    return contents
