"""A frozen 3x3 convolution with reflection padding, in less memory."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["convolve_mirrored"]


def convolve_mirrored(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return the convolution of x (N, C, H, W), of the same size, with a gradient for x alone.

    PyTorch keeps a padded copy of every map for the gradient of the weights, which a frozen
    network does not need.
    """
    result: Tensor = _ConvolveMirrored.apply(x, weight, bias)
    return result


class _ConvolveMirrored(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return _fold(F.conv_transpose2d(gradient, weight)), None, None


def _fold(gradient: Tensor) -> Tensor:
    """Return a padded map's gradient, with its rim added at the positions that it mirrors."""
    for _ in range(2):
        first, last = gradient[:, :, 0], gradient[:, :, -1]
        gradient = gradient[:, :, 1:-1]
        gradient[:, :, 1] += first
        gradient[:, :, -2] += last
        gradient = gradient.mT
    return gradient
