"""The search of swapped features: which position of the paintings each one of a photograph takes.

Positions are compared by their features in all layers that the decoder sees, less the means of
photograph and painting, and by light and colour.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylize import Grids, make_coherent, nearest, principal_axes
from stylize_adain.light import tones_of
from stylize_adain.packing import Packing
from stylize_adain.statistics import Moments

__all__ = ["SWEEPS", "Search", "SwapStyle"]

# Number of coherence sweeps: a match can change another that many positions away.
SWEEPS = 6
# Number of positions for the principal components, spread over the paintings.
SAMPLE = 512


@dataclass(frozen=True)
class SwapStyle:
    """The features of one or several paintings, ready to be searched; K positions in all.

    Args:
        values: packed features (K, C).
        sizes: height and width of each painting, in positions.
        shares: the share of a photograph that each painting gets.
        moments: moments of each painting.
        axes: axes (C, D) in which positions are compared; None for all channels.
        keys: the features (K, D) in these axes, of length 1 or 0.
        lengths: (K,), their lengths before.
        bias: (K,), added to the cosine of each position; None for nothing.
    """

    values: Tensor
    sizes: tuple[tuple[int, int], ...]
    shares: tuple[float, ...]
    moments: tuple[Moments, ...]
    axes: Tensor | None
    keys: Tensor
    lengths: Tensor
    bias: Tensor | None = None

    @property
    def counts(self) -> list[int]:
        """Number of positions of each painting."""
        return [height * width for height, width in self.sizes]


class Search:
    """Finds the nearest features, coherent with the neighbours'.

    Args:
        components: number of principal components to compare; 0 compares all channels.
        coherence: bonus of a match, in cosine, if all eight neighbours continue it, and its
            penalty if all take the same position.
        dtype: precision of the comparison.
        tone: weight of light and dark relative to the cosine of features, if they include colours.
        hue: weight of colour differences relative to it.
    """

    def __init__(
        self,
        packing: Packing,
        components: int,
        coherence: float,
        dtype: torch.dtype,
        tone: float = 0.0,
        hue: float = 0.0,
    ) -> None:
        self.packing = packing
        self.components = components
        self.coherence = coherence
        self.dtype = dtype
        self.tone, self.hue = (tone, hue) if packing.colors else (0.0, 0.0)

    def index(
        self,
        values: Tensor,
        sizes: tuple[tuple[int, int], ...],
        shares: tuple[float, ...],
        moments: tuple[Moments, ...],
    ) -> SwapStyle:
        """Return features (K, C) of paintings with their keys."""
        counts = [height * width for height, width in sizes]
        parts = list(zip(torch.split(values, counts), moments, strict=True))
        axes = None
        if self.components:
            # A sample of rows from all paintings; the others are projected in one step below.
            every = max(1, len(values) // SAMPLE)
            seen = [self._seen(rows[::every], own, None) for rows, own in parts]
            directions = F.normalize(torch.cat(seen), dim=1)
            axes = principal_axes(directions, self.components, SAMPLE)
        keys, lengths = zip(*(self.project(rows, own, axes) for rows, own in parts), strict=True)
        return SwapStyle(values, sizes, shares, moments, axes, torch.cat(keys), torch.cat(lengths))

    def project(self, rows: Tensor, moments: Moments, axes: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return rows (M, C) ready for comparison, in its dtype, of length 1 or 0.

        And their lengths (M,) before, in float32.
        """
        seen = self._seen(rows, moments, axes)
        found = F.normalize(seen, dim=1)
        if self.tone or self.hue:
            colors = tones_of(rows, moments, self.tone, self.hue)
            found = F.normalize(torch.cat([found, colors], dim=1), dim=1)
        return found.to(self.dtype), self._lengths(rows, moments)

    def _lengths(self, rows: Tensor, moments: Moments) -> Tensor:
        """Return the lengths (M,) of rows less their mean, each layer in its own unit."""
        weights = self.packing.units(moments)[0].square()
        mean = moments.mean[0]
        # Multiplied out: centred rows would take as much memory again, and several times as long.
        squares = rows.square() @ weights.to(rows.dtype)
        products = rows @ (weights * mean).to(rows.dtype)
        total = squares.float() - 2 * products.float() + (weights * mean.square()).sum()
        return total.clamp_min(0).sqrt()

    def _seen(self, rows: Tensor, moments: Moments, axes: Tensor | None) -> Tensor:
        """Return rows (M, C) less their mean, each layer in its own unit, in some axes."""
        units = self.packing.units(moments)[0]
        mean = moments.mean[0]
        if axes is None:
            return (rows.float() - mean) * units
        scaled = units[:, None] * axes
        return torch.addmm(-(mean @ scaled), rows.float(), scaled)

    def match(
        self, queries: Tensor, style: SwapStyle, size: tuple[int, int], first: tuple[int, int]
    ) -> Tensor:
        """Return the (M,) positions of the paintings that match those of a photograph."""
        keys, bias = style.keys, style.bias
        if bias is None:
            index = nearest(queries, keys).index
            bias = keys.new_zeros(len(keys), dtype=torch.float32)
        else:
            starts = [0, *itertools.accumulate(style.counts)]
            found = [nearest(queries, keys[a:b]) for a, b in itertools.pairwise(starts)]
            worth = torch.stack(
                [each.cosine + bias[start] for each, start in zip(found, starts[:-1], strict=True)]
            )
            index = torch.stack(
                [each.index + start for each, start in zip(found, starts[:-1], strict=True)]
            ).gather(0, worth.argmax(dim=0, keepdim=True))[0]
        if not self.coherence:
            return index
        grids = Grids(style.sizes, keys.device)
        return make_coherent(
            index,
            queries,
            keys,
            bias,
            grids,
            size,
            self.coherence,
            repetition=self.coherence,
            sweeps=SWEEPS,
            first=first,
        )
