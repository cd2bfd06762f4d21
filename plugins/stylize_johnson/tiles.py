"""Pictures of any size through the network, tile by tile, as if in one piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylize_johnson.network import STRIDE

__all__ = ["Tile", "cut_tiles", "read_tile"]


@dataclass(frozen=True)
class Tile:
    """A part of a picture: rows `top` to `bottom`, columns `left` to `right`, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int


def cut_tiles(height: int, width: int, side: int) -> Iterator[Tile]:
    """Yield the tiles of a picture, row by row, of at most `side`, a multiple of the stride."""
    side = max(STRIDE, side // STRIDE * STRIDE)
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Tile(top, min(top + side, height), left, min(left + side, width))


def read_tile(picture: Tensor, tile: Tile, margin: int) -> tuple[Tensor, Tile]:
    """Return a tile with what lies around it, and its place in that.

    The picture counts as extended by reflection, right and below, to whole positions of the
    network, whatever the tiles: only then do all of them see the same picture.

    Args:
        picture: (1, 3, H, W), uint8 or float.
        margin: how far around to go, a multiple of the stride; cut off at the picture's edges.

    Returns:
        (1, 3, h, w) float32 in [0, 1], h and w multiples of the stride.
    """
    height, width = picture.shape[-2:]
    top, left = max(0, tile.top - margin), max(0, tile.left - margin)
    bottom, right = min(height, tile.bottom + margin), min(width, tile.right + margin)
    part = picture[..., top:bottom, left:right]
    part = part.float() / 255 if part.dtype == torch.uint8 else part.float()
    missing = (0, -(right - left) % STRIDE, 0, -(bottom - top) % STRIDE)
    if any(missing):
        part = F.pad(part, missing, mode="reflect")
    return part, Tile(tile.top - top, tile.bottom - top, tile.left - left, tile.right - left)
