"""Frames with their times, and operations on times: cutting out a part, changing the rate."""

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

# (H, W, 3), sRGB, upright. A string, so that nothing heavy is imported.
Pixels: TypeAlias = "NDArray[np.uint8]"

# Receives each warning as soon as there is one.
Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a clip.

    Args:
        pixels: (H, W, 3), sRGB, uint8, upright, in square pixels.
        time: seconds from the start of the clip.
        duration: seconds for which it is shown; 0 if not known yet.
        repeats: number of frames that it becomes in the output.
    """

    pixels: Pixels
    time: Fraction
    duration: Fraction = Fraction(0)
    repeats: int = 1


@dataclass(frozen=True)
class ClipInfo:
    """Information about a clip before its frames are read.

    Args:
        path: the file or folder.
        size: (width, height) of the frames that are read.
        original_size: (width, height) upright and in square pixels, before `--size`.
        rate: frames per second, on average if variable.
        tick: unit of times, in seconds.
        duration: seconds of the whole clip; None if unknown.
        first: time of the first frame that is read, in seconds.
        tracks: other tracks in the file: "audio", "subtitle".
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
    """An open clip: iterate over it once, and close it."""

    info: ClipInfo

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order, from `--start` on."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(self, *error: Any) -> None:
        """Close the file."""


def frame_size(original: tuple[int, int], longest: int | None) -> tuple[int, int]:
    """Return (width, height) with the longer side `longest`; smaller clips keep their size.

    Reduced frames get even sides, which most codecs need.
    """
    if longest is None or max(original) <= longest:
        return original
    scale = longest / max(original)
    width, height = (max(2, round(side * scale / 2) * 2) for side in original)
    return width, height


def with_durations(frames: Iterable[Frame], rate: Fraction) -> Iterator[Frame]:
    """Set each duration to the time until the next frame; the last keeps its own, or 1 / rate."""
    held: Frame | None = None
    for frame in frames:
        if held is not None:
            yield replace(held, duration=frame.time - held.time)
        held = frame
    if held is not None:
        yield replace(held, duration=held.duration or 1 / rate)


def cut_out(frames: Iterable[Frame], end: Fraction | None, longest: Fraction) -> Iterator[Frame]:
    """Stop before `end`; a frame that is shown for longer than `longest` also ends there.

    Other frames keep their duration, or the average rate would no longer be the clip's.
    """
    for frame in frames:
        if end is not None and frame.time >= end:
            return
        if end is not None and frame.duration > longest:
            frame = replace(frame, duration=min(frame.duration, end - frame.time))
        yield frame


def resample(frames: Iterable[Frame], rate: Fraction) -> Iterator[Frame]:
    """Yield frames at a constant rate: each output is the frame shown at the nearest time.

    A frame that becomes several is returned once, with `repeats`; one that becomes none is skipped.
    """
    first: Fraction | None = None
    done = 0
    for frame in frames:
        if first is None:
            first = frame.time
        # The first frame is always included, however short the clip.
        end = max(round((frame.time + frame.duration - first) * rate), 1)
        if end > done:
            yield replace(frame, time=first + done / rate, duration=1 / rate, repeats=end - done)
            done = end
