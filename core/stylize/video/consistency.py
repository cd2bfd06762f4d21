"""How still a stylised clip holds, measured against the motion of its source.

Sources: warping error, Lai et al. 2018, "Learning Blind Video Temporal Consistency", eq. 10, with
the occlusions of Ruder et al. 2016; flow by DIS (Kroeger et al. 2016) at the frames' own size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stylize.video.flow import FlowEstimator, Motion, luma, unexplained, warp
from stylize.video.temporal import TemporalSettings

if TYPE_CHECKING:
    from stylize.video.frames import Pixels

__all__ = ["Consistency", "ConsistencyMeter"]


@dataclass(frozen=True)
class Consistency:
    """What was measured of a clip; of values 0 to 1.

    Args:
        pairs: of frames that were compared: all that follow each other, but for cuts.
        cuts: numbers of the frames, from 0, that begin a new scene in the source.
        warping_error: mean over pairs of the mean squared difference between a frame and the one
            before it, moved as the source moved, over the pixels that both show. None without
            pairs.
        source_warping_error: the same of the source: what no output can be asked to go below.
        flicker: mean absolute difference between frames that follow each other, beyond the
            source's own; negative for an output that changes less than its source. None without
            pairs.
    """

    pairs: int
    cuts: tuple[int, ...]
    warping_error: float | None
    source_warping_error: float | None
    flicker: float | None


class ConsistencyMeter:
    """Takes the frames of an output and of its source in order, then gives what it measured.

    Raises: ExtraMissingError without OpenCV.
    """

    def __init__(self) -> None:
        self._estimate = FlowEstimator()
        self._before: tuple[Pixels, Pixels] | None = None
        self._frames = 0
        self._cuts: list[int] = []
        self._errors: list[tuple[float, float]] = []
        self._changes: list[float] = []

    def add(self, output: Pixels, source: Pixels, motion: Motion | None = None) -> None:
        """Take the next frame of both, (H, W, 3) uint8, of one size.

        Args:
            motion: of the source since the frame before, where it is known; else it is estimated.
        """
        if self._before is not None:
            self._compare(*self._before, output, source, motion)
        # Decoders may use their memory again.
        self._before = output.copy(), source.copy()
        self._frames += 1

    def result(self) -> Consistency:
        """Return what was measured so far."""
        error, own = np.mean(self._errors, axis=0).tolist() if self._errors else (None, None)
        flicker = float(np.mean(self._changes)) if self._changes else None
        return Consistency(len(self._changes), tuple(self._cuts), error, own, flicker)

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
        seen = motion.visible()
        flow = motion.backward
        if seen.any():
            errors = [
                float(np.square(_floats(now) - warp(_floats(before), flow))[seen].mean())
                for before, now in ((output_before, output), (source_before, source))
            ]
            self._errors.append((errors[0], errors[1]))
        changes = [
            float(np.abs(_floats(now) - _floats(before)).mean())
            for before, now in ((output_before, output), (source_before, source))
        ]
        self._changes.append(changes[0] - changes[1])


def _floats(pixels: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return pixels.astype(np.float32) / np.float32(255)
