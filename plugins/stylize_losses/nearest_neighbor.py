"""The distance from the painting's nearest features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import Field

from stylize import LossSpec, Role, Settings, Statistics

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SPEC = LossSpec(
    "nearest_neighbor",
    factory="stylize_losses.nearest_neighbor:NearestNeighborLoss",
    settings="stylize_losses.nearest_neighbor:NearestNeighborSettings",
    summary="Mean cosine distance from the painting's nearest features",
    seeded=True,
)

# The square of a feature's length below which it has no direction.
TINY = 1e-30


class NearestNeighborSettings(Settings):
    """Settings of the nearest-neighbour loss."""

    positions: int = Field(
        1024,
        ge=1,
        description="How many positions of a layer are compared, at most: they are drawn with the "
        "run's seed, and both time and memory grow with them.",
    )


class NearestNeighborLoss:
    """Mean over the picture's features of 1 - cosine with the nearest of the painting's.

    Where Gram matrices compare which features occur together, this asks that every feature be one
    that the painting has. It does not ask for all that the painting has. A feature of zeros has
    no direction: its cosine with any other is 0, and so is its gradient.

    Source: Kolkin et al. 2022 (Neural Neighbor Style Transfer), whose last pass matches anew at
    every step, at all positions. Here they are drawn once a run, so that large pictures cost no
    more than small ones.
    """

    role = Role.STYLE
    additive = False

    def __init__(self, settings: NearestNeighborSettings, seed: int) -> None:
        self.positions = settings.positions
        self.seed = seed

    def statistics(self, features: Tensor) -> Statistics:
        """Keep (N, P, C) features at P positions of (N, C, H, W): of one size always the same."""
        import torch

        from stylize_losses.rawmoments import rows_of

        positions = features.shape[-2] * features.shape[-1]
        drawn = _draw(positions, self.positions, self.seed, features.device)
        rows = rows_of(features).index_select(1, drawn)
        kept = rows.to(torch.promote_types(rows.dtype, torch.float32))
        return Statistics({"features": kept}, positions)

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        """Return (N,) distances, 0 to 2."""
        import torch

        from stylize import nearest

        found, wanted = _unit(current.values["features"]), _unit(target.values["features"])
        pairs = zip(found, wanted.expand(len(found), -1, -1), strict=True)
        # The search has no gradient: a match changes by leaps.
        matched = torch.stack([keys[nearest(rows, keys).index] for rows, keys in pairs])
        return 1 - (found * matched).sum(dim=2).mean(dim=1)

    def blend(self, statistics: Sequence[Statistics], weights: Sequence[float]) -> Statistics:
        """Return the union of sets, with as many features of each as its share of the largest."""
        import torch

        sets = [each.values["features"] for each in statistics]
        divided = _divide(max(rows.shape[1] for rows in sets), weights)
        # Each gives other rows than those before it, so that equal sets blend into that set.
        given = [
            rows[:, torch.arange(begin, end, device=rows.device) % rows.shape[1]]
            for rows, (begin, end) in zip(sets, divided, strict=True)
        ]
        positions = sum(w * each.positions for w, each in zip(weights, statistics, strict=True))
        return Statistics({"features": torch.cat(given, dim=1)}, round(positions))


@lru_cache(maxsize=256)
def _draw(count: int, most: int, seed: int, device: torch.device) -> Tensor:
    """Draw the numbers of at most so many positions, in an order that means nothing."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.inference_mode(mode=False):  # kept for later calls, which may want gradients
        # Cloned, so that those that are not used are not kept.
        return torch.randperm(count, generator=generator)[:most].clone().to(device)


def _unit(rows: Tensor) -> Tensor:
    """Return features (N, P, C) over their lengths; zeros stay, and get no gradient."""
    squares = rows.square().sum(dim=2, keepdim=True)
    return (rows * squares.clamp_min(TINY).rsqrt()).where(squares > TINY, 0.0)


def _divide(rows: int, shares: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Divide rows by shares, at least one for each that is positive: where they begin and end."""
    begin, reached, waiting = 0, 0.0, sum(share > 0 for share in shares)
    for share in shares:
        reached += share
        waiting -= share > 0
        end = max(round(rows * reached), begin + (share > 0))
        # With fewer rows than shares, the last ones get them.
        end = max(begin, min(end, rows - waiting))
        yield begin, end
        begin = end
