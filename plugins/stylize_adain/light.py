"""Light and dark at each position: in the comparison, and in the transferred colours."""

from __future__ import annotations

import torch
from torch import Tensor

from stylize_adain.packing import LUMA, Packing
from stylize_adain.statistics import Moments

__all__ = ["give_light", "tones_of"]

# Deviation of luma below which a picture counts as plain, and the number of deviations from the
# mean that counts as black or white.
PLAIN, EXTREME = 0.05, 2.0


def tones_of(rows: Tensor, moments: Moments, packing: Packing) -> Tensor:
    """Return the lumas of rows (M, C) as directions (M, 2), whose cosine falls with contrast.

    Dark to light, relative to the picture's own mean and deviation, is half a turn.
    """
    angle = _contrast(rows, moments, packing) * (torch.pi / 2 / EXTREME)
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def give_light(
    taken: Tensor,
    rows: Tensor,
    content: Moments,
    style: Moments,
    packing: Packing,
    share: float,
) -> Tensor:
    """Return the taken features (M, C) with a share of the light and dark of the photograph's rows.

    The luma of these rows is first given the style's mean and deviation, as in AdaIN (eq. 8).
    """
    luma = packing.luma
    wanted = luma(style.mean) + luma(style.deviation) * _contrast(rows, content, packing)
    mixed = luma(taken).lerp(wanted.to(taken.dtype), share)
    return torch.cat([taken[:, :LUMA], mixed[:, None], taken[:, LUMA + 1 :]], dim=1)


def _contrast(rows: Tensor, moments: Moments, packing: Packing) -> Tensor:
    """Return the lumas of rows (M, C) in deviations from their picture's mean, (M,)."""
    luma = packing.luma
    spread = luma(moments.deviation).clamp_min(PLAIN)
    z = (luma(rows.float()) - luma(moments.mean)) / spread
    return z.clamp(-EXTREME, EXTREME)
