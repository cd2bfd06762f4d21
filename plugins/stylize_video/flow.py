"""Motion between frames: optical flow, what it hides, and moving a picture along.

Flow is that of OpenCV's DIS (Kroeger et al. 2016, "Fast Optical Flow using Dense Inverse Search"),
which needs no downloaded weights. Pictures are (H, W) or (H, W, C) arrays, flows (H, W, 2) float32
in pixels, x then y: a backward flow says for each pixel of a frame where it was in the one before.
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

# Contrast below which a frame's own says nothing of a cut, of 255.
PLAIN = 20.0
# DIS looks at patches of 8 pixels, on at least two scales.
LEAST = 16
# Pixels between patches, and refinements a scale: the preset has 3 and 5, takes a third longer, and
# holds hardly stiller (docs/how-to/video.md).
STRIDE, REFINEMENTS = 4, 3


def opencv() -> Any:
    """Import OpenCV. Raises: ExtraMissingError."""
    return import_extra("cv2", "video", "holding strokes still over time")


@dataclass(frozen=True, eq=False)
class Motion:
    """Flow between two frames, both ways.

    Args:
        backward: for each pixel of the later frame, from where it came.
        forward: for each pixel of the earlier frame, where it went.
    """

    backward: Floats
    forward: Floats

    def mismatch(self) -> tuple[Floats, Floats, Mask]:
        """Return how far going there and back misses, and how far that went, for each later pixel.

        Returns:
            |b + f|^2 and |b|^2 + |f|^2, in square pixels, with b the backward flow and f the
            forward flow where it came from; and whether that lies within the frame.
        """
        back = self.backward
        there = warp(self.forward, back)
        height, width = back.shape[:2]
        x = np.arange(width, dtype=np.float32) + back[..., 0]
        y = np.arange(height, dtype=np.float32)[:, None] + back[..., 1]
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        return _square(back + there), _square(back) + _square(there), inside

    def visible(self) -> Mask:
        """Return where the later frame shows what the earlier one did, away from motion's edges.

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
        # One for each way, at the same time: one has state, and keeps less than a core busy.
        self._back, self._forth = (cv2.DISOpticalFlow_create(quality) for _ in range(2))
        for dis in (self._back, self._forth):
            dis.setPatchStride(STRIDE)
            dis.setVariationalRefinementIterations(REFINEMENTS)
        self._beside = ThreadPoolExecutor(1)

    def __call__(self, before: NDArray[np.uint8], now: NDArray[np.uint8]) -> Motion:
        """Return the motion between two frames' lumas, (H, W).

        Frames under 16 pixels each way are too small to tell: nothing moves in them.
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
    """Take each pixel from where a backward flow says that it came, beyond the edge from the edge.

    Args:
        picture: (H, W) or (H, W, C), float32.
        cubic: keep more of what is fine than linear interpolation does; may overshoot.
    """
    cv2 = opencv()
    height, width = flow.shape[:2]
    x = np.arange(width, dtype=np.float32) + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    how = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    moved: Floats = cv2.remap(picture, x, y, how, borderMode=cv2.BORDER_REPLICATE)
    return moved


def unexplained(before: NDArray[np.uint8], now: NDArray[np.uint8], motion: Motion) -> float:
    """Return the mean difference of two lumas that motion leaves, next to the later one's contrast.

    A change of the light as a whole does not count.
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
    """Return the (H, W) squared lengths of a flow; numpy's own sum over two is slow."""
    length: Floats = np.square(flow[..., 0]) + np.square(flow[..., 1])
    return length
