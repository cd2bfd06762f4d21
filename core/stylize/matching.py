"""The search of nearest features: which of the painting's belongs to each of the picture's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Matches", "nearest"]

# Queries and keys that are compared at a time: their products stay in a processor's cache.
QUERIES, KEYS = 1024, 4096


@dataclass(frozen=True)
class Matches:
    """The nearest key of each query.

    Args:
        index: (M,) of the keys.
        cosine: (M,) with it, float32, -1 to 1; 0 with a vector of zeros.
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
    for row in range(0, len(queries), QUERIES):
        rows = slice(row, row + QUERIES)
        for start in range(0, len(keys), KEYS):
            products = queries[rows] @ keys[start : start + KEYS].mT
            best, place = products.max(dim=1)
            better = best > cosine[rows]
            cosine[rows] = torch.where(better, best.float(), cosine[rows])
            index[rows] = torch.where(better, place + start, index[rows])
    return Matches(index, cosine)


def _unit(rows: Tensor) -> Tensor:
    return F.normalize(rows.float(), dim=1).to(rows.dtype)
