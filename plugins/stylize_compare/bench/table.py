"""A bench as a table: in Markdown, for documents and the README of a plugin."""

from __future__ import annotations

from collections.abc import Sequence

from stylize_compare.bench.gains import TRADES, Gain
from stylize_compare.bench.results import Results

__all__ = ["caption", "table_head", "table_rows", "write_table"]

NOTHING = "none"


def write_table(results: Results) -> str:
    """Return the table with a caption."""
    head, rows = table_head(results), table_rows(results)
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join(f"| {' | '.join(row)} |" for row in lines)
    return f"{table}\n\n{caption(results)}\n"


def caption(results: Results) -> str:
    """Describe what the numbers measure, and what is missing."""
    protocol = results.bench.protocol
    fixed = ", ".join(
        f"{key} {protocol[key]}"
        for key in ("method", "backbone", "smooth", "weights")
        if protocol.get(key)
    )
    unit = "averaged over" if len(protocol["seeds"]) > 1 else "of"
    what = f"Bench {protocol['bench']} of {protocol['subject']} ({protocol['extent']}): {fixed}"
    how = (
        f"Differences from {results.bench.reference}, below 0 nearer to the painting: median over "
        f"{len(protocol['pairs'])} pairs {unit} {_seeds(protocol['seeds'])} (least to most), on "
        f"how many pairs lower, p of a sign test."
    )
    sentences = [f"{what}, {protocol['size']} px.", how]
    if own := [argument for argument in protocol["set"] if not argument.startswith("gatys.")]:
        sentences.append(f"With {', '.join(own)}.")
    if results.flattered:
        sentences.append(
            f"{', '.join(results.flattered)}: on the judge's own network, which flatters it."
        )
    if results.failures:
        sentences.append(f"{len(results.failures)} of {len(results.rows)} pictures failed.")
    if results.missing:
        sentences.append(f"Not finished: {results.missing} of {len(results.rows)} are missing.")
    return " ".join(sentences)


def table_head(results: Results) -> list[str]:
    """Return the titles of the columns."""
    trades = [f"{trade.of} at equal {trade.at}" for trade in TRADES]
    layers = [f"entropy (peak) at {layer}" for layer in _layers(results)]
    return [results.bench.subject.name, *trades, "s", "MB", *layers]


def table_rows(results: Results) -> list[list[str]]:
    """Return a row per part, the reference first."""
    rows = []
    for name in results.bench.names:
        gains = [gain for gain in results.gains if gain.name == name]
        cost = results.cost(name)
        flatness = {row["layer"]: row for row in results.flatness.get(name, ())}
        rows.append(
            [
                name,
                *(["reference"] * len(TRADES) if not gains else map(_describe_gain, gains)),
                _format_number(cost.seconds, 1),
                _format_number(cost.peak_memory, 0),
                *(
                    f"{_format_number(flatness[layer]['entropy'])} "
                    f"({_format_number(flatness[layer]['peak'], 1)})"
                    if layer in flatness
                    else ""
                    for layer in _layers(results)
                ),
            ]
        )
    return rows


def _describe_gain(gain: Gain) -> str:
    """Describe a gain in a few words."""
    if gain.difference is None:
        return f"no {gain.at} in common"
    least, most = min(gain.differences.values()), max(gain.differences.values())
    p = "no difference" if gain.p is None else f"p {gain.p:.2g}"
    apart = gain.pairs - len(gain.differences)
    return (
        f"{gain.difference:+.3f} ({least:+.3f} to {most:+.3f}), "
        f"{gain.lower} of {len(gain.differences)}, {p}"
        + (f", {apart} without {gain.at} in common" if apart else "")
    )


def _format_number(value: float | None, digits: int = 3) -> str:
    """Write a number, or `NOTHING` for None."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def _layers(results: Results) -> list[str]:
    """Return the layers whose flatness is known, if all parts share a network."""
    if results.bench.subject.name != "smoothing":
        return []
    rows = results.flatness.values()
    return list(dict.fromkeys(row["layer"] for layers in rows for row in layers))


def _seeds(seeds: Sequence[int]) -> str:
    return f"{len(seeds)} seeds" if len(seeds) > 1 else "one seed"
