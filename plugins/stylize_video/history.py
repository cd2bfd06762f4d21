"""The history of a clip: the previous picture, moved to where its content is now.

A frame keeps as much of the moved picture as can be trusted. Trust has two conditions: forward and
backward motion agree (else something was hidden or comes into view), and the frame looks like the
source of the moved picture. For the second, the frames themselves are moved and blended in the same
way as the pictures. So a picture that has become outdated, by a fade, by wrong motion or by many
small errors, is detected however slowly that happened.

Source: warping and occlusions after Ruder et al. 2016, "Artistic style transfer for videos".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stylize_video.flow import (
    Floats,
    FlowEstimator,
    Motion,
    luma,
    opencv,
    resize_flow,
    unexplained,
    warp,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stylize_video.frames import Pixels
    from stylize_video.temporal import TemporalSettings

__all__ = ["Follower", "Moved"]

# Longer side below which motion is estimated at full size.
LEAST_FLOW = 256
# Round-trip error, in square pixels, at which trust fades: a share of the distance, and a base.
MISS = 0.05, 1.0
# Near an edge, a motion error of a fraction of a pixel changes values by as much as the slope.
SLOPE = 1.0
# A change of luma, of 255, that may be noise; and the share of the frame's detail that must stay
# within it for the camera to count as still.
NOISE = 4.0
STILL = 0.5
# This blur removes the fine detail, which is compared over blocks and amplified at most this much.
DETAIL_BLUR = 0.8
BLOCK = 16
MOST = 1.5
# Mean square of detail, relative to white, below which there is none: half a level.
FLAT = (0.5 / 255) ** 2


@dataclass(frozen=True, eq=False)
class _Source:
    """A frame at the size for motion estimation: luma (h, w), colours (h, w, 3) 0 to 1."""

    luma: NDArray[np.uint8]
    colors: Floats


@dataclass(frozen=True, eq=False)
class Moved:
    """The previous picture, moved to where its content is in the new frame.

    Args:
        picture: (H, W, 3), 0 to 1.
        trust: (H, W), how far it can be trusted, 0 to 1.
    """

    picture: Floats
    trust: Floats


class Follower:
    """Follows the frames of a clip: `follow` each, then `keep` its picture."""

    def __init__(self, settings: TemporalSettings) -> None:
        self.settings = settings
        self._estimate = FlowEstimator()
        self._cv2 = opencv()
        self._picture: Floats | None = None
        self._source: _Source | None = None
        # The frames moved and blended like the picture, at the size of the sources.
        self._made_of: Floats | None = None
        self._next: tuple[_Source, Floats] | None = None

    def follow(self, frame: Pixels) -> Moved | None:
        """Return the previous picture, moved to a new frame; None if a scene begins.

        Args:
            frame: (H, W, 3), sRGB, uint8.
        """
        source = self._shrink(frame)
        moved: Moved | None = None
        made_of = source.colors
        if (
            self._picture is not None
            and self._source is not None
            and self._made_of is not None
            and self._picture.shape == frame.shape
        ):
            motion = self._estimate(self._source.luma, source.luma)
            left = unexplained(self._source.luma, source.luma, motion)
            if left <= self.settings.cut:
                motion = self._hold_still(motion, source)
                before = warp(self._made_of, motion.backward, cubic=True)
                trust = self._trust(motion, before, source)
                made_of = _blend(source.colors, before, trust, self.settings.strength)
                flow = resize_flow(motion.backward, frame.shape[:2])
                large = self._cv2.resize(trust, frame.shape[1::-1])
                picture = warp(self._picture, flow, cubic=True)
                np.clip(picture, 0, 1, out=picture)
                moved = Moved(picture, large)
        self._next = source, made_of
        return moved

    def blend(self, fresh: Floats, moved: Moved) -> Floats:
        """Return the fresh picture (H, W, 3) in [0, 1], blended with the moved one by its trust.

        Moving and blending both lose fine detail. The remaining detail is amplified to the fresh
        picture's strength, block by block, so that a long clip does not become blurred.
        """
        cv2 = self._cv2
        blended = _blend(fresh, moved.picture, moved.trust, self.settings.strength)
        if not self.settings.detail:
            return blended
        detail = blended - cv2.GaussianBlur(blended, (3, 3), DETAIL_BLUR)
        wanted, found = (self._detail_strength(picture) for picture in (fresh, blended))
        gain = np.sqrt((wanted + FLAT) / (found + FLAT)).clip(1, MOST) - 1
        gain = cv2.resize(gain * np.float32(self.settings.detail), fresh.shape[1::-1])
        detail *= gain[..., None]
        blended += detail
        return np.clip(blended, 0, 1, out=blended)

    def keep(self, picture: Floats) -> None:
        """Keep the finished picture (H, W, 3), 0 to 1, of the last frame that was followed."""
        assert self._next is not None
        self._source, self._made_of = self._next
        self._picture = picture

    def _shrink(self, frame: Pixels) -> _Source:
        height, width = frame.shape[:2]
        scale = min(1.0, max(self.settings.flow_scale, LEAST_FLOW / max(height, width)))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if scale < 1:
            frame = self._cv2.resize(frame, size, interpolation=self._cv2.INTER_AREA)
        return _Source(luma(frame), frame.astype(np.float32) / np.float32(255))

    def _hold_still(self, motion: Motion, source: _Source) -> Motion:
        """Return the motion, without the jitter that noise causes while the camera is still."""
        assert self._source is not None
        cv2 = self._cv2
        change = cv2.absdiff(source.luma, self._source.luma).astype(np.float32)
        still = cv2.blur(change, (5, 5)) < NOISE
        detail = np.square(cv2.Laplacian(source.luma, cv2.CV_32F))
        # Only areas with detail count: a plain sky shows nothing.
        if detail[still].sum() <= STILL * detail.sum():
            return motion
        backward, forward = motion.backward.copy(), motion.forward.copy()
        backward[still] = forward[still] = 0
        return Motion(backward, forward)

    def _trust(self, motion: Motion, before: Floats, source: _Source) -> Floats:
        """Return the trust (h, w), 0 to 1, from motion and from the moved picture's source."""
        cv2 = self._cv2
        missed, went, inside = motion.mismatch()
        part, base = MISS
        seen = np.exp(-missed / (part * went + base)) * inside
        change = cv2.blur(_mean_of_colors(cv2.absdiff(source.colors, before)), (3, 3))
        light = source.luma.astype(np.float32) / 255
        slope = np.abs(cv2.Sobel(light, cv2.CV_32F, 1, 0, ksize=1))
        slope += np.abs(cv2.Sobel(light, cv2.CV_32F, 0, 1, ksize=1))
        allowed = self.settings.tolerance + SLOPE / 2 * cv2.blur(slope, (3, 3))
        alike = np.exp(-np.square(change / allowed))
        trust: Floats = cv2.GaussianBlur((seen * alike).astype(np.float32), (3, 3), 0)
        return trust

    def _detail_strength(self, picture: Floats) -> Floats:
        """Return the mean square of the luma's fine detail in blocks, (ceil(H/16), ceil(W/16))."""
        cv2 = self._cv2
        light = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        square = np.square(light - cv2.GaussianBlur(light, (3, 3), DETAIL_BLUR))
        height, width = light.shape
        size = -(-width // BLOCK), -(-height // BLOCK)
        blocks: Floats = cv2.resize(square, size, interpolation=cv2.INTER_AREA)
        return blocks


def _mean_of_colors(picture: Floats) -> Floats:
    """Return (H, W) means of (H, W, 3); numpy's mean over an axis of three is slow."""
    mean: Floats = opencv().transform(picture, np.full((1, 3), 1 / 3, np.float32))
    return mean


def _blend(fresh: Floats, before: Floats, trust: Floats, strength: float) -> Floats:
    mixed = before - fresh
    mixed *= (np.float32(strength) * trust)[..., None]
    mixed += fresh
    return mixed
