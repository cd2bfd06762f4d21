"""Raw moments of features over positions."""

from __future__ import annotations

import torch
from torch import Tensor


def mean_features(features: Tensor) -> Tensor:
    """Return the (N, C) mean over positions of (N, C, H, W) features, at least float32."""
    return features.flatten(2).mean(dim=2, dtype=torch.promote_types(features.dtype, torch.float32))


def mean_outer_product(features: Tensor) -> Tensor:
    """Return the (N, C, C) mean of f f^T over positions of (N, C, H, W), at least float32."""
    flat = features.flatten(2).to(torch.promote_types(features.dtype, torch.float32))
    return flat @ flat.mT / flat.shape[-1]
