"""The painting's palette: its mean and covariance of colours, given to a finished picture.

Source: Pitié and Kokaram 2007, "The Linear Monge-Kantorovitch Linear Colour Mapping": of all linear
maps with this result, the one that moves colours least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import torch
from torch import Tensor

__all__ = ["ColorMap", "Palette"]

# Number of pixels along the longer side that are measured, at most.
MEASURED = 256
# Largest factor for a contrast; the smallest is its inverse. An overcast sky has no contrast that
# could be stretched to a painting's without its noise.
MOST = 2.0
# Share of pixels on each side that do not count for the range of colours, and the part of [0, 1] at
# its ends in which colours are compressed: whites would burn out if they were cut off.
EXTREME, SOFT, TINY = 0.005, 0.09, 1e-6
# Added to variances, as a picture of one colour has none.
PLAIN = 1e-5


@dataclass(frozen=True)
class Palette:
    """Statistics of colours in [0, 1], float64, on the CPU.

    Args:
        mean, low, high: (3,); low and high without the most extreme pixels.
        covariance: (3, 3).
    """

    mean: Tensor
    covariance: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, picture: Tensor) -> Palette:
        """Return the palette of a picture (1, 3, H, W), uint8 or float in [0, 1]."""
        every = -(-max(picture.shape[-2:]) // MEASURED)
        seen = picture[0, :, ::every, ::every].flatten(1).cpu()
        colors = seen.double() / (1 if seen.is_floating_point() else 255)
        low, high = (
            colors.kthvalue(1 + round((colors.shape[1] - 1) * part), dim=1).values
            for part in (EXTREME, 1 - EXTREME)
        )
        return cls(colors.mean(dim=1), torch.cov(colors, correction=0), low, high)

    @classmethod
    def blend(cls, several: Sequence[Palette], weights: Sequence[float]) -> Palette:
        """Return the palette of all their colours together, in these proportions."""
        several = [each for each, weight in zip(several, weights, strict=True) if weight]
        shares = torch.tensor([weight for weight in weights if weight], dtype=torch.float64)
        shares /= shares.sum()
        means = torch.stack([each.mean for each in several])
        squares = torch.stack([each.covariance + each.mean.outer(each.mean) for each in several])
        mean = shares @ means
        return cls(
            mean,
            torch.einsum("n,nij->ij", shares, squares) - mean.outer(mean),
            torch.stack([each.low for each in several]).amin(dim=0),
            torch.stack([each.high for each in several]).amax(dim=0),
        )


@dataclass(frozen=True)
class ColorMap:
    """Maps colours (3,) to `matrix` times colours plus `shift`, kept in [low, high].

    Within the distance `soft` from both, colours are compressed.
    """

    matrix: Tensor
    shift: Tensor
    low: Tensor
    high: Tensor
    soft: Tensor

    @classmethod
    def between(cls, own: Palette, wanted: Palette, share: float) -> ColorMap:
        """Return a share of the map from a picture's palette to the wanted one."""
        plain = PLAIN * torch.eye(3, dtype=own.covariance.dtype)
        root = _power(own.covariance + plain, 0.5)
        inverse = _power(own.covariance + plain, -0.5)
        matrix = inverse @ _power(root @ (wanted.covariance + plain) @ root, 0.5) @ inverse
        values, vectors = torch.linalg.eigh(matrix)
        limited = vectors * values.clamp(1 / MOST, MOST) @ vectors.mT
        mixed = torch.lerp(torch.eye(3, dtype=limited.dtype), limited, share)
        return cls(
            mixed,
            torch.lerp(own.mean, wanted.mean, share) - mixed @ own.mean,
            share * wanted.low,
            1 - share * (1 - wanted.high),
            torch.tensor(share * SOFT),
        )

    def blend(self, other: ColorMap, share: float) -> ColorMap:
        """Return this map with a share of another."""
        pairs = zip(astuple(self), astuple(other), strict=True)
        return ColorMap(*(mine.lerp(yours, share) for mine, yours in pairs))

    def apply(self, picture: Tensor, rows: int) -> None:
        """Change a picture (1, 3, H, W), uint8, in place, some rows at a time."""
        matrix = self.matrix.float()
        shift, low, high, soft = (
            255 * each.float().view(-1, 1, 1)
            for each in (self.shift, self.low, self.high, self.soft)
        )
        for top in range(0, picture.shape[-2], rows):
            band = picture[0, :, top : top + rows]
            mapped = torch.einsum("ij,jhw->ihw", matrix, band.float()) + shift
            limited = -_limit(-_limit(mapped, high, soft), -low, soft)
            band.copy_(limited.round().clamp(0, 255))


def _limit(values: Tensor, most: Tensor, soft: Tensor) -> Tensor:
    """Return values that approach `most` ever more slowly within the last `soft` of them."""
    excess = (values - (most - soft)).clamp_min(0)
    return values - excess + soft * torch.tanh(excess / soft.clamp_min(TINY))


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """Return a power of a symmetric, positive matrix (3, 3)."""
    values, vectors = torch.linalg.eigh(matrix)
    power: Tensor = vectors * values**exponent @ vectors.mT
    return power
