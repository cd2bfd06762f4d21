"""Fronts as a picture: style against content, strokes against structure. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from io import BytesIO
from statistics import median

from PIL import Image

from stylize.command import import_extra
from stylize_compare.comparison import Measured
from stylize_compare.fronts import Trade

__all__ = ["EXTRA", "plot_fronts"]

EXTRA = "matplotlib", "plot", "--front"
# If more pairs than this would stand next to the median, only the median is drawn.
MOST_PANELS = 12
COLUMNS = 4
PANEL = 4.4, 3.6
DOTS_PER_INCH = 130

Points = Mapping[str, Sequence[Measured]]


def plot_fronts(
    trades: Mapping[Trade, Sequence[Points]], titles: Sequence[str], flattered: Collection[str] = ()
) -> Image.Image:
    """Draw a panel for each trade and pair of content and style, and the medians over pairs.

    Args:
        trades: for each pair the measured points by variant, of rising strength.
        titles: the name of each pair.
        flattered: variants that are marked as having run on the judge's own network.

    Raises: ExtraMissingError.
    """
    figures = import_extra("matplotlib.figure", *EXTRA[1:])
    panels = {trade: _panels(pairs, titles) for trade, pairs in trades.items()}
    each = len(next(iter(panels.values())))
    # Each trade begins a row; trades with a single panel share one row.
    columns = min(COLUMNS, each) if each > 1 else len(panels)
    rows = -(-each // columns) * len(panels) if each > 1 else 1
    size = PANEL[0] * columns, PANEL[1] * rows
    figure = figures.Figure(size, dpi=DOTS_PER_INCH, layout="constrained")
    places = list(figure.subplots(rows, columns, squeeze=False).flat)
    room = len(places) // len(panels)
    for number, (trade, drawn) in enumerate(panels.items()):
        own = places[number * room : (number + 1) * room]
        for place, (title, variants) in zip(own, drawn, strict=False):
            place.set(title=title, xlabel=f"{trade.at} distance", ylabel=f"{trade.of} distance")
            place.grid(alpha=0.25)
            for variant, points in variants.items():
                name = f"{variant or 'all'}{' *' if variant in flattered else ''}"
                levels, values = [p.level for p in points], [p.value for p in points]
                place.plot(levels, values, marker="o", markersize=4, label=name)
        for place in own[each:]:
            place.set_axis_off()
    figure.legend(
        *places[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        title=_legend_title(next(iter(trades.values())), flattered),
    )
    data = BytesIO()
    figure.savefig(data, format="png")
    return Image.open(data).convert("RGB")


def _panels(pairs: Sequence[Points], titles: Sequence[str]) -> list[tuple[str, Points]]:
    """Return the titles and points of a trade's panels."""
    panels = list(zip(titles, pairs, strict=True))
    if len(pairs) == 1:
        return panels
    median_panel = f"median over {len(pairs)} pairs", _medians(pairs)
    return [*(panels if len(panels) < MOST_PANELS else []), median_panel]


def _medians(pairs: Sequence[Points]) -> dict[str, list[Measured]]:
    """Return by variant the median distances at each strength that all pairs have."""
    medians: dict[str, list[Measured]] = {}
    for variant in pairs[0]:
        by_strength = [{point.strength: point for point in pair[variant]} for pair in pairs]
        medians[variant] = [
            Measured(
                strength,
                median(points[strength].level for points in by_strength),
                median(points[strength].value for points in by_strength),
            )
            for strength in by_strength[0]
            if all(strength in points for points in by_strength)
        ]
    return medians


def _legend_title(pairs: Sequence[Points], flattered: Collection[str]) -> str:
    strengths = {p.strength for pair in pairs for points in pair.values() for p in points}
    listed = ", ".join(f"{strength:g}" for strength in sorted(strengths))
    mark = "; * on the judge's own network" if flattered else ""
    return f"points: strength {listed}{mark}"
