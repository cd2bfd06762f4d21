"""A comparison as a contact sheet: the last axis in columns, inputs and the other axes in rows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from stylize import (
    MAX_PIXELS,
    RunSettings,
    open_image,
    read_image,
    to_pil,
)
from stylize.errors import StylizeError
from stylize_compare.cells import DISTANCES, Cell, judged_of
from stylize_compare.comparison import Comparison, title_pair, write_value
from stylize_compare.keeping import flatten_settings
from stylize_compare.sheets import Row, Tile, draw_sheet, fit_tile, inset
from stylize_compare.sweep import label_values

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["draw_comparison"]

OWN_NETWORK = "*"


def draw_comparison(
    comparison: Comparison, width: int, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """Draw the contact sheet of a sweep, finished or not.

    Args:
        width: longer side of its pictures, in pixels.
        max_pixels: the largest input that is read.
    """
    files = dict.fromkeys(name for pair in comparison.pairs for name in pair if name)
    inputs = {name: _thumbnail(name, width, max_pixels) for name in files}
    photos = [photo for content, _ in comparison.pairs if (photo := inputs[content])]
    size = (
        max((photo.width for photo in photos), default=width),
        max((photo.height for photo in photos), default=width),
    )
    *outer, columns = comparison.axes
    by_place = {(*comparison.pair_of(c), *c.variant.values.values()): c for c in comparison.cells}
    rows = []
    for content, style in comparison.pairs:
        # The rows of a pair share the tile of its inputs.
        shown: Tile | None = _inputs_tile(content, style, inputs)
        for values in itertools.product(*(axis.values for axis in outer)):
            label = "\n".join(f"{axis.key}={v}" for axis, v in zip(outer, values, strict=True))
            cells = [by_place[content, style, *values, value] for value in columns.values]
            rows.append(Row(label, shown, [_tile(comparison, cell, size) for cell in cells]))
            shown = None
    return draw_sheet(
        [f"{columns.key}={value}" for value in columns.values],
        rows,
        size,
        inputs="content and style" if comparison.pairs[0][1] else "content",
        note=_note(comparison),
    )


def _tile(comparison: Comparison, cell: Cell, size: tuple[int, int]) -> Tile:
    outcome = comparison.outcomes.get(cell.path)
    if outcome is None:
        return Tile(text="not made yet")
    if outcome.error:
        return Tile(text=comparison.explain(outcome.error), failed=True)
    judged = judged_of(outcome)
    mark = f" {OWN_NETWORK}" if judged["own_network"] else ""
    caption = ", ".join(f"{name} {_short(judged.get(name))}" for name in DISTANCES) + mark
    with open_image(cell.path) as (image, _):
        return Tile(fit_tile(image, size), caption=caption)


def _inputs_tile(content: str, style: str, inputs: Mapping[str, Image.Image | None]) -> Tile:
    photo, painting = inputs[content], inputs.get(style)
    caption = title_pair(content, style)
    if photo is None:
        return Tile(text=content, caption=caption)
    return Tile(inset(photo, painting) if painting else photo, caption=caption)


def _thumbnail(name: str, longest: int, max_pixels: int) -> Image.Image | None:
    """Return an input, upright and in sRGB; None if it cannot be read, as its cells report."""
    try:
        picture = read_image(name, size=longest, max_pixels=max_pixels)
    except StylizeError:
        return None
    return fit_tile(to_pil(picture.pixels, picture.alpha), (longest, longest))


def _note(comparison: Comparison) -> str:
    """Describe the numbers, and the settings that all cells share."""
    sentences = [f"{', '.join(DISTANCES)}: distances by stylize's judge, 0 for equal."]
    if comparison.flattered():
        sentences.append(f"{OWN_NETWORK} optimised on the judge's own network, which flatters it.")
    if shared := _shared_settings(comparison):
        sentences.append(f"All with {label_values(shared)}.")
    return " ".join(sentences)


def _shared_settings(comparison: Comparison) -> dict[str, str]:
    """Return the settings, other than defaults, that were requested for all cells."""
    defaults = flatten_settings(RunSettings().model_dump(mode="json"))
    first, *others = (
        flatten_settings(cell.variant.plan.settings.model_dump(mode="json"))
        for cell in comparison.cells
    )
    return {
        key: write_value(value)
        for key, value in first.items()
        if value != defaults.get(key) and all(other.get(key) == value for other in others)
    }


def _short(distance: float | None) -> str:
    return "none" if distance is None else f"{distance:.2f}"
