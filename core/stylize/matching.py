"""The search for nearest features: each of the picture's is matched to one of the painting's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylize.precision import has_float64, to_float64

__all__ = ["Matches", "balance_shares", "nearest", "principal_axes"]

# Queries and keys that are compared at a time: a processor's cache holds the products of the
# smaller part, and a GPU takes longer to be asked for a small operation than to do it.
PART, LARGE_PART = (1024, 4096), (4096, 16384)
# Components with less than this share of the largest one's variance are rounding errors.
NEGLIGIBLE = 1e-6
# Search for a painting's bias: its first step, the factor of each next step, and the repetitions.
STEP, DECAY, STEPS = 0.2, 0.9, 60


@dataclass(frozen=True)
class Matches:
    """The nearest key of each query.

    Args:
        index: (M,) of the keys.
        cosine: (M,) to that key, float32, -1 to 1; 0 for a vector of zeros.
    """

    index: Tensor
    cosine: Tensor


@torch.no_grad()
def nearest(queries: Tensor, keys: Tensor) -> Matches:
    """Return the key of largest cosine for each query, the first of equal ones.

    Exact: products of matrices, a part at a time, so that memory does not grow with both numbers.

    Args:
        queries, keys: (M, C) and (K, C), of one dtype, in which they are multiplied.
    """
    queries, keys = _unit(queries), _unit(keys)
    index = torch.zeros(len(queries), dtype=torch.long, device=queries.device)
    cosine = torch.full((len(queries),), -torch.inf, device=queries.device)
    height, width = PART if queries.device.type == "cpu" else LARGE_PART
    for row in range(0, len(queries), height):
        rows = slice(row, row + height)
        for start in range(0, len(keys), width):
            products = queries[rows] @ keys[start : start + width].mT
            best, place = products.max(dim=1)
            better = best > cosine[rows]
            cosine[rows] = torch.where(better, best.float(), cosine[rows])
            index[rows] = torch.where(better, place + start, index[rows])
    return Matches(index, cosine)


def _unit(rows: Tensor) -> Tensor:
    return F.normalize(rows.float(), dim=1).to(rows.dtype)


def principal_axes(rows: Tensor, count: int, sample: int = 1024) -> Tensor:
    """Return at most `count` principal axes (C, K) of rows (M, C), the largest last.

    Args: sample: how many rows, evenly spread, they are computed from.
    """
    chosen = torch.linspace(0, len(rows) - 1, min(len(rows), sample), device=rows.device)
    wide = torch.float64 if has_float64(rows.device) else torch.float32
    mean = to_float64(rows.mean(dim=0, dtype=wide))
    centred = to_float64(rows[chosen.round().long()]) - mean
    values, vectors = torch.linalg.eigh(centred @ centred.mT)
    kept = values > values[-1] * NEGLIGIBLE
    values, vectors = values[kept][-count:], vectors[:, kept][:, -count:]
    axes: Tensor = centred.mT @ vectors / values.sqrt()
    return axes.to(rows)


def balance_shares(cosines: Tensor, shares: Sequence[float]) -> Tensor:
    """Return what to add to each painting's cosines (n, M) so that it wins its share of positions.

    Args: shares: (n,), positive; they need not add up to one.
    """
    wanted = torch.tensor(shares, dtype=torch.float32, device=cosines.device)
    wanted = wanted / wanted.sum()
    bias = torch.zeros_like(wanted)
    step = STEP if len(shares) > 1 else 0.0
    for _ in range(STEPS if step else 0):
        winner = (cosines + bias[:, None]).argmax(dim=0)
        won = torch.bincount(winner, minlength=len(shares)) / cosines.shape[1]
        bias = bias + step * (wanted - won)
        step *= DECAY
    return bias
