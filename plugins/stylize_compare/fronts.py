"""Fronts: style against content distance over strengths, and two of them compared fairly.

One setting is better than another where its style distance is lower at the same content distance,
not at the same strength. Between measured points a front is taken as straight; beyond them it is
unknown, and nothing is made up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

__all__ = ["Front", "Overlap", "Standing", "compare_fronts", "rank_fronts"]

# Content distances, evenly spaced over what two fronts share, at which they are compared.
LEVELS = 17


class Front:
    """One variant on one content and style: measured (content, style) distances.

    Of points with equal content distance the one with the lowest style distance counts.
    """

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        best: dict[float, float] = {}
        for content, style in points:
            best[content] = min(style, best.get(content, style))
        self.contents = sorted(best)
        self.styles = [best[content] for content in self.contents]

    def style_at(self, content: float) -> float | None:
        """Return the style distance at a content distance; None outside what was measured."""
        at = bisect_left(self.contents, content)
        if at < len(self.contents) and self.contents[at] == content:
            return self.styles[at]
        if at in (0, len(self.contents)):
            return None
        (x0, x1), (y0, y1) = self.contents[at - 1 : at + 1], self.styles[at - 1 : at + 1]
        return y0 + (y1 - y0) * (content - x0) / (x1 - x0)


@dataclass(frozen=True)
class Overlap:
    """Two fronts over the content distances that both cover.

    Args:
        low, high: those content distances.
        style, reference: mean style distance over them, of the front and of the one it is held
            against.
    """

    low: float
    high: float
    style: float
    reference: float


def compare_fronts(front: Front, reference: Front) -> Overlap | None:
    """Compare a front with another at equal content; None where they share no content distance."""
    if not (front.contents and reference.contents):
        return None
    low = max(front.contents[0], reference.contents[0])
    high = min(front.contents[-1], reference.contents[-1])
    if low > high:
        return None
    # The last level is `high` itself: low + (high - low) may round beyond it.
    levels = [low + (high - low) * i / (LEVELS - 1) for i in range(LEVELS - 1)] + [high]
    ours, theirs = ([f.style_at(level) for level in levels] for f in (front, reference))
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
        pairs, compared: how many there are, and for how many the fronts overlap.
        lower: for how many of those its style distance is the lower one.
        low, high, style, reference, difference: medians over the compared pairs, as of `Overlap`;
            None where there are none. `difference` is style minus reference.
    """

    variant: str
    reference_variant: str
    pairs: int
    compared: int
    lower: int
    low: float | None = None
    high: float | None = None
    style: float | None = None
    reference: float | None = None
    difference: float | None = None


def rank_fronts(pairs: Sequence[Mapping[str, Front]]) -> list[Standing]:
    """Compare each variant with the first, pair by pair, and return the medians.

    Each is compared over what it shares with the first, not over what all share: one variant that
    shares nothing would else leave all of them without a number.

    Args:
        pairs: for each content and style the fronts by variant, in the same order.
    """
    if not pairs:
        return []
    first, *others = pairs[0]
    return [_stand(variant, first, pairs) for variant in others]


def _stand(variant: str, first: str, pairs: Sequence[Mapping[str, Front]]) -> Standing:
    compared = [
        overlap
        for fronts in pairs
        if (overlap := compare_fronts(fronts[variant], fronts[first])) is not None
    ]
    counts = len(pairs), len(compared), sum(o.style < o.reference for o in compared)
    if not compared:
        return Standing(variant, first, *counts)
    return Standing(
        variant,
        first,
        *counts,
        low=median(o.low for o in compared),
        high=median(o.high for o in compared),
        style=median(o.style for o in compared),
        reference=median(o.reference for o in compared),
        difference=median(o.style - o.reference for o in compared),
    )
