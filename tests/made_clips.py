"""Clips whose motion is known: the demo photograph panned, zoomed, rotated; a patch; a cut."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from stylize_video.flow import Floats, Motion

__all__ = ["CLIPS", "MadeClip", "make_cut", "make_noisy", "make_still"]

Pixels: TypeAlias = NDArray[np.uint8]
# A view: its centre in the photograph (x, y), photograph pixels per view pixel, and degrees.
View: TypeAlias = tuple[float, float, float, float]

NOISE = 2.0


@dataclass(frozen=True, eq=False)
class MadeClip:
    """Frames (H, W, 3), and the motion of each from the previous one, if it is known."""

    frames: list[Pixels]
    motions: list[Motion | None]


def photograph(name: str = "china.jpg") -> Pixels:
    """Return a demo photograph, (H, W, 3) sRGB."""
    path = resources.files("stylize") / "demo" / name
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def make_views(width: int, views: Sequence[View]) -> MadeClip:
    """Return a camera's views of the photograph, 4:3, and their exact motion."""
    size = width, width * 3 // 4
    matrices = [_matrix(size, view) for view in views]
    frames = [_look(size, view, matrix) for view, matrix in zip(views, matrices, strict=True)]
    motions: list[Motion | None] = [None]
    for before, now in itertools.pairwise(matrices):
        motions.append(Motion(_flow(size, before, now), _flow(size, now, before)))
    return MadeClip(frames, motions)


def make_pan(width: int, count: int) -> MadeClip:
    """Return a pan by a fraction of a pixel more than 1 % of the width per frame."""
    zoom = 384 / width
    step = 0.0113 * width * zoom
    return make_views(
        width, [(210 + step * i, 213 + 0.4 * step * i, zoom, 0) for i in range(count)]
    )


def make_zoom(width: int, count: int) -> MadeClip:
    """Return a zoom by 1.5 % per frame."""
    return make_views(width, [(320, 213, 540 / width * 0.985**i, 0) for i in range(count)])


def make_rotation(width: int, count: int) -> MadeClip:
    """Return a rotation by 0.8 degrees per frame."""
    return make_views(width, [(320, 213, 450 / width, 0.8 * i) for i in range(count)])


def make_patch(width: int, count: int) -> MadeClip:
    """Return part of a photograph moving in front of a still one, and its exact motion."""
    still = make_still(width, 1).frames[0]
    side = width // 4
    patch = cv2.resize(photograph("astronaut.jpg")[:200, 150:350], (side, side), interpolation=3)
    frames: list[Pixels] = []
    motions: list[Motion | None] = []
    step = max(1, width // 75)
    for number in range(count):
        left, top = width // 12 + step * number, width // 4 + step // 3 * number
        frame = still.copy()
        frame[top : top + side, left : left + side] = patch
        backward, forward = (np.zeros((*frame.shape[:2], 2), np.float32) for _ in range(2))
        backward[top : top + side, left : left + side] = -step, -(step // 3)
        top, left = top - step // 3, left - step
        forward[top : top + side, left : left + side] = step, step // 3
        frames.append(frame)
        motions.append(Motion(backward, forward) if number else None)
    return MadeClip(frames, motions)


def make_still(width: int, count: int) -> MadeClip:
    """Return the same view again and again."""
    clip = make_views(width, [(320, 213, 560 / width, 0)])
    flow = np.zeros((*clip.frames[0].shape[:2], 2), np.float32)
    return MadeClip(clip.frames * count, [None, *[Motion(flow, flow)] * (count - 1)])


def make_noisy(width: int, count: int) -> MadeClip:
    """Return a still view with sensor noise of deviation 2 of 255."""
    clip = make_still(width, count)
    generator = np.random.default_rng(0)
    noisy = [frame + generator.normal(0, NOISE, frame.shape) for frame in clip.frames]
    return MadeClip([f.round().clip(0, 255).astype(np.uint8) for f in noisy], clip.motions)


def make_cut(width: int, count: int) -> MadeClip:
    """Return a pan of the photograph that cuts, in the middle, to another, still one."""
    pan = make_pan(width, count // 2)
    height = pan.frames[0].shape[0]
    other = cv2.resize(photograph("astronaut.jpg")[:384], (width, height), interpolation=3)
    rest = count - count // 2
    return MadeClip([*pan.frames, *[other] * rest], [*pan.motions, *[None] * rest])


# The clips with one scene, in which something moves.
CLIPS: dict[str, Callable[[int, int], MadeClip]] = {
    "pan": make_pan,
    "zoom": make_zoom,
    "rotation": make_rotation,
    "patch": make_patch,
}


def _matrix(size: tuple[int, int], view: View) -> NDArray[np.float64]:
    """Return the 3x3 matrix from a view's pixels to the photograph's."""
    x, y, zoom, degrees = view
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
    middle = (size[0] - 1) / 2, (size[1] - 1) / 2
    return np.array(
        [
            [cos, -sin, x - cos * middle[0] + sin * middle[1]],
            [sin, cos, y - sin * middle[0] - cos * middle[1]],
            [0, 0, 1],
        ]
    )


def _look(size: tuple[int, int], view: View, matrix: NDArray[np.float64]) -> Pixels:
    photo, zoom = photograph(), view[2]
    if zoom > 1:
        photo = cv2.GaussianBlur(photo, (0, 0), 0.5 * zoom)
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(photo, matrix[:2], size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)


def _flow(size: tuple[int, int], there: NDArray[np.float64], here: NDArray[np.float64]) -> Floats:
    """Return the displacement of each pixel of view `here` to its place in view `there`."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    places = np.stack([x, y, np.ones_like(x)]).reshape(3, -1)
    moved = (np.linalg.inv(there) @ here @ places)[:2] - places[:2]
    return moved.T.reshape(size[1], size[0], 2).astype(np.float32)
