"""A bench as a contact sheet: a row per pair, a column per part, at nearly equal structure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stylize import open_image
from stylize_compare.bench.gains import Judged
from stylize_compare.bench.planning import Bench
from stylize_compare.bench.protocol import Pair
from stylize_compare.bench.results import Results
from stylize_compare.sheets import Row, Tile, draw_sheet, fit_tile, inset

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["draw_bench"]

WIDTH = 200


def draw_bench(results: Results) -> Image.Image:
    """Draw the sheet of the first seed.

    The reference's pictures have the middle strength. Every other part shows the picture whose
    structure is nearest to that one's, so that the sheet shows gains, not strengths.
    """
    bench = results.bench
    seed = bench.extent.seeds[0]
    size = WIDTH, round(WIDTH * 3 / 4)
    inputs = {cell.path: (cell.content, cell.style) for cell in bench.cells}
    rows = []
    for pair in bench.extent.pairs:
        first = next(p for p, at in bench.places.items() if at.pair == pair and at.seed == seed)
        content, style = (_open(Path(name), size) for name in inputs[first])
        shown = Tile(inset(content, style), caption=pair.name)
        rows.append(Row("", shown, [_tile(results, name, pair, size) for name in bench.names]))
    note = (
        f"Seed {seed}; {bench.reference} at strength {middle_strength(bench):g}, the others at the "
        f"strength whose structure distance is nearest to it."
    )
    return draw_sheet(list(bench.names), rows, size, inputs="photograph and painting", note=note)


def _tile(results: Results, name: str, pair: Pair, size: tuple[int, int]) -> Tile:
    found = _choose(results, name, pair)
    if found is None:
        errors = [
            error for place, error in results.failures if (place.name, place.pair) == (name, pair)
        ]
        return Tile(text=errors[0] if errors else "not made yet", failed=bool(errors))
    place, judged = found
    path = next(path for path, at in results.bench.places.items() if at == place)
    caption = (
        f"strength {place.strength:g}\n"
        f"strokes {judged['strokes']:.3f}, structure {judged['structure']:.3f}"
    )
    return Tile(_open(path, size), caption=caption)


def _choose(results: Results, name: str, pair: Pair) -> Judged | None:
    """Return the cell that shows a part; None if it has no picture."""
    strength, seed = middle_strength(results.bench), results.bench.extent.seeds[0]

    def judged_cells(part: str) -> list[Judged]:
        return [
            (place, judged)
            for place, judged in results.judged
            if (place.name, place.pair, place.seed) == (part, pair, seed)
            and None not in judged.values()
        ]

    aims = [j for place, j in judged_cells(results.bench.reference) if place.strength == strength]

    def distance(cell: Judged) -> float:
        place, judged = cell
        if not aims:
            return abs(place.strength - strength)
        return abs((judged["structure"] or 0.0) - (aims[0]["structure"] or 0.0))

    return min(judged_cells(name), key=distance, default=None)


def middle_strength(bench: Bench) -> float:
    """Return the strength of the reference's pictures on the sheet."""
    return bench.strengths[len(bench.strengths) // 2]


def _open(path: Path, size: tuple[int, int]) -> Image.Image:
    with open_image(path) as (image, _):
        return fit_tile(image, size)
