"""Measures the reach of a network, which no backbone declares."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["measure_reach"]

# Sides of the pictures that are tried, in positions. The deepest layers of a ResNet-152 see more
# than the largest, and count as seeing everything.
SIDES = (16, 32, 64)


@torch.inference_mode()
def measure_reach(
    step: Callable[[Tensor], Tensor], stride: int, device: torch.device
) -> int | None:
    """Return how far around a position pixels can change it, rounded up to whole positions.

    A NaN spreads through every layer to everything that depends on it: an output that it does not
    reach does not depend on its position.

    Args:
        step: turns pictures (1, 3, H, W) into features, or into pictures again.
        stride: pixels per position.

    Returns:
        Pixels, a multiple of the stride; None if no tried picture is large enough, for example
        with a softmax over the whole map.
    """
    for positions in SIDES:
        side = positions * stride
        middle = side // 2
        picture = torch.full((1, 3, side, side), 0.5, device=device)
        picture[..., middle : middle + stride, middle : middle + stride] = torch.nan
        touched = step(picture)[0].isnan().any(dim=0)
        places = touched.nonzero()
        if not len(places):
            return stride
        first, last = int(places.min()), int(places.max()) + 1
        if first > 0 and last < len(touched):
            scale = side // len(touched)
            reach = max(middle - first * scale, last * scale - middle - stride)
            return -(-reach // stride) * stride
    return None
