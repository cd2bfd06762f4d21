"""Fronts: a distance to the painting against one to the photograph, and two compared fairly.

One setting is better than another where its style distance is lower at the same content distance,
or strokes at the same structure, not at the same strength. Between measured points a front is
taken as straight; beyond them it is unknown, and nothing is made up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

__all__ = ["TRADES", "Front", "Overlap", "Standing", "Trade", "compare_fronts", "rank_fronts"]

# Levels, evenly spaced over what two fronts share, at which they are compared.
LEVELS = 17


@dataclass(frozen=True)
class Trade:
    """Two of the judge's distances, one of which falls as the other rises with the strength.

    Args:
        of: the distance to the painting.
        at: the distance to the photograph, at equal levels of which variants are compared.
    """

    of: str
    at: str


TRADES = Trade("style", "content"), Trade("strokes", "structure")


class Front:
    """One variant on one content and style: measured (level, value) pairs of distances.

    Of points with equal level the one with the lowest value counts.
    """

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        best: dict[float, float] = {}
        for level, value in points:
            best[level] = min(value, best.get(level, value))
        self.levels = sorted(best)
        self.values = [best[level] for level in self.levels]

    def value_at(self, level: float) -> float | None:
        """Return the value at a level; None outside what was measured."""
        at = bisect_left(self.levels, level)
        if at < len(self.levels) and self.levels[at] == level:
            return self.values[at]
        if at in (0, len(self.levels)):
            return None
        (x0, x1), (y0, y1) = self.levels[at - 1 : at + 1], self.values[at - 1 : at + 1]
        return y0 + (y1 - y0) * (level - x0) / (x1 - x0)


@dataclass(frozen=True)
class Overlap:
    """Two fronts over the levels that both cover.

    Args:
        low, high: those levels.
        value, reference: mean value over them, of the front and of the one it is held against.
    """

    low: float
    high: float
    value: float
    reference: float


def compare_fronts(front: Front, reference: Front) -> Overlap | None:
    """Compare a front with another at equal levels; None where they share none."""
    if not (front.levels and reference.levels):
        return None
    low = max(front.levels[0], reference.levels[0])
    high = min(front.levels[-1], reference.levels[-1])
    if low > high:
        return None
    # The last level is `high` itself: low + (high - low) may round beyond it.
    levels = [low + (high - low) * i / (LEVELS - 1) for i in range(LEVELS - 1)] + [high]
    ours, theirs = ([f.value_at(level) for level in levels] for f in (front, reference))
    return Overlap(
        low,
        high,
        fmean(value for value in ours if value is not None),
        fmean(value for value in theirs if value is not None),
    )


@dataclass(frozen=True)
class Standing:
    """A variant against the first one, over several pairs of content and style.

    Args:
        of, at: the distances, as of `Trade`.
        pairs, compared: how many there are, and for how many the fronts overlap.
        lower: for how many of those its value is the lower one.
        low, high, value, reference, difference: medians over the compared pairs, as of `Overlap`;
            None where there are none. `difference` is value minus reference.
    """

    of: str
    at: str
    variant: str
    reference_variant: str
    pairs: int
    compared: int
    lower: int
    low: float | None = None
    high: float | None = None
    value: float | None = None
    reference: float | None = None
    difference: float | None = None


def rank_fronts(pairs: Sequence[Mapping[str, Front]], trade: Trade) -> list[Standing]:
    """Compare each variant with the first, pair by pair, and return the medians.

    Each is compared over what it shares with the first, not over what all share: one variant that
    shares nothing would else leave all of them without a number.

    Args:
        pairs: for each content and style the fronts by variant, in the same order.
        trade: what their levels and values are.
    """
    if not pairs:
        return []
    first, *others = pairs[0]
    return [_stand(variant, first, pairs, trade) for variant in others]


def _stand(
    variant: str, first: str, pairs: Sequence[Mapping[str, Front]], trade: Trade
) -> Standing:
    compared = [
        overlap
        for fronts in pairs
        if (overlap := compare_fronts(fronts[variant], fronts[first])) is not None
    ]
    counts = len(pairs), len(compared), sum(o.value < o.reference for o in compared)
    if not compared:
        return Standing(trade.of, trade.at, variant, first, *counts)
    return Standing(
        trade.of,
        trade.at,
        variant,
        first,
        *counts,
        low=median(o.low for o in compared),
        high=median(o.high for o in compared),
        value=median(o.value for o in compared),
        reference=median(o.reference for o in compared),
        difference=median(o.value - o.reference for o in compared),
    )
