"""The anchor of a clip's frame: the previous picture, moved along with the motion.

Source: Ruder et al. 2016, "Artistic style transfer for videos", section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from stylize.contract.run import Clip
from stylize.pictures.tensors import resize

__all__ = ["Anchor"]


@dataclass(frozen=True)
class Anchor:
    """The previous picture, moved along with the motion.

    Args:
        image: (1, 3, H, W) in [0, 1].
        trust: (1, 1, H, W), how reliable each of its pixels is, 0 to 1.
    """

    image: Tensor
    trust: Tensor

    @classmethod
    def of_clip(cls, clip: Clip | None, content: Tensor) -> Self | None:
        """Return a clip's anchor on the content's device; None for a picture or a scene's start."""
        if clip is None or clip.warped is None or clip.trust is None:
            return None
        return cls(clip.warped.to(content), clip.trust.to(content))

    def at(self, size: tuple[int, int]) -> Anchor:
        """Return the anchor at another (height, width)."""
        return Anchor(resize(self.image, size), resize(self.trust, size))

    def start(self, content: Tensor) -> Tensor:
        """Return the image to start from: the picture where it is reliable, else the content."""
        return content.lerp(self.image, self.trust)

    def distance(self, image: Tensor) -> Tensor:
        """Return the mean over pixels and channels of trust times squared difference (eq. 7)."""
        return (self.trust * (image - self.image).square()).mean()
