"""Light and dark of positions: in what is compared, and in the colours that are taken."""

from __future__ import annotations

import torch
from torch import Tensor

from stylize_adain.packing import LUMA, Packing
from stylize_adain.statistics import Moments

__all__ = ["give_light", "tones_of"]

# Deviation of luma below which a picture is plain, and how many of them off the mean is black or
# white.
PLAIN, EXTREME = 0.05, 2.0


def tones_of(rows: Tensor, moments: Moments, packing: Packing) -> Tensor:
    """Return the lumas of rows (M, C) as directions (M, 2), whose cosine falls with contrast.

    Dark to light, by the picture's own mean and deviation, is half a turn.
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
    """Return what was taken (M, C) with a share of the light and dark of the photograph's rows.

    Their luma gets mean and deviation of the style's, as AdaIN gives them (eq. 8).
    """
    luma = packing.luma
    wanted = luma(style.mean) + luma(style.deviation) * _contrast(rows, content, packing)
    mixed = luma(taken).lerp(wanted.to(taken.dtype), share)
    return torch.cat([taken[:, :LUMA], mixed[:, None], taken[:, LUMA + 1 :]], dim=1)


def _contrast(rows: Tensor, moments: Moments, packing: Packing) -> Tensor:
    """Return the lumas of rows (M, C) in deviations off their picture's mean, (M,)."""
    luma = packing.luma
    spread = luma(moments.deviation).clamp_min(PLAIN)
    z = (luma(rows.float()) - luma(moments.mean)) / spread
    return z.clamp(-EXTREME, EXTREME)
