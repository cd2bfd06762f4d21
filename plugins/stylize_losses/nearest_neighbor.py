"""The distance from the painting's nearest features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from stylize import LossSpec, Role, Settings, Statistics

if TYPE_CHECKING:
    from torch import Tensor

SPEC = LossSpec(
    "nearest_neighbor",
    factory="stylize_losses.nearest_neighbor:NearestNeighborLoss",
    settings="stylize_losses.nearest_neighbor:NearestNeighborSettings",
    summary="Mean cosine distance from the painting's nearest features",
    seeded=True,
)


class NearestNeighborSettings(Settings):
    """Settings of the nearest-neighbour loss."""

    positions: int = Field(
        1024,
        ge=1,
        description="Largest number of a layer's positions to compare. They are drawn with the "
        "run's seed; time and memory grow with their number.",
    )


class NearestNeighborLoss:
    """Mean over the picture's features of 1 - cosine with the painting's nearest feature.

    Gram matrices compare which features occur together. This loss asks that every feature be one
    that the painting has, but not that all of the painting's features occur. A feature of zeros
    has no direction: its cosine with any other is 0, and so is its gradient.

    Source: Kolkin et al. 2022 (Neural Neighbor Style Transfer), whose last pass matches again at
    every step, at all positions. Here the positions are drawn once per run, so that large pictures
    cost no more than small ones.
    """

    role = Role.STYLE
    additive = False

    def __init__(self, settings: NearestNeighborSettings, seed: int) -> None:
        self.positions = settings.positions
        self.seed = seed

    def statistics(self, features: Tensor) -> Statistics:
        """Keep (N, P, C) features at P positions of (N, C, H, W), the same for maps of one size."""
        from stylize_losses.positions import drawn_rows

        kept = drawn_rows(features, self.positions, self.seed)
        return Statistics({"features": kept}, features.shape[-2] * features.shape[-1])

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        """Return (N,) distances, 0 to 2."""
        import torch

        from stylize import nearest
        from stylize_losses.positions import unit

        found, wanted = unit(current.values["features"]), unit(target.values["features"])
        pairs = zip(found, wanted.expand(len(found), -1, -1), strict=True)
        # The search has no gradient: matches change abruptly.
        matched = torch.stack([keys[nearest(rows, keys).index] for rows, keys in pairs])
        return 1 - (found * matched).sum(dim=2).mean(dim=1)

    def blend(self, statistics: Sequence[Statistics], weights: Sequence[float]) -> Statistics:
        """Return the union of sets: each gives its share of the largest set's number."""
        import torch

        sets = [each.values["features"] for each in statistics]
        divided = _divide(max(rows.shape[1] for rows in sets), weights)
        # Each gives different rows from those before it, so that equal sets blend into that set.
        given = [
            rows[:, torch.arange(begin, end, device=rows.device) % rows.shape[1]]
            for rows, (begin, end) in zip(sets, divided, strict=True)
        ]
        positions = sum(w * each.positions for w, each in zip(weights, statistics, strict=True))
        return Statistics({"features": torch.cat(given, dim=1)}, round(positions))


def _divide(rows: int, shares: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Yield where each share's rows begin and end, at least one row for each positive share."""
    begin, reached, waiting = 0, 0.0, sum(share > 0 for share in shares)
    for share in shares:
        reached += share
        waiting -= share > 0
        end = max(round(rows * reached), begin + (share > 0))
        # With fewer rows than shares, the last ones get them.
        end = max(begin, min(end, rows - waiting))
        yield begin, end
        begin = end
