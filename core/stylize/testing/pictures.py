"""Small images and features for contracts."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

import torch
from torch import Tensor

from stylize.pictures.reading import read_image

__all__ = ["gaussian_features", "image_pair", "noise_image"]

PAIR = ("china.jpg", "starry_night.jpg")


@cache
def image_pair(size: int = 48) -> tuple[Tensor, Tensor]:
    """Return a photograph and a painting, each (1, 3, H, W) in [0, 1], sides at most `size`.

    They are shared: do not write to them.
    """
    folder = Path(str(resources.files("stylize") / "demo"))
    photo, painting = (read_image(folder / name, size=size).pixels for name in PAIR)
    return photo, painting


def noise_image(height: int, width: int, *, samples: int = 1, seed: int = 0) -> Tensor:
    """Return uniform noise (N, 3, H, W) in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(samples, 3, height, width, generator=generator)


def gaussian_features(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return normal features (N, C, H, W) of unit deviation."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
