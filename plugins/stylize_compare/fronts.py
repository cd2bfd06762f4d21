"""Fronts: a distance to the painting against one to the photograph, and a fair comparison of two.

One setting is better than another if its style distance is lower at the same content distance, or
its strokes distance at the same structure distance; not at the same strength. A front is taken as
straight between measured points. Beyond them it is unknown, and nothing is extrapolated.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

__all__ = ["TRADES", "Front", "Overlap", "Standing", "Trade", "compare_fronts", "rank_fronts"]

# The number of levels, evenly spaced over the range that two fronts share, to compare them at.
LEVELS = 17


@dataclass(frozen=True)
class Trade:
    """Two of the judge's distances, one of which falls as the other rises with the strength.

    Args:
        of: the distance to the painting.
        at: the distance to the photograph; variants are compared at equal levels of it.
    """

    of: str
    at: str


TRADES = Trade("style", "content"), Trade("strokes", "structure")


class Front:
    """One variant on one content and style: measured (level, value) pairs of distances.

    If several points have the same level, the one with the lowest value counts.
    """

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        best: dict[float, float] = {}
        for level, value in points:
            best[level] = min(value, best.get(level, value))
        self.levels = sorted(best)
        self.values = [best[level] for level in self.levels]

    def value_at(self, level: float) -> float | None:
        """Return the value at a level; None outside the measured range."""
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
        value, reference: mean value over them, of the front and of the one it is compared with.
    """

    low: float
    high: float
    value: float
    reference: float


def compare_fronts(front: Front, reference: Front) -> Overlap | None:
    """Compare a front with another at equal levels; None if they share none."""
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
        of, at: the distances, as in `Trade`.
        pairs, compared: how many pairs there are, and for how many the fronts overlap.
        lower: for how many of those its value is the lower one.
        low, high, value, reference, difference: medians over the compared pairs, as in `Overlap`;
            None if there are none. `difference` is value minus reference.
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

    Each is compared over the levels that it shares with the first, not over those that all share.
    Otherwise one variant that shares none would leave all of them without a number.

    Args:
        pairs: for each content and style the fronts by variant, in the same order.
        trade: the distances that their levels and values are.
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
