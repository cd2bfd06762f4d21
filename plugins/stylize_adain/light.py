"""Light and colour at each position: in the comparison, and light in the transferred colours."""

from __future__ import annotations

import torch
from torch import Tensor

from stylize_adain.packing import LUMA
from stylize_adain.statistics import Moments

__all__ = ["give_light", "tones_of"]

# Deviation below which a picture counts as plain, in light or in a colour difference, and the
# number of deviations from the mean that counts as black, white or the strongest colour.
PLAIN, EXTREME = 0.05, 2.0


def tones_of(rows: Tensor, moments: Moments, tone: float, hue: float) -> Tensor:
    """Return the colours of rows (M, C) as vectors (M, 2 or 6), whose products fall with contrast.

    Dark to light, relative to the picture's own mean and deviation, is half a turn; so is each of
    the two colour differences, which are left out if they have no weight.

    Args: tone, hue: weights of light and dark, and of the two colour differences together.
    """
    shares = [tone, hue / 2, hue / 2] if hue else [tone]
    weights = torch.tensor(shares, device=rows.device).sqrt()
    angles = _contrasts(rows, moments, len(shares)) * (torch.pi / 2 / EXTREME)
    return torch.cat([weights * angles.cos(), weights * angles.sin()], dim=1)


def give_light(
    taken: Tensor, rows: Tensor, content: Moments, style: Moments, share: float
) -> Tensor:
    """Return the taken features (M, C) with a share of the light and dark of the photograph's rows.

    The luma of these rows is first given the style's mean and deviation, as in AdaIN (eq. 8).
    """
    contrast = _contrasts(rows, content, 1)[:, 0]
    wanted = style.mean[:, LUMA] + style.deviation[:, LUMA] * contrast
    mixed = taken[:, LUMA].lerp(wanted.to(taken.dtype), share)
    return torch.cat([taken[:, :LUMA], mixed[:, None], taken[:, LUMA + 1 :]], dim=1)


def _contrasts(rows: Tensor, moments: Moments, count: int) -> Tensor:
    """Return luma, and colour differences if 3 are asked for, in deviations from their mean."""
    values, mean, deviation = (
        each[:, LUMA:][:, :count] for each in (rows, moments.mean, moments.deviation)
    )
    z = (values.float() - mean) / deviation.clamp_min(PLAIN)
    return z.clamp(-EXTREME, EXTREME)
