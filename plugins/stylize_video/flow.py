"""Motion between frames: optical flow, occlusions, and warping pictures.

The flow is OpenCV's DIS (Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search"),
which needs no downloaded weights. Pictures are (H, W) or (H, W, C) arrays, flows (H, W, 2) float32
in pixels, x then y. A backward flow points from each pixel of a frame to its place in the previous
one.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from stylize.command import import_extra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stylize_video.frames import Pixels

__all__ = ["FlowEstimator", "Motion", "luma", "opencv", "resize_flow", "unexplained", "warp"]

Floats: TypeAlias = "NDArray[np.float32]"
Mask: TypeAlias = "NDArray[np.bool_]"

# Contrast, of 255, below which a frame's own contrast is no measure for cuts.
PLAIN = 20.0
# DIS looks at patches of 8 pixels, on at least two scales.
LEAST = 16
# Pixels between patches, and refinements per scale. The preset's 3 and 5 take a third longer and
# are hardly more stable (docs/how-to/video.md).
STRIDE, REFINEMENTS = 4, 3


def opencv() -> Any:
    """Import OpenCV. Raises: ExtraMissingError."""
    return import_extra("cv2", "video", "holding strokes still over time")


@dataclass(frozen=True, eq=False)
class Motion:
    """Flow between two frames, in both directions.

    Args:
        backward: where each pixel of the later frame came from.
        forward: where each pixel of the earlier frame went.
    """

    backward: Floats
    forward: Floats

    def mismatch(self) -> tuple[Floats, Floats, Mask]:
        """Return the round-trip error and the distance moved, for each pixel of the later frame.

        Returns:
            |b + f|^2 and |b|^2 + |f|^2, in square pixels, with the backward flow b and the forward
            flow f at the pixel's origin; and whether the origin lies within the frame.
        """
        back = self.backward
        there = warp(self.forward, back)
        height, width = back.shape[:2]
        x = np.arange(width, dtype=np.float32) + back[..., 0]
        y = np.arange(height, dtype=np.float32)[:, None] + back[..., 1]
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        return _square(back + there), _square(back) + _square(there), inside

    def visible(self) -> Mask:
        """Return where the later frame shows the same as the earlier one, away from motion edges.

        Source: eq. 5 and 6 of Ruder et al. 2016, after Sundaram et al. 2010.
        """
        missed, went, inside = self.mismatch()
        back = self.backward
        slope = sum(
            np.square(np.gradient(back[..., axis], axis=along))
            for axis in (0, 1)
            for along in (0, 1)
        )
        edge = slope > 0.01 * _square(back) + 0.002
        visible: Mask = inside & (missed <= 0.01 * went + 0.5) & ~edge
        return visible


class FlowEstimator:
    """Dense inverse search with variational refinement.

    Args:
        preset: "medium" is exact to a fraction of a pixel.
    """

    def __init__(self, preset: Literal["ultrafast", "fast", "medium"] = "medium") -> None:
        cv2 = opencv()
        quality = getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset.upper()}")
        # One per direction, run in parallel: each has state, and keeps less than a core busy.
        self._back, self._forth = (cv2.DISOpticalFlow_create(quality) for _ in range(2))
        for dis in (self._back, self._forth):
            dis.setPatchStride(STRIDE)
            dis.setVariationalRefinementIterations(REFINEMENTS)
        self._beside = ThreadPoolExecutor(1)

    def __call__(self, before: NDArray[np.uint8], now: NDArray[np.uint8]) -> Motion:
        """Return the motion between two frames' lumas, (H, W).

        Frames with a side under 16 pixels are too small: their motion is zero.
        """
        if min(now.shape) < LEAST:
            still = np.zeros((*now.shape, 2), np.float32)
            return Motion(still, still)
        forward = self._beside.submit(self._forth.calc, before, now, None)
        backward = self._back.calc(now, before, None)
        return Motion(backward, forward.result())


def luma(pixels: Pixels) -> NDArray[np.uint8]:
    """Return the (H, W) luma of (H, W, 3) sRGB pixels."""
    cv2 = opencv()
    gray: NDArray[np.uint8] = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return gray


def warp(picture: Floats, flow: Floats, *, cubic: bool = False) -> Floats:
    """Move a picture by a backward flow; beyond its borders, edge pixels are repeated.

    Args:
        picture: (H, W) or (H, W, C), float32.
        cubic: keep more fine detail than linear interpolation does; may overshoot.
    """
    cv2 = opencv()
    height, width = flow.shape[:2]
    x = np.arange(width, dtype=np.float32) + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    moved: Floats = cv2.remap(picture, x, y, how, borderMode=cv2.BORDER_REPLICATE)
    return moved


def unexplained(before: NDArray[np.uint8], now: NDArray[np.uint8], motion: Motion) -> float:
    """Return the mean luma difference left after motion, relative to the later frame's contrast.

    A uniform change of brightness does not count.
    """
    light = now.astype(np.float32)
    change = light - warp(before.astype(np.float32), motion.backward)
    left = np.abs(change - change.mean()).mean()
    return float(left / max(float(light.std()), PLAIN))


def resize_flow(flow: Floats, size: tuple[int, int]) -> Floats:
    """Return a flow for frames of another (height, width)."""
    height, width = flow.shape[:2]
    if (height, width) == size:
        return flow
    larger: Floats = opencv().resize(flow, size[::-1])
    larger[..., 0] *= size[1] / width
    larger[..., 1] *= size[0] / height
    return larger


def _square(flow: Floats) -> Floats:
    """Return the (H, W) squared lengths of a flow; numpy's sum over an axis of two is slow."""
    length: Floats = np.square(flow[..., 0]) + np.square(flow[..., 1])
    return length
