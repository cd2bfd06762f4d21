"""Colours that keep to the photograph's shapes: the guided filter, at one value per position.

Each position takes its colours from its own match, so that a plain sky gets a patch of colour for
each piece of the painting in it. This filter replaces colours by a linear function of the
photograph's, fitted in each neighbourhood: patches vanish, and edges stay where they are in the
photograph.

Source: He, Sun and Tang 2013, "Guided Image Filtering", for a guide of three channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["REACH", "guide_colors"]

# Neighbourhoods have this many positions in each direction. They are fitted, then averaged.
RADIUS = 4
REACH = 2 * RADIUS
# Variance of the photograph's colours below which a neighbourhood counts as plain.
EPSILON = 2e-3


def guide_colors(colors: Tensor, guide: Tensor) -> Tensor:
    """Return colours (1, C, h, w), filtered along a guide (1, 3, h, w), both about in [0, 1]."""
    height, width = colors.shape[-2:]
    radius = min(RADIUS, height - 1, width - 1)
    if not radius:
        return colors
    seen, values = guide.float()[0], colors.float()[0]
    means, targets = _box(seen, radius), _box(values, radius)
    spread = _box(seen[:, None] * seen, radius) - means[:, None] * means
    shared = _box(seen[:, None] * values, radius) - means[:, None] * targets
    plain = EPSILON * torch.eye(3, dtype=spread.dtype, device=spread.device)
    # At each position: (3, 3) times slopes (3, C) is (3, C).
    each, wanted = (values.movedim((0, 1), (2, 3)) for values in (spread, shared))
    slopes = torch.linalg.solve(each + plain, wanted).movedim((2, 3), (0, 1))
    shifts = targets - (slopes * means[:, None]).sum(dim=0)
    filtered = (_box(slopes, radius) * seen[:, None]).sum(dim=0) + _box(shifts, radius)
    return filtered.to(colors.dtype)[None]


def _box(values: Tensor, radius: int) -> Tensor:
    """Return the means (..., h, w) over squares, which end at the border."""
    flat = values.flatten(0, -3)[None]
    side = 2 * radius + 1
    return F.avg_pool2d(flat, side, 1, radius, count_include_pad=False)[0].view_as(values)
