"""The judge's measures, as plain functions of features.

Structure and strokes are the content and the style loss of Kolkin et al. 2019 (STROTSS), applied
here to finished pictures.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stylize import nearest

__all__ = [
    "deviations",
    "draw_positions",
    "gram",
    "means",
    "relative_distance",
    "self_similarity",
    "transport_distance",
]

# Below it, distances among features are rounding errors, and a picture has no structure.
FLAT = 1e-6


def gram(features: Tensor) -> Tensor:
    """Return the (N, C, C) mean outer product over positions of (N, C, H, W)."""
    flat = features.flatten(2)
    return flat @ flat.mT / flat.shape[-1]


def means(features: Tensor) -> Tensor:
    """Return the (N, C) means over positions of (N, C, H, W)."""
    return features.mean(dim=(2, 3))


def deviations(features: Tensor) -> Tensor:
    """Return the (N, C) standard deviations over positions of (N, C, H, W)."""
    return features.std(dim=(2, 3), correction=0)


def relative_distance(current: Tensor, target: Tensor) -> float:
    """Return |current - target| / |target|."""
    return float((current - target).norm() / target.norm())


def draw_positions(features: Tensor, count: int, seed: int) -> Tensor:
    """Return (M, C): features (1, C, H, W) at `count` positions, or at all if there are fewer.

    The positions are the same for every map of that size, on every device.
    """
    rows = features[0].flatten(1).mT
    drawn = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:count]
    return rows[drawn.to(rows.device)]


def self_similarity(features: Tensor) -> Tensor:
    """Return the (M, M) cosine distances among features (M, C), each row divided by its mean.

    A flat picture's are 0. Source: Kolkin et al. 2019, the content loss, which divides by the sum
    instead; that makes the number depend on M.
    """
    unit = F.normalize(features, dim=1)
    distances = (1 - unit @ unit.mT).clamp(min=0)
    return distances / distances.mean(dim=1, keepdim=True).clamp(min=FLAT)


def transport_distance(features: Tensor, others: Tensor) -> float:
    """Return the relaxed earth mover's distance between (M, C) and (K, C), 0 to 2.

    It is the larger of the two mean cosine distances to the nearest of the other side: features
    of one picture alone cost, whichever it is. Source: Kolkin et al. 2019, the style loss.
    """
    there, back = nearest(features, others).cosine, nearest(others, features).cosine
    return max(float((1 - cosine).clamp(min=0).mean()) for cosine in (there, back))
