"""Raw moments of features over positions.

It imports torch, so losses import it only when they measure.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Positions converted to float32 at a time: 8 MB at 64 channels.
CHUNK = 32_768
# Fewer if little is computed with them, so that they stay in the cache.
SMALL_CHUNK = 2048


def mean_features(features: Tensor) -> Tensor:
    """Return the (N, C) mean over positions of (N, C, H, W) features, at least float32."""
    return features.flatten(2).mean(dim=2, dtype=torch.promote_types(features.dtype, torch.float32))


def mean_and_square(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return the (N, C) mean and mean square over positions of (N, C, H, W), at least float32."""
    mean, square = _MeanAndSquare.apply(features)
    return mean, square


def mean_outer_product(features: Tensor) -> Tensor:
    """Return the (N, C, C) mean of f f^T over positions of (N, C, H, W), at least float32."""
    product: Tensor = _MeanOuterProduct.apply(features)
    return product


class _MeanAndSquare(torch.autograd.Function):
    """Sums chunk by chunk: several times faster than a whole float32 copy of large features."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(features)
        rows = rows_of(features)
        samples, positions, channels = rows.shape
        dtype = torch.promote_types(rows.dtype, torch.float32)
        total = rows.new_zeros(2, samples, channels, dtype=dtype)
        for start in range(0, positions, SMALL_CHUNK):
            exact = rows[:, start : start + SMALL_CHUNK].to(dtype)
            total[0] += exact.sum(dim=1)
            total[1] += exact.square().sum(dim=1)
        mean, square = total / positions
        return mean, square

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, mean_gradient: Tensor, square_gradient: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        rows = rows_of(features)
        shift = mean_gradient[:, None] / rows.shape[1]
        scale = 2 * square_gradient[:, None] / rows.shape[1]
        gradient = torch.empty_like(rows)
        for start in range(0, rows.shape[1], SMALL_CHUNK):
            chunk = slice(start, start + SMALL_CHUNK)
            gradient[:, chunk] = torch.addcmul(shift, rows[:, chunk].to(shift.dtype), scale)
        return gradient.mT.reshape(features.shape)


class _MeanOuterProduct(torch.autograd.Function):
    """Sums in float32, chunk by chunk, and keeps only the features, in their own dtype.

    A plain product of bfloat16 features would round its sums, and one of a float32 copy would
    keep that copy for the gradient: at 1024 px, 256 MB for the first layer alone.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        rows = rows_of(features)
        samples, positions, channels = rows.shape
        dtype = torch.promote_types(rows.dtype, torch.float32)
        total = rows.new_zeros(samples, channels, channels, dtype=dtype)
        for start in range(0, positions, CHUNK):
            chunk = rows[:, start : start + CHUNK].to(dtype)
            total.baddbmm_(chunk.mT, chunk)
        return total / positions

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        rows = rows_of(features)
        mixed = (rows @ ((gradient + gradient.mT) / rows.shape[1]).to(rows.dtype)).mT
        return mixed.reshape(features.shape)


def rows_of(features: Tensor) -> Tensor:
    """Return (N, M, C); a view if features are channels_last, as backbones give them."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)
