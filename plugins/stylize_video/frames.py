"""Frames with their times, and what is done to times: cutting a part out, another rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "ClipInfo",
    "ClipReader",
    "Frame",
    "Pixels",
    "Tell",
    "cut_out",
    "frame_size",
    "resample",
    "with_durations",
]

# (H, W, 3), sRGB, upright. As text, so that nothing heavy is imported.
Pixels: TypeAlias = "NDArray[np.uint8]"

# Gets a warning, as soon as there is one.
Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a clip.

    Args:
        pixels: (H, W, 3), sRGB, uint8, upright, of square pixels.
        time: seconds from the start of the clip.
        duration: seconds that it is shown; 0 where that is not known yet.
        repeats: how many frames of the output it is.
    """

    pixels: Pixels
    time: Fraction
    duration: Fraction = Fraction(0)
    repeats: int = 1


@dataclass(frozen=True)
class ClipInfo:
    """What a clip says of itself before its frames are read.

    Args:
        path: the file or folder.
        size: (width, height) of the frames that are read.
        original_size: (width, height) upright and of square pixels, before `--size`.
        rate: frames per second, on average where they vary.
        tick: what times are multiples of, in seconds.
        duration: seconds of the whole clip; None where it does not say.
        first: time of the first frame that is read, in seconds.
        tracks: what else is in the file: "audio", "subtitle".
    """

    path: Path
    size: tuple[int, int]
    original_size: tuple[int, int]
    rate: Fraction
    tick: Fraction
    duration: Fraction | None
    first: Fraction = Fraction(0)
    tracks: frozenset[str] = frozenset()


class ClipReader(Protocol):
    """A clip that is open: iterate over it once, and close it."""

    info: ClipInfo

    def __iter__(self) -> Iterator[Frame]:
        """Give the frames in order, from `--start` on."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(self, *error: Any) -> None:
        """Close the file."""


def frame_size(original: tuple[int, int], longest: int | None) -> tuple[int, int]:
    """Return (width, height) with the longer side `longest`; smaller clips keep their size.

    What is made smaller gets even sides, as most codecs take no others.
    """
    if longest is None or max(original) <= longest:
        return original
    scale = longest / max(original)
    width, height = (max(2, round(side * scale / 2) * 2) for side in original)
    return width, height


def with_durations(frames: Iterable[Frame], rate: Fraction) -> Iterator[Frame]:
    """Give each frame the time until the next; the last one its own, or 1 / rate."""
    held: Frame | None = None
    for frame in frames:
        if held is not None:
            yield replace(held, duration=frame.time - held.time)
        held = frame
    if held is not None:
        yield replace(held, duration=held.duration or 1 / rate)


def cut_out(frames: Iterable[Frame], end: Fraction | None, longest: Fraction) -> Iterator[Frame]:
    """Stop before `end`; a frame that is shown for longer than `longest` ends there too.

    Others keep their duration, or the average rate would no longer be that of the clip.
    """
    for frame in frames:
        if end is not None and frame.time >= end:
            return
        if end is not None and frame.duration > longest:
            frame = replace(frame, duration=min(frame.duration, end - frame.time))
        yield frame


def resample(frames: Iterable[Frame], rate: Fraction) -> Iterator[Frame]:
    """Give frames at a constant rate: each output takes the frame shown at the nearest time.

    What is shown for several is one frame with `repeats`; what is shown for none is left out.
    """
    first: Fraction | None = None
    done = 0
    for frame in frames:
        if first is None:
            first = frame.time
        # The first frame is always there, however short the clip.
        end = max(round((frame.time + frame.duration - first) * rate), 1)
        if end > done:
            yield replace(frame, time=first + done / rate, duration=1 / rate, repeats=end - done)
            done = end
