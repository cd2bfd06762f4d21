"""Positions of a layer, drawn by seed.

It imports torch, so losses import it only when they measure.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from stylize_losses.rawmoments import rows_of

__all__ = ["drawn_rows", "unit"]

# A feature whose squared length is below this has no direction.
TINY = 1e-30


def drawn_rows(features: Tensor, most: int, seed: int) -> Tensor:
    """Return features (N, C, H, W) at P <= `most` positions, as (N, P, C), float32 at least.

    Maps of the same size give the same positions.
    """
    rows = rows_of(features)
    rows = rows.index_select(1, _draw(rows.shape[1], most, seed, rows.device))
    return rows.to(torch.promote_types(rows.dtype, torch.float32))


def unit(rows: Tensor) -> Tensor:
    """Return features (N, P, C) over their lengths; zeros stay zeros and get no gradient."""
    squares = rows.square().sum(dim=2, keepdim=True)
    return (rows * squares.clamp_min(TINY).rsqrt()).where(squares > TINY, 0.0)


@lru_cache(maxsize=256)
def _draw(count: int, most: int, seed: int, device: torch.device) -> Tensor:
    """Draw the indices of at most `most` positions, in an arbitrary order."""
    generator = torch.Generator().manual_seed(seed)
    with torch.inference_mode(mode=False):  # kept for later calls, which may want gradients
        # Cloned, so that the unused indices are not kept.
        return torch.randperm(count, generator=generator)[:most].clone().to(device)
