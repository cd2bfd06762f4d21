"""Style swap: every position of the photograph takes the painting's nearest features.

Source: Chen and Schmidt 2016, "Fast Patch-based Style Transfer of Arbitrary Style". Unlike there,
single positions are compared, in all layers that the decoder sees, less the means of photograph and
painting. And neighbours continue the matches of their neighbours: in plain areas, the one best
match would repeat and leave rows of dashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from stylize import Tile, balance_shares, nearest
from stylize_adain.augmentation import Mixture
from stylize_adain.guiding import REACH, guide_colors
from stylize_adain.light import give_light
from stylize_adain.normalization import measure_pieces
from stylize_adain.packing import LUMA
from stylize_adain.searching import SWEEPS, Search, SwapStyle
from stylize_adain.statistics import Moments, blend_moments
from stylize_adain.transform import Piece

__all__ = ["Swap"]

TINY = 1e-12


class Swap:
    """Takes the painting's nearest features, coherent with the neighbours'.

    Args:
        search: finds them.
        light: share of the photograph's light and dark in the transferred colours.
        guide: share of the transferred colours that is filtered along the photograph's.
        detail: how far a position with more detail than its match keeps its features.
    """

    name = "swap"
    kept = 12  # three sizes of a painting take about 80 MB at 512 pixels, in float32
    most: int | None = 2**15
    alpha = 0.75  # with 1, too little of a face is left
    coarse_to_fine = True

    def __init__(
        self, search: Search, *, light: float = 0.0, guide: float = 0.0, detail: float = 0.0
    ) -> None:
        self.search = search
        self.packing = search.packing
        self.detail = detail
        self.light, self.guide = (light, guide) if self.packing.colors else (0.0, 0.0)
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
        return self.search.index(kept[0].flatten(0, 1), (size,), (1.0,), (moments,))

    def blend(self, several: Sequence[SwapStyle], weights: Sequence[float]) -> SwapStyle:
        """Return the features of all paintings, each to be used in proportion to its weight."""
        pairs = [pair for pair in zip(several, weights, strict=True) if pair[1] > 0]
        if len(pairs) == 1:
            return pairs[0][0]
        return self.search.index(
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
        queries, _ = self.search.project(_rows(features), content.to(features), style.axes)
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
        taken, own, theirs = self._take(features, content.to(features), style, first)
        blended = self.mix(_rows(features), _rows(taken), own, theirs, alpha)
        return blended.view(1, *features.shape[-2:], -1).permute(0, 3, 1, 2)

    def _take(
        self, features: Tensor, content: Moments, style: SwapStyle, first: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the nearest features (1, C, h, w), and the lengths of own ones and of these."""
        rows = _rows(features)
        queries, lengths = self.search.project(rows, content, style.axes)
        height, width = features.shape[-2:]
        index = self.search.match(queries, style, (height, width), first)
        own = blend_moments(style.moments, style.shares).to(features)
        taken = (
            self.lit(style.values[index], rows, content, own)
            .view(1, height, width, -1)
            .permute(0, 3, 1, 2)
        )
        if self.guide:
            colors = taken[:, LUMA:]  # a view: what is taken is a copy already
            guided = guide_colors(colors, features[:, LUMA:].to(colors.dtype))
            colors.lerp_(guided, self.guide)
        return taken, lengths, style.lengths[index]

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
            made.append(self._take(features, own.to(features), style, (0, 0))[0])
        return torch.cat(made).float()

    def mix(
        self, rows: Tensor, taken: Tensor, own: Tensor, theirs: Tensor, alpha: float | Tensor
    ) -> Tensor:
        """Return rows (M, C) blended with the features (M, C) that they take.

        Colours are taken in full. Features are so only if they have the detail of the position's
        own: a plain piece of the painting would wipe out the eye of a white cat.

        Args: own, theirs: lengths (M,) of the features, without means.
        """
        missing = 1 - (theirs / own.clamp_min(TINY)).clamp(max=1)
        share = (alpha * (1 - self.detail * missing))[:, None]
        taken = taken.to(rows.dtype)
        blended = rows.lerp(taken, share.to(rows.dtype))
        if self.packing.colors:
            given, wanted = rows[:, LUMA:], taken[:, LUMA:]
            blended[:, LUMA:] = given + alpha * (wanted - given)
        return blended

    def exported(self) -> nn.Module:
        """Return the search of all channels, without coherence."""
        return _Exported(self)

    def lit(self, taken: Tensor, rows: Tensor, content: Moments, style: Moments) -> Tensor:
        """Return the taken features (M, C) with the light of the photograph's rows (M, C)."""
        if not self.light:
            return taken
        return give_light(taken, rows, content, style, self.light)


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
        queries, lengths = swap.search.project(rows, own, None)
        keys, theirs = swap.search.project(painted, other, None)
        index = (queries @ keys.mT).argmax(dim=1)
        taken = swap.lit(painted[index], rows, own, other)
        blended = swap.mix(rows, taken, lengths, theirs[index], alpha)
        return blended.mT.reshape(1, channels, height, width)
