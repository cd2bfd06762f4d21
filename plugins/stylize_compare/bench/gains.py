"""The gain of a part over the reference, at equal distance to the photograph, with a sign test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from stylize_compare.bench.planning import Place
from stylize_compare.fronts import Front, Overlap, Trade, compare_fronts

__all__ = ["TRADES", "Gain", "Judged", "average_points", "measure_gain", "sign_test"]

TRADES = Trade("strokes", "structure"), Trade("style", "structure"), Trade("style", "content")

# A cell that was made: its place, and its four distances by name (None for blank pictures).
Judged = tuple[Place, Mapping[str, float | None]]


@dataclass(frozen=True)
class Gain:
    """A part against the reference over the pairs. Negative differences are nearer the painting.

    Args:
        of, at: the distances, as in `Trade`.
        pairs: how many the bench has.
        differences: by pair, for those whose fronts overlap, seeds averaged first.
        value, reference, difference: medians over those pairs; None if there are none.
        by_seed: the median difference with each seed's pictures alone.
        p: the p-value of a two-sided sign test over the pairs; None if no pair differs.
    """

    name: str
    of: str
    at: str
    pairs: int
    differences: Mapping[str, float]
    by_seed: Mapping[int, float]
    value: float | None = None
    reference: float | None = None
    difference: float | None = None
    p: float | None = None

    @property
    def lower(self) -> int:
        """The number of pairs with a negative difference."""
        return sum(difference < 0 for difference in self.differences.values())


def average_points(
    cells: Sequence[Judged], name: str, pair: str, trade: Trade
) -> dict[float, tuple[float, float]]:
    """Return the (level, value) of a part on a pair by strength: means over seeds."""
    by_strength: dict[float, list[tuple[float, float]]] = {}
    for place, judged in cells:
        if (place.name, place.pair.name) != (name, pair):
            continue
        level, value = judged.get(trade.at), judged.get(trade.of)
        if level is not None and value is not None:
            by_strength.setdefault(place.strength, []).append((level, value))
    return {
        strength: (fmean(level for level, _ in points), fmean(value for _, value in points))
        for strength, points in sorted(by_strength.items())
    }


def measure_gain(
    cells: Sequence[Judged], name: str, reference: str, pairs: Sequence[str], trade: Trade
) -> Gain:
    """Compare a part with the reference, pair by pair, over the levels that their fronts share."""
    overlaps = _overlaps(cells, name, reference, pairs, trade)
    differences = {pair: o.value - o.reference for pair, o in overlaps.items()}
    by_seed = {}
    for seed in sorted({place.seed for place, _ in cells}):
        own = [cell for cell in cells if cell[0].seed == seed]
        if found := _overlaps(own, name, reference, pairs, trade).values():
            by_seed[seed] = median(o.value - o.reference for o in found)
    if not overlaps:
        return Gain(name, trade.of, trade.at, len(pairs), differences, by_seed)
    return Gain(
        name,
        trade.of,
        trade.at,
        len(pairs),
        differences,
        by_seed,
        median(o.value for o in overlaps.values()),
        median(o.reference for o in overlaps.values()),
        median(differences.values()),
        sign_test(list(differences.values())),
    )


def sign_test(differences: Sequence[float]) -> float | None:
    """Return the p-value of the exact, two-sided sign test.

    It is the probability of signs at least as uneven as these, if both are equally likely.
    Differences of 0 are left out; None if there are no others.
    """
    signs = [difference < 0 for difference in differences if difference]
    if not signs:
        return None
    few = min(sum(signs), len(signs) - sum(signs))
    tail: float = sum(math.comb(len(signs), k) for k in range(few + 1)) / 2 ** len(signs)
    return min(1.0, 2 * tail)


def _overlaps(
    cells: Sequence[Judged], name: str, reference: str, pairs: Sequence[str], trade: Trade
) -> dict[str, Overlap]:
    found = {}
    for pair in pairs:
        ours, theirs = (
            Front(list(average_points(cells, one, pair, trade).values()))
            for one in (name, reference)
        )
        if overlap := compare_fronts(ours, theirs):
            found[pair] = overlap
    return found
