"""The results of a bench: one document; the table and the page are views of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import median
from typing import Any

from stylize import framework_version
from stylize_compare.bench.gains import TRADES, Gain, Judged, measure_gain
from stylize_compare.bench.planning import Bench, Place
from stylize_compare.cells import DISTANCES, judged_of
from stylize_compare.comparison import Comparison

__all__ = ["Cost", "Results"]

# The keys of a cell in the document, besides its place.
NUMBERS = (
    "status", *(f"{name}_distance" for name in DISTANCES), "seconds", "peak_memory", "steps",
    "ran_on", "own_network", "weights", "stylize", "torch", "error",
)  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """The cost of a picture, as medians over those made; None if there are none, or no measurement.

    Args:
        seconds: without reading and writing files.
        peak_memory: in MB; see `PeakMemory`.
    """

    seconds: float | None
    peak_memory: float | None


class Results:
    """A bench's cells as they have ended so far, with the flatness of features.

    Args:
        flatness: by name, from `measure_flatness`; parts that have not been measured are left out.
    """

    def __init__(
        self,
        bench: Bench,
        comparison: Comparison,
        flatness: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> None:
        self.bench = bench
        self.comparison = comparison
        self.flatness = flatness

    @cached_property
    def rows(self) -> list[tuple[Place, dict[str, Any]]]:
        """All cells, each with its known data as JSON holds it."""
        return [
            (self.bench.places[cell.path], self.comparison.row(cell)) for cell in self.bench.cells
        ]

    @cached_property
    def judged(self) -> list[Judged]:
        """The cells that have a picture."""
        outcomes = self.comparison.outcomes
        return [
            (place, {name: judged_of(outcomes[path]).get(name) for name in DISTANCES})
            for path, place in self.bench.places.items()
            if path in outcomes and outcomes[path].record
        ]

    @cached_property
    def gains(self) -> list[Gain]:
        """Every part but the reference, at each trade."""
        first, *others = self.bench.names
        pairs = self.bench.protocol["pairs"]
        return [
            measure_gain(self.judged, name, first, pairs, trade)
            for trade in TRADES
            for name in others
        ]

    def cost(self, name: str) -> Cost:
        """Return the cost of a picture of a part."""
        rows = [row for place, row in self.rows if place.name == name]
        return Cost(_median(rows, "seconds"), _median(rows, "peak_memory"))

    @property
    def flattered(self) -> list[str]:
        """The parts that ran on the judge's own network."""
        return list(dict.fromkeys(place.name for place, row in self.rows if row["own_network"]))

    @property
    def failures(self) -> list[tuple[Place, str]]:
        """The cells that failed, with the reason."""
        return [(place, row["error"]) for place, row in self.rows if row["error"]]

    @property
    def missing(self) -> int:
        """How many cells have not been made yet."""
        return sum(row["status"] == "missing" for _, row in self.rows)

    def document(self) -> dict[str, Any]:
        """Return everything as JSON holds it."""
        names = self.bench.names
        return {
            "protocol": self.bench.protocol,
            "stylize": framework_version(),
            "missing": self.missing,
            "parts": {
                name: {
                    **asdict(self.cost(name)),
                    "flatness": self.flatness.get(name, []),
                    "settings": self.bench.plans[name].settings.model_dump(mode="json"),
                    "parts": self.bench.parts[name],
                }
                for name in names
            },
            "gains": [{**asdict(gain), "lower": gain.lower} for gain in self.gains],
            "cells": [_cell(place, row) for place, row in self.rows],
        }


def _cell(place: Place, row: Mapping[str, Any]) -> dict[str, Any]:
    where = {"name": place.name, "pair": place.pair.name, "strength": place.strength}
    return {**where, "seed": place.seed, **{key: row[key] for key in NUMBERS}}


def _median(rows: Sequence[Mapping[str, Any]], key: str) -> float | None:
    found = [row[key] for row in rows if row[key] is not None]
    return median(found) if found else None
