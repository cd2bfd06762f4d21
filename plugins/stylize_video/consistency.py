"""The stability of a stylised clip, measured against the motion of its source.

Sources: warping error, Lai et al. 2018, "Learning Blind Video Temporal Consistency", eq. 10, with
the occlusions of Ruder et al. 2016; flow by DIS (Kroeger et al. 2016) at the frames' own size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stylize_video.flow import FlowEstimator, Motion, luma, unexplained, warp
from stylize_video.temporal import TemporalSettings

if TYPE_CHECKING:
    from stylize_video.frames import Pixels

__all__ = ["Consistency", "ConsistencyMeter"]


@dataclass(frozen=True)
class Consistency:
    """The measurements of a clip, for values from 0 to 1.

    Args:
        pairs: number of compared pairs: all consecutive frames, except at cuts.
        cuts: indices of the frames that begin a new scene in the source.
        warping_error: mean over pairs of the mean squared difference between a frame and the
            previous one, moved as the source moved, over the pixels that both show. None without
            pairs.
        source_warping_error: the same for the source. No output can be expected to be below it.
        flicker: mean absolute difference beyond the source's own, pixel by pixel, over the same
            pixels. None without pairs.
    """

    pairs: int
    cuts: tuple[int, ...]
    warping_error: float | None
    source_warping_error: float | None
    flicker: float | None


class ConsistencyMeter:
    """Takes the frames of an output and of its source in order, then returns its measurements.

    Raises: ExtraMissingError without OpenCV.
    """

    def __init__(self) -> None:
        self._estimate = FlowEstimator()
        self._before: tuple[Pixels, Pixels] | None = None
        self._frames = 0
        self._cuts: list[int] = []
        self._pairs = 0
        self._measured: list[tuple[float, float, float]] = []

    def add(self, output: Pixels, source: Pixels, motion: Motion | None = None) -> None:
        """Take the next frame of both, (H, W, 3) uint8, of the same size.

        Args:
            motion: motion of the source since the previous frame; estimated if None.
        """
        if self._before is not None:
            self._compare(*self._before, output, source, motion)
        # Decoders may reuse their memory.
        self._before = output.copy(), source.copy()
        self._frames += 1

    def result(self) -> Consistency:
        """Return the measurements so far."""
        means: list[float | None] = [None, None, None]
        if self._measured:
            means = np.mean(self._measured, axis=0).tolist()
        return Consistency(self._pairs, tuple(self._cuts), *means)

    def _compare(
        self,
        output_before: Pixels,
        source_before: Pixels,
        output: Pixels,
        source: Pixels,
        known: Motion | None,
    ) -> None:
        lumas = luma(source_before), luma(source)
        motion = known or self._estimate(*lumas)
        if unexplained(*lumas, motion) > TemporalSettings().cut:
            self._cuts.append(self._frames)
            return
        self._pairs += 1
        seen = motion.visible()
        if not seen.any():
            return
        changes = [
            (_floats(now) - warp(_floats(before), motion.backward))[seen]
            for before, now in ((output_before, output), (source_before, source))
        ]
        beyond = np.abs(changes[0]) - np.abs(changes[1])
        own, of_source = (float(np.square(change).mean()) for change in changes)
        self._measured.append((own, of_source, float(beyond.clip(min=0).mean())))


def _floats(pixels: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return pixels.astype(np.float32) / np.float32(255)
