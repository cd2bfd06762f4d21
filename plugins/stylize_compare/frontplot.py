"""Fronts as a picture: style against content distance, a line a variant. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from io import BytesIO
from statistics import median

from PIL import Image

from stylize.command import import_extra
from stylize_compare.comparison import Measured

__all__ = ["EXTRA", "plot_fronts"]

EXTRA = "matplotlib", "plot", "--front"
# With more pairs than fit beside the median, the median stands alone.
MOST_PANELS = 12
COLUMNS = 4
PANEL = 4.4, 3.6
DOTS_PER_INCH = 130

Points = Mapping[str, Sequence[Measured]]


def plot_fronts(
    pairs: Sequence[Points], titles: Sequence[str], flattered: Collection[str] = ()
) -> Image.Image:
    """Draw a panel for each pair of content and style, and one of the medians over pairs.

    Args:
        pairs: measured points by variant, of rising strength.
        titles: what each pair is called.
        flattered: variants that are marked as having run on the judge's own network.

    Raises: ExtraMissingError.
    """
    figures = import_extra("matplotlib.figure", *EXTRA[1:])
    panels = list(zip(titles, pairs, strict=True))
    if len(pairs) > 1:
        panels = panels if len(panels) < MOST_PANELS else []
        panels.append((f"median over {len(pairs)} pairs", _medians(pairs)))
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    size = PANEL[0] * columns, PANEL[1] * rows
    figure = figures.Figure(size, dpi=DOTS_PER_INCH, layout="constrained")
    places = list(figure.subplots(rows, columns, squeeze=False).flat)
    for place, (title, variants) in zip(places, panels, strict=False):
        place.set(title=title, xlabel="content distance", ylabel="style distance")
        place.grid(alpha=0.25)
        for variant, points in variants.items():
            name = f"{variant or 'all'}{' *' if variant in flattered else ''}"
            contents, styles = [p.content for p in points], [p.style for p in points]
            place.plot(contents, styles, marker="o", markersize=4, label=name)
    for place in places[len(panels) :]:
        place.set_axis_off()
    figure.legend(
        *places[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        title=_legend_title(pairs, flattered),
    )
    data = BytesIO()
    figure.savefig(data, format="png")
    return Image.open(data).convert("RGB")


def _medians(pairs: Sequence[Points]) -> dict[str, list[Measured]]:
    """Return by variant the median distances at each strength that all pairs have."""
    medians: dict[str, list[Measured]] = {}
    for variant in pairs[0]:
        by_strength = [{point.strength: point for point in pair[variant]} for pair in pairs]
        medians[variant] = [
            Measured(
                strength,
                median(points[strength].content for points in by_strength),
                median(points[strength].style for points in by_strength),
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
