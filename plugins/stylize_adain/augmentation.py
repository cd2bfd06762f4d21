"""Many styles from few paintings: other colours, and mixtures.

Random numbers come from torch's own generator on the CPU, whose state checkpoints keep.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from stylize import Loss, Statistics, blend_statistics

__all__ = ["Mixture", "draw_mixture", "draw_number", "vary_colors"]

# Largest changes of contrast and brightness.
CONTRAST = 0.5
BRIGHTNESS = 0.2


def draw_number(expected: float) -> int:
    """Draw one of the two integers around `expected`, with `expected` as the mean over many draws.

    An integer is returned unchanged, without drawing a random number.
    """
    least = math.floor(expected)
    return least + int(expected > least and torch.rand(()).item() < expected - least)


def vary_colors(images: Tensor, amount: float) -> Tensor:
    """Randomly change hue, contrast and brightness of half of the images (N, 3, H, W).

    Args:
        amount: 0 changes nothing; 1 allows any hue.
    """
    if not (amount and len(images)):
        return images
    drawn = torch.rand(4, len(images)).to(images.device)
    strength = amount * (drawn[3] < 0.5)
    hue, contrast, brightness = (2 * drawn[:3] - 1) * strength
    turned = torch.einsum("nij,njhw->nihw", _turn_hue(hue * math.pi), images)
    middle = turned.mean(dim=(1, 2, 3), keepdim=True)
    stretched = middle + (turned - middle) * _spread(1 + CONTRAST * contrast)
    return (stretched + _spread(BRIGHTNESS * brightness)).clamp(0, 1)


def _turn_hue(angles: Tensor) -> Tensor:
    """Return (N, 3, 3) rotations of RGB about grey by (N,) angles."""
    ones = torch.ones(3, 3, device=angles.device)
    cross = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=angles.device)
    cosine, sine = angles.cos()[:, None, None], angles.sin()[:, None, None]
    identity = torch.eye(3, device=angles.device)
    return cosine * identity + (1 - cosine) / 3 * ones + sine / 3**0.5 * cross


def _spread(values: Tensor) -> Tensor:
    return values[:, None, None, None]


@dataclass(frozen=True)
class Mixture:
    """The pairs of styles in a batch that are mixed.

    Args:
        partners: (N,), the index of each style's partner.
        shares: (N,), the partner's share; 0 for a style that stays unmixed.
    """

    partners: Tensor
    shares: Tensor

    def __call__(self, statistics: Tensor) -> Tensor:
        """Return mixed statistics (N, ...), as of a picture in which each style has its share."""
        shares = self.shares.to(statistics).view(-1, *[1] * (statistics.dim() - 1))
        return statistics.lerp(statistics[self.partners], shares)

    def of_statistics(self, loss: Loss, found: Statistics) -> Statistics:
        """Return the mixed statistics of a batch of styles, blended as the loss does it."""
        positions = found.positions
        if not hasattr(loss, "blend"):  # the mean, for all samples at once
            return Statistics({n: self(value) for n, value in found.values.items()}, positions)
        alone = [
            Statistics({name: value[n : n + 1] for name, value in found.values.items()}, positions)
            for n in range(len(self.partners))
        ]
        mixtures = [
            blend_statistics(loss, [own, alone[partner]], [1 - share, share])
            for own, partner, share in zip(
                alone, self.partners.tolist(), self.shares.tolist(), strict=True
            )
        ]
        mixed = {name: torch.cat([each.values[name] for each in mixtures]) for name in found.values}
        return Statistics(mixed, positions)


def draw_mixture(count: int, kept: int, share: float, device: torch.device) -> Mixture:
    """Draw a mixture of styles, each with the next one.

    Args:
        count: number of styles in the batch.
        kept: number of styles at the start that are not mixed.
        share: share of the others that are mixed.
    """
    partners = torch.arange(count)
    shares = torch.zeros(count)
    if share and count > kept + 1:
        partners[kept:] = partners[kept:].roll(-1)
        drawn = torch.rand(2, count - kept)
        shares[kept:] = drawn[0] * (drawn[1] < share)
    return Mixture(partners.to(device), shares.to(device))
