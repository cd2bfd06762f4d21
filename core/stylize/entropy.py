"""The flatness of a tensor: from one peak to all values alike."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from stylize.precision import to_float64

__all__ = ["normalized_entropy"]


def normalized_entropy(values: Tensor) -> float:
    """Return H(p) / log n with p = |v| / sum |v| over the n values of a tensor of any shape.

    It is between 0 (one value only) and 1 (all alike); NaN if all are 0, 1 for a single value.
    """
    magnitudes = to_float64(values.abs()).flatten()
    if len(magnitudes) == 1:
        return 1.0
    shares = magnitudes / magnitudes.sum()
    entropy = float(torch.special.entr(shares).sum())  # -p log p, with 0 at 0
    return entropy / math.log(len(shares))
