"""Fronts as SVG, for a page that needs no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

__all__ = ["COLOURS", "draw_front"]

# Okabe and Ito's colours, which people with any colour vision can tell apart.
COLOURS = "#000000", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a6d00"
WIDTH, HEIGHT = 340, 260
LEFT, RIGHT, TOP, BOTTOM = 54, 18, 24, 38
TICKS = 4

Points = Sequence[tuple[float, float]]


def draw_front(title: str, across: str, up: str, lines: Mapping[str, Points]) -> str:
    """Return a plot of lines of (x, y) points as an SVG element; lines without points are left out.

    Args:
        across, up: labels of the axes.
    """
    points = [point for line in lines.values() for point in line]
    (x0, x1), (y0, y1) = (_range([point[axis] for point in points]) for axis in (0, 1))

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - TOP - BOTTOM),
        )

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        _text(WIDTH / 2, 14, title, "middle", "title"),
        _text(WIDTH / 2, HEIGHT - 4, across, "middle"),
        f'<g transform="translate(11 {(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)">',
        _text(0, 0, up, "middle"),
        "</g>",
    ]
    for step in range(TICKS + 1):
        x, y = x0 + (x1 - x0) * step / TICKS, y0 + (y1 - y0) * step / TICKS
        (left, base), (right, top) = place(x, y0), place(x1, y)
        parts += [
            _line([(left, base), (left, TOP)], "grid"),
            _line([(LEFT, top), (right, top)], "grid"),
            _text(left, base + 13, _tick(x, x1 - x0), "middle"),
            _text(LEFT - 4, top + 4, _tick(y, y1 - y0), "end"),
        ]
    for number, (name, line) in enumerate(lines.items()):
        if not line:
            continue
        colour = COLOURS[number % len(COLOURS)]
        placed = [place(*point) for point in line]
        parts.append(f'<g stroke="{colour}" fill="{colour}"><title>{escape(name)}</title>')
        parts.append(_line(placed, "front"))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in placed]
        parts.append("</g>")
    return "".join([*parts, "</svg>"])


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return the range of an axis: all values, with a little room."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) * 0.05 or 0.05
    return low - room, high + room


def _tick(value: float, span: float) -> str:
    """Write a number at an axis, with enough digits to differ from its neighbours."""
    return f"{value:.{2 if span > 0.1 else 3 if span > 0.01 else 4}f}"


def _line(points: Points, kind: str) -> str:
    listed = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{listed}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "label") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )
