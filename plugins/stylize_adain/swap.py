"""Style swap: every position of the photograph takes the painting's nearest features.

Source: Chen and Schmidt 2016, "Fast Patch-based Style Transfer of Arbitrary Style". Unlike there,
single positions are compared, in all layers that the decoder sees, less the means of photograph and
painting. And neighbours continue the matches of their neighbours: in plain areas, the one best
match would repeat and leave rows of dashes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylize import Grids, Tile, balance_shares, make_coherent, nearest, principal_axes
from stylize_adain.augmentation import Mixture
from stylize_adain.guiding import REACH, guide_colors
from stylize_adain.light import give_light, tones_of
from stylize_adain.normalization import measure_pieces
from stylize_adain.packing import LUMA, Packing
from stylize_adain.statistics import Moments, blend_moments
from stylize_adain.transform import Piece

__all__ = ["Swap", "SwapStyle"]

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
        bias: (K,), added to the cosine of each position; None for nothing.
    """

    values: Tensor
    sizes: tuple[tuple[int, int], ...]
    shares: tuple[float, ...]
    moments: tuple[Moments, ...]
    axes: Tensor | None
    keys: Tensor
    bias: Tensor | None = None

    @property
    def counts(self) -> list[int]:
        """Number of positions of each painting."""
        return [height * width for height, width in self.sizes]


class Swap:
    """Takes the painting's nearest features, coherent with the neighbours'.

    Args:
        components: number of principal components to compare; 0 compares all channels.
        tone: weight of light and dark relative to the cosine of features, if they include colours.
        hue: weight of colour differences relative to it.
        light: share of the photograph's light and dark in the transferred colours.
        guide: share of the transferred colours that is filtered along the photograph's.
        coherence: bonus of a match, in cosine, if all eight neighbours continue it, and its
            penalty if all take the same position.
        dtype: precision of the comparison.
    """

    name = "swap"
    kept = 12  # three sizes of a painting take about 80 MB at 512 pixels, in float32
    most: int | None = 2**15
    alpha = 0.75  # with 1, too little of a face is left
    coarse_to_fine = True

    def __init__(
        self,
        packing: Packing,
        components: int,
        coherence: float,
        dtype: torch.dtype,
        tone: float = 0.0,
        light: float = 0.0,
        hue: float = 0.0,
        guide: float = 0.0,
    ) -> None:
        self.packing = packing
        self.components = components
        self.coherence = coherence
        self.dtype = dtype
        self.tone, self.light, self.hue, self.guide = (
            (tone, light, hue, guide) if packing.colors else (0.0, 0.0, 0.0, 0.0)
        )
        # How many positions away a match, or a colour, can change another.
        self.margin = SWEEPS + REACH * bool(self.guide)

    def measure(self, pieces: Iterable[Piece], size: tuple[int, int]) -> SwapStyle:
        """Return all features of a painting whose size (h, w) is in positions."""
        kept: list[Tensor] = []

        def keep(pieces: Iterable[Piece]) -> Iterator[Piece]:
            for piece in pieces:
                if not kept:
                    kept.append(piece.features.new_empty(*size, self.packing.channels))
                place = piece.place
                part = kept[0][place.top : place.bottom, place.left : place.right]
                part.copy_(piece.features[0].permute(1, 2, 0))
                yield piece

        moments = measure_pieces(keep(pieces), self.packing).to(kept[0])
        return self._index(kept[0].flatten(0, 1), (size,), (1.0,), (moments,))

    def blend(self, several: Sequence[SwapStyle], weights: Sequence[float]) -> SwapStyle:
        """Return the features of all paintings, each to be used in proportion to its weight."""
        pairs = [pair for pair in zip(several, weights, strict=True) if pair[1] > 0]
        if len(pairs) == 1:
            return pairs[0][0]
        return self._index(
            torch.cat([each.values for each, _ in pairs]),
            tuple(size for each, _ in pairs for size in each.sizes),
            tuple(weight for _, weight in pairs),
            tuple(moments for each, _ in pairs for moments in each.moments),
        )

    def settle(self, style: SwapStyle, look: Callable[[], tuple[Tensor, Moments]]) -> SwapStyle:
        """Return several paintings with the bias that gives each its share of the photograph."""
        if len(style.shares) == 1:
            return style
        features, content = look()
        queries = self.project(_rows(features), content.to(features), style.axes)
        cosines = [nearest(queries, keys).cosine for keys in torch.split(style.keys, style.counts)]
        bias = balance_shares(torch.stack(cosines), style.shares)
        counts = torch.tensor(style.counts, device=bias.device)
        return replace(style, bias=bias.repeat_interleave(counts))

    def apply(
        self,
        features: Tensor,
        content: Moments,
        style: SwapStyle,
        alpha: float,
        *,
        first: tuple[int, int] = (0, 0),
    ) -> Tensor:
        """Return features (1, C, h, w), each position blended with the style's nearest."""
        if not alpha:
            return features
        rows, content = _rows(features), content.to(features)
        queries = self.project(rows, content, style.axes)
        height, width = features.shape[-2:]
        index = self._match(queries, style, (height, width), first)
        own = blend_moments(style.moments, style.shares).to(features)
        taken = (
            self.lit(style.values[index], rows, content, own)
            .view(1, height, width, -1)
            .permute(0, 3, 1, 2)
        )
        if self.guide:
            kept, colors = taken[:, :LUMA], taken[:, LUMA:]
            guided = guide_colors(colors, features[:, LUMA:].to(colors.dtype))
            taken = torch.cat([kept, colors.lerp(guided, self.guide)], dim=1)
        return features.lerp(taken.to(features.dtype), alpha)

    def restyle(self, content: Tensor, styles: Tensor, mixture: Mixture) -> Tensor:
        """Return photographs (N, C, h, w) with the features of styles, or of a mixture of two."""
        height, width = styles.shape[-2:]
        place = Tile(0, height, 0, width)
        sides = [
            self.measure([Piece(each, place)], (height, width)) for each in torch.split(styles, 1)
        ]
        made = []
        for features, side, partner, share in zip(
            torch.split(content, 1),
            sides,
            mixture.partners.tolist(),
            mixture.shares.tolist(),
            strict=True,
        ):
            own = self.packing.moments_of(features)
            both = self.blend([side, sides[partner]], [1 - share, share])
            style = self.settle(both, lambda seen=(features, own): seen)  # type: ignore[misc]
            made.append(self.apply(features, own, style, 1.0))
        return torch.cat(made).float()

    def exported(self) -> nn.Module:
        """Return the search of all channels, without coherence."""
        return _Exported(self)

    def lit(self, taken: Tensor, rows: Tensor, content: Moments, style: Moments) -> Tensor:
        """Return the taken features (M, C) with the light of the photograph's rows (M, C)."""
        if not self.light:
            return taken
        return give_light(taken, rows, content, style, self.light)

    def _index(
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
            seen = [self._directions(rows[::every], own, None) for rows, own in parts]
            axes = principal_axes(torch.cat(seen).float(), self.components, SAMPLE)
        keys = torch.cat([self.project(rows, own, axes) for rows, own in parts])
        return SwapStyle(values, sizes, shares, moments, axes, keys)

    def project(self, rows: Tensor, moments: Moments, axes: Tensor | None) -> Tensor:
        """Return rows (M, C) ready for comparison, in its dtype, of length 1 or 0."""
        found = self._directions(rows, moments, axes)
        if self.tone or self.hue:
            colors = tones_of(rows, moments, self.tone, self.hue)
            found = F.normalize(torch.cat([found, colors], dim=1), dim=1)
        return found.to(self.dtype)

    def _directions(self, rows: Tensor, moments: Moments, axes: Tensor | None) -> Tensor:
        """Return rows (M, C) less their mean, each layer in its own unit, of length 1 or 0."""
        units = self.packing.units(moments)[0]
        mean = moments.mean[0]
        if axes is None:
            found = (rows.float() - mean) * units
        else:
            scaled = units[:, None] * axes
            found = torch.addmm(-(mean @ scaled), rows.float(), scaled)
        return F.normalize(found, dim=1)

    def _match(
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


def _rows(features: Tensor) -> Tensor:
    """Return features (1, C, h, w) as (h w, C)."""
    return features[0].permute(1, 2, 0).flatten(0, 1)


class _Exported(nn.Module):
    """Blends the features of a photograph with those of a painting, by alpha."""

    def __init__(self, swap: Swap) -> None:
        super().__init__()
        self.swap = swap

    def forward(self, content: Tensor, style: Tensor, alpha: Tensor) -> Tensor:
        swap, (_, channels, height, width) = self.swap, content.shape
        own, other = (swap.packing.moments_of(features) for features in (content, style))
        rows, painted = _rows(content), _rows(style)
        queries, keys = swap.project(rows, own, None), swap.project(painted, other, None)
        index = (queries @ keys.mT).argmax(dim=1)
        taken = swap.lit(painted[index], rows, own, other)
        return content + alpha * (taken.mT.reshape(1, channels, height, width) - content)
