"""The results of a sweep: rows of numbers, and fronts."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stylize import framework_version
from stylize_compare.cells import DISTANCES, Cell, Outcome, judged_of
from stylize_compare.fronts import TRADES, Front, Standing, Trade, rank_fronts
from stylize_compare.keeping import flatten_settings
from stylize_compare.sweep import Axis, label_values

__all__ = ["STRENGTH", "Comparison", "Measured", "title_pair", "write_value"]

STRENGTH = "strength"
# The keys of a row, between the varied values and the settings.
NUMBERS = (
    "status", *(f"{name}_distance" for name in DISTANCES), "judge_size", "own_network", "seconds",
    "peak_memory", "steps", "stopped", "width", "height", "ran_on", "file", "error",
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """A point of a front: a strength, and the two judged distances that it gave.

    Args:
        level, value: the distances that a `Trade` calls `at` and `of`.
    """

    strength: float
    level: float
    value: float


class Comparison:
    """A sweep's cells, with how each of them ended so far.

    Args:
        axes: what varies; the last one makes the sheet's columns.
        cells: all that were planned.
        explain: describes an error in one line.
    """

    def __init__(
        self, axes: Sequence[Axis], cells: Sequence[Cell], explain: Callable[[Exception], str]
    ) -> None:
        self.axes = axes
        self.cells = cells
        self.explain = explain
        self.outcomes: dict[Path, Outcome] = {}

    def add(self, outcome: Outcome) -> None:
        """Record a cell that ended."""
        self.outcomes[outcome.cell.path] = outcome

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The contents and styles, in the order given; no style if each model has its own."""
        return list(dict.fromkeys(map(self.pair_of, self.cells)))

    def pair_of(self, cell: Cell) -> tuple[str, str]:
        """Return the pair to which a cell belongs."""
        return cell.content, "" if self._own_styles else cell.style

    @cached_property
    def _own_styles(self) -> bool:
        styles: dict[int, set[str]] = {}
        for cell in self.cells:
            styles.setdefault(id(cell.variant), set()).add(cell.style)
        first, *others = styles.values()
        return any(other != first for other in others)

    def row(self, cell: Cell) -> dict[str, Any]:
        """Return all data of a cell, as JSON holds it. Files are named as given."""
        outcome = self.outcomes.get(cell.path, Outcome(cell))
        record, judged = outcome.record or {}, judged_of(outcome)
        if outcome.record:
            status = "kept" if outcome.kept else "made"
        else:
            status = "failed" if outcome.error else "missing"
        return {
            "content": cell.content,
            "style": cell.style,
            "varied": dict(cell.variant.values),
            "status": status,
            **{f"{name}_distance": judged.get(name) for name in DISTANCES},
            "style_distance_by_layer": judged.get("layers"),
            "strokes_distance_by_layer": judged.get("stroke_layers"),
            "judge_size": judged.get("judge_size"),
            "own_network": judged.get("own_network"),
            **{key: record.get(key) for key in ("seconds", "steps", "stopped", "width", "height")},
            "peak_memory": record["cell"].get("peak_memory") if record else None,
            "ran_on": record.get("device"),
            "weights": record.get("weights"),
            "stylize": record.get("stylize"),
            "torch": record.get("torch"),
            "file": str(cell.path) if outcome.record else None,
            "error": self.explain(outcome.error) if outcome.error else None,
            "warnings": [*(p.message for p in cell.variant.plan.problems), *outcome.warnings],
            "settings": record.get("settings")
            or cell.variant.plan.settings.model_dump(mode="json"),
        }

    def as_json(self) -> bytes:
        """Return the varied settings, the rows, and how fronts compare if the strength varied."""
        document = {
            "stylize": framework_version(),
            "vary": {axis.key: axis.values for axis in self.axes},
            "rows": [self.row(cell) for cell in self.cells],
            "fronts": [asdict(standing) for standing in self.standings()],
        }
        return f"{json.dumps(document, indent=1)}\n".encode()

    def as_csv(self) -> bytes:
        """Return a line per cell: inputs, varied values, numbers, and all other settings."""
        rows = [_csv_row(self.row(cell)) for cell in self.cells]
        columns = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        # File names may hold bytes that are not text.
        return text.getvalue().encode("utf-8", "surrogateescape")

    def doubts(self) -> list[str]:
        """Return unintended differences between pictures: what differs though it was not varied."""
        rows = [row for row in map(self.row, self.cells) if row["file"]]
        found = {
            "devices": {row["ran_on"] for row in rows},
            "precisions": {row["settings"]["precision"] for row in rows},
            "releases of stylize": {row["stylize"] for row in rows},
            "releases of torch": {row["torch"] for row in rows},
        }
        varied = {axis.key for axis in self.axes}
        if varied & {"device", "precision"}:
            found = {what: of for what, of in found.items() if what.startswith("releases")}
        return [
            f"pictures were made with different {what} ({', '.join(sorted(of))}): --force makes "
            f"all of them again"
            for what, of in found.items()
            if len(of) > 1
        ]

    @property
    def has_fronts(self) -> bool:
        """Whether the strength varies."""
        return any(axis.key == STRENGTH for axis in self.axes)

    def measured(self, trade: Trade) -> list[dict[str, list[Measured]]]:
        """Return for each pair the points by variant, ignoring the strength, from low to high.

        Cells without the two distances are left out.
        """
        fronts: dict[tuple[str, str], dict[str, list[Measured]]] = {p: {} for p in self.pairs}
        for cell in self.cells:
            variant = _variant_apart_from_strength(cell)
            points = fronts[self.pair_of(cell)].setdefault(variant, [])
            judged = judged_of(self.outcomes.get(cell.path, Outcome(cell)))
            level, value = judged.get(trade.at), judged.get(trade.of)
            if level is not None and value is not None:
                points.append(Measured(cell.variant.plan.settings.strength, level, value))
        for variants in fronts.values():
            for points in variants.values():
                points.sort(key=lambda point: point.strength)
        return list(fronts.values())

    def flattered(self) -> set[str]:
        """Return the variants, ignoring the strength, that ran on the judge's own network."""
        return {
            _variant_apart_from_strength(cell)
            for cell in self.cells
            if judged_of(self.outcomes.get(cell.path, Outcome(cell))).get("own_network")
        }

    def standings(self) -> list[Standing]:
        """Compare each variant's fronts with the first one's; empty if no strength varies."""
        if not self.has_fronts:
            return []
        return [
            standing
            for trade in TRADES
            for standing in rank_fronts(
                [
                    {
                        variant: Front([(point.level, point.value) for point in points])
                        for variant, points in variants.items()
                    }
                    for variants in self.measured(trade)
                ],
                trade,
            )
        ]


def _variant_apart_from_strength(cell: Cell) -> str:
    return label_values({k: v for k, v in cell.variant.values.items() if k != STRENGTH})


def _csv_row(row: Mapping[str, Any]) -> dict[str, str]:
    numbers = {key: row[key] for key in NUMBERS}
    own = {"content": row["content"], "style": row["style"], **row["varied"], **numbers}
    # A varied setting already has its column, with the text that was requested.
    others = {k: v for k, v in flatten_settings(row["settings"]).items() if k not in own}
    return {key: write_value(value) for key, value in {**own, **others}.items()}


def title_pair(content: str, style: str) -> str:
    """Name a pair by its files, for people; `style` may be empty."""
    return ", ".join(Path(name).stem for name in (content, style) if name)


def write_value(value: object) -> str:
    """Write a value for a person or a spreadsheet: empty for None, JSON for lists and tables."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool | dict | list) else str(value)
