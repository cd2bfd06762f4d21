"""Hypercolumns: the features of all layers at one position, side by side, on one grid.

Source: Kolkin et al. 2022, "Neural Neighbor Style Transfer", section 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stylize import Features

__all__ = ["Hypercolumns", "at_least_float32"]

# The least root mean square that a layer is divided by: a layer of zeros stays zeros.
BLANK = 1e-12


class Hypercolumns:
    """Hypercolumns of images, with each layer in units of its root mean square on the paintings.

    Without these units, layers with large values outweigh the others, and smoothed layers count
    for almost nothing: deep features have a root mean square of hundreds, and tanh leaves at most
    1. The authors leave the features as they are.

    Args:
        features: backbone and smoothing.
        weights: a layer's factor, on top of its unit.
        grid: pixels per position, in each direction.
        paintings: (1, 3, H, W) each, on which the units are measured.
    """

    @torch.no_grad()
    def __init__(
        self,
        features: Features,
        weights: Mapping[str, float],
        grid: int,
        paintings: Sequence[Tensor],
    ) -> None:
        self.features = features
        self.layers = tuple(weights)
        self.grid = grid
        squares = dict.fromkeys(weights, 0.0)
        for painting in paintings:
            found = features(painting, self.layers)
            features.check_finite(found)
            for layer, values in found.items():
                exact = values.to(at_least_float32(values))
                squares[layer] += exact.square().mean().item() / len(paintings)
        self.scales = {
            layer: weight / max(squares[layer] ** 0.5, BLANK) for layer, weight in weights.items()
        }

    def size(self, image: Tensor) -> tuple[int, int]:
        """Return the grid's height and width over an image (N, 3, H, W)."""
        height, width = image.shape[-2:]
        return max(1, height // self.grid), max(1, width // self.grid)

    def place(self, features: Tensor, size: tuple[int, int]) -> Tensor:
        """Return a layer's features (N, C, H, W) on a grid (h, w), in float32 at least.

        They are not yet in the units of the paintings, which `scales` holds.
        """
        return _to_grid(features.to(at_least_float32(features)), size)

    @torch.no_grad()
    def rows(self, image: Tensor) -> Tensor:
        """Return the hypercolumns of an image (1, 3, H, W) as (M, C), row by row of the grid."""
        size = self.size(image)
        features = self.features(image, self.layers)
        channels = [features[layer].shape[1] for layer in self.layers]
        dtype = at_least_float32(features[self.layers[0]])
        rows = image.new_empty(size[0] * size[1], sum(channels), dtype=dtype)
        for layer, part in zip(self.layers, torch.split(rows, channels, dim=1), strict=True):
            # Freed once placed: the features of all layers are larger than the rows.
            placed = self.place(features.pop(layer), size)
            torch.mul(placed[0].flatten(1).mT, self.scales[layer], out=part)
        return rows


def at_least_float32(tensor: Tensor) -> torch.dtype:
    """Return the dtype to compute with: the tensor's, or float32 if that is less precise."""
    return torch.promote_types(tensor.dtype, torch.float32)


def _to_grid(features: Tensor, size: tuple[int, int]) -> Tensor:
    """Return features (N, C, H, W) at (h, w): finer layers averaged, coarser ones interpolated."""
    height, width = features.shape[-2:]
    if (height, width) == size:
        return features
    if height >= size[0] and width >= size[1]:
        return F.interpolate(features, size, mode="area")
    return F.interpolate(features, size, mode="bilinear")
