"""Conversion between frames of decoders and encoders and pictures of methods."""

from __future__ import annotations

import torch
from torch import Tensor

from stylize_video.frames import Pixels

__all__ = ["to_pixels", "to_tensor"]


def to_tensor(pixels: Pixels) -> Tensor:
    """Return (H, W, 3) pixels as (1, 3, H, W), uint8, channels last; the memory is shared."""
    return torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0)


def to_pixels(picture: Tensor) -> Pixels:
    """Return a picture (1, 3, H, W), uint8 or float in [0, 1], as (H, W, 3) uint8."""
    if picture.is_floating_point():
        picture = picture.clamp(0, 1).mul(255).round().to(torch.uint8)
    pixels: Pixels = picture[0].permute(1, 2, 0).contiguous().numpy()
    return pixels
