"""A bench as one page of HTML that needs no other file."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from html import escape
from io import BytesIO
from statistics import median
from typing import TYPE_CHECKING

from stylize import framework_version
from stylize_compare.bench.gains import TRADES, average_points
from stylize_compare.bench.plots import COLOURS, draw_front
from stylize_compare.bench.results import Results
from stylize_compare.bench.table import caption, table_head, table_rows
from stylize_compare.fronts import Trade

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["write_page"]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #ddd; padding: .35rem .7rem; text-align: left;
  vertical-align: top; font-variant-numeric: tabular-nums; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; flex: 1 1 300px; max-width: 420px; }
svg { width: 100%; font: 11px system-ui, sans-serif; }
svg .title { font-size: 12px; font-weight: 600; }
.front { fill: none; stroke-width: 2; }
.grid { stroke: #e5e5e5; stroke-width: 1; }
.key span { display: inline-block; width: 1.2em; height: .3em; margin: 0 .4em .2em 1.2em; }
img { max-width: 100%; border: 1px solid #ddd; }
details { margin: 1rem 0; }
pre { overflow-x: auto; background: #f6f6f6; padding: 1rem; }
.failed { color: #a3221a; }
"""
JPEG = 86
FRONTS = (
    "Distances, 0 for equal, means over seeds: further down and to the left is better. Along a "
    "line the strength rises."
)
BESIDE = "bench.json, beside this page, has each picture's numbers, and every part's settings."


def write_page(results: Results, sheet: Image.Image) -> str:
    """Return the page: table, fronts, pictures, failures and the protocol."""
    bench = results.bench
    title = f"stylize bench {bench.subject.name}: {', '.join(bench.names)}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(caption(results))}</p>",
        _table(table_head(results), table_rows(results)),
        "<h2>Fronts</h2>",
        f"<p>{FRONTS}</p>",
        _key(bench.names),
    ]
    for trade in TRADES:
        body += [f"<h3>{trade.of} against {trade.at}</h3>", '<div class="plots">']
        body += [f"<figure>{plot}</figure>" for plot in _plots(results, trade)]
        body.append("</div>")
    body += ["<h2>Pictures</h2>", _image(sheet, "Contact sheet")]
    body += _failures(results)
    body += [
        "<h2>What was held fixed</h2>",
        "<p>Numbers of two benches are comparable if all of this is the same.</p>",
        f"<pre>{escape(json.dumps(bench.protocol, indent=1))}</pre>",
        f"<p>Made with stylize {escape(framework_version())}. {BESIDE}</p>",
    ]
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    content = "\n".join(body)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{content}\n</body></html>\n'
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    titles = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    lines = [
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    ]
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def _key(names: Sequence[str]) -> str:
    colours = [COLOURS[number % len(COLOURS)] for number in range(len(names))]
    entries = [
        f'<span style="background: {colour}"></span>{escape(name)}'
        for name, colour in zip(names, colours, strict=True)
    ]
    return f'<p class="key">{"".join(entries)}</p>'


def _plots(results: Results, trade: Trade) -> Iterator[str]:
    """Yield a plot of the medians over pairs, and one plot per pair."""
    names, pairs = results.bench.names, results.bench.protocol["pairs"]
    fronts = {
        pair: {name: average_points(results.judged, name, pair, trade) for name in names}
        for pair in pairs
    }
    medians: dict[str, list[tuple[float, float]]] = {}
    for name in names:
        of_pairs = [fronts[pair][name] for pair in pairs]
        medians[name] = [
            (
                median(points[strength][0] for points in of_pairs),
                median(points[strength][1] for points in of_pairs),
            )
            for strength in results.bench.strengths
            if all(strength in points for points in of_pairs)
        ]
    yield draw_front(f"median over {len(pairs)} pairs", trade.at, trade.of, medians)
    for pair in pairs:
        lines = {name: list(points.values()) for name, points in fronts[pair].items()}
        yield draw_front(pair.replace("_", " "), trade.at, trade.of, lines)


def _image(image: Image.Image, alt: str) -> str:
    data = BytesIO()
    image.save(data, "JPEG", quality=JPEG)
    encoded = base64.b64encode(data.getvalue()).decode()
    return f'<img alt="{alt}" src="data:image/jpeg;base64,{encoded}">'


def _failures(results: Results) -> list[str]:
    if not results.failures:
        return []
    rows = [
        (place.name, place.pair.name, f"{place.strength:g}", str(place.seed), error)
        for place, error in results.failures
    ]
    return [
        '<h2 class="failed">Pictures that failed</h2>',
        _table(("part", "pair", "strength", "seed", "error"), rows),
    ]
