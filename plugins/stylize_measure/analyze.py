"""`stylize analyze`: measure features, and the effect of smoothings on them."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylize import DISTRIBUTION, Kind, PluginHost, expand_contents, full_name
from stylize.command import (
    DeviceOption,
    SetOption,
    clean_stdout,
    completion_of,
    import_extra,
    parse_assignments,
    require_extra,
    require_files,
    say,
    write_file,
)
from stylize.errors import OutputError, SettingsError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from stylize_measure.analysis import LayerActivations

__all__ = ["app"]

app = typer.Typer(
    help="Measure features: their peaks and their entropy, layer by layer.", rich_markup_mode=None
)

PLOT = "matplotlib", "plot", "a plot"
MEASURES = {"peak": "peak/mean", "entropy": "entropy", "gram_entropy": "Gram entropy"}
GAINS = "calibrated", "one"


@app.callback()
def analyze() -> None:
    """Without this, typer would leave out the name of the only command."""


@app.command()
def activations(
    ctx: typer.Context,
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGES", help="Files, folders or quoted globs.")
    ],
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            metavar="NAMES",
            help="Backbones: vgg16,resnet50_thin; vgg16 by default.",
            autocompletion=completion_of("backbone"),
        ),
    ] = None,
    smooth: Annotated[
        str | None,
        typer.Option(
            "--smooth",
            metavar="NAMES",
            help="Smoothings: none,softmax,tanh; none by default.",
            autocompletion=completion_of("smooth"),
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            "--layers",
            metavar="PATTERNS",
            help="Layers: layer4.*,relu4_1; by default the style layers and the smoothed layers.",
        ),
    ] = None,
    gains: Annotated[
        str,
        typer.Option(
            "--gains",
            metavar="|".join(GAINS),
            help="Factor of the features before smoothing: calibrated brings each layer near 1; "
            "one is the paper's literal form.",
        ),
    ] = "calibrated",
    size: Annotated[
        int, typer.Option(min=1, metavar="NUMBER", help="Longer side of larger images, in pixels.")
    ] = 512,
    assignments: SetOption = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="A .csv or .json with a row per image, or a .png with a plot; repeatable.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Overwrite files that exist.")
    ] = False,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Report how peaky activations are, layer by layer, before and after smoothing.

    Peak is the largest magnitude over the mean. Entropy is that of the magnitudes over its largest
    possible value: 1 for a flat map, 0 for a single peak. The same is reported for Gram matrices.
    Peaky deep residual features, of low entropy, give poor style (SWAG, Wang et al. 2021). The
    table shows means over images. Every smoothing is applied to every layer shown.
    """
    host: PluginHost = ctx.obj
    if gains not in GAINS:
        raise SettingsError(f"gains is {gains!r}: use {' or '.join(GAINS)}")
    backbones, smoothings = (
        [full_name(host, kind, usual, DISTRIBUTION)] if text is None else _names(text, option)
        for text, option, kind, usual in (
            (backbone, "--backbone", Kind.BACKBONE, "vgg16"),
            (smooth, "--smooth", Kind.SMOOTHING, "none"),
        )
    )
    called = {name.rpartition(":")[2].partition(".")[0]: name for name in (*backbones, *smoothings)}
    options = {
        called.get(part, part).partition(".")[0]: values
        for part, values in parse_assignments(assignments or ()).items()
    }
    _check_parts(host, backbones, smoothings, options)
    outputs = output or []
    files = expand_contents(images)
    require_files(files)
    for path in outputs:
        _check_output(path, files, force=force)
    from stylize_measure.analysis import analyze_activations

    with clean_stdout():
        rows = analyze_activations(
            files,
            backbones,
            smoothings,
            layers=None if layers is None else _names(layers, "--layers"),
            gains="one" if gains == "one" else "calibrated",
            size=size,
            options=options,
            host=host,
            device=device,
        )
    records = [_record(row) for row in rows]
    if as_json:
        typer.echo(json.dumps(records, indent=2))
    else:
        _print_table(rows, len(files))
    for path in outputs:
        write_file(path, _WRITERS[path.suffix.lower()](records, rows), force=force)
        say(f"{path}: written")


def _names(text: str, option: str) -> list[str]:
    """Read a list of names, each once. Raises: UsageError for none."""
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise UsageError(f"{option} is {text!r}: name at least one")
    return names


def _check_parts(
    host: PluginHost,
    backbones: Sequence[str],
    smoothings: Sequence[str],
    options: Mapping[str, Mapping[str, str]],
) -> None:
    """Reject wrong names and settings, before torch is imported.

    Raises: UnknownNameError, SettingsError.
    """
    parts = {name.partition(".")[0]: Kind.BACKBONE for name in backbones}
    parts |= dict.fromkeys(smoothings, Kind.SMOOTHING)
    for part, kind in parts.items():
        host.make_settings(host.get(kind, part), options.get(part, {}))
    for part in options:
        if part not in parts:
            raise UnknownNameError("part of this analysis", part, parts)


def _check_output(path: Path, inputs: Sequence[str], *, force: bool) -> None:
    """Reject a file that could not be written, before any work. Raises: OutputError."""
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise OutputError(
            f"{path}: unknown extension {path.suffix!r}: use one of {', '.join(_WRITERS)}"
        )
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}: make it first")
    images = [name for name in inputs if path.exists() and Path(name).exists()]  # - does not
    if path.is_dir() or any(map(path.samefile, images)):
        raise OutputError(f"{path}: is a folder or one of the images: choose another name")
    if path.exists() and not force:
        raise OutputError(f"{path}: exists: choose another name, or replace it with --force")
    if writer is _plot:
        require_extra(*PLOT)


def _record(row: LayerActivations) -> dict[str, Any]:
    """Return a row as JSON holds it, which has no NaN."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in asdict(row).items()
    }


def _csv(records: Sequence[Mapping[str, Any]], rows: Sequence[LayerActivations]) -> bytes:
    del rows
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def _json(records: Sequence[Mapping[str, Any]], rows: Sequence[LayerActivations]) -> bytes:
    del rows
    return (json.dumps(records, indent=2) + "\n").encode()


def _plot(records: Sequence[Mapping[str, Any]], rows: Sequence[LayerActivations]) -> bytes:
    """Draw a column per backbone, a row per measure, a line per smoothing, over its layers."""
    del records
    figures = import_extra("matplotlib.figure", *PLOT[1:])
    backbones = _by_backbone(rows)
    layers = [len({row.layer for row in group}) for group in backbones.values()]
    figure = figures.Figure(
        figsize=(2 + sum(max(3.0, 0.45 * count) for count in layers), 8), layout="constrained"
    )
    grid = figure.subplots(
        len(MEASURES), len(backbones), squeeze=False, sharex="col", width_ratios=layers
    )
    for column, (backbone, group) in zip(grid.T, backbones.items(), strict=True):
        column[0].set_title(backbone)
        means = _means(group)
        names = list(dict.fromkeys(layer for layer, _ in means))
        for axes, (measure, label) in zip(column, MEASURES.items(), strict=True):
            smoothings = dict.fromkeys(smoothing for _, smoothing in means)
            for marker, smoothing in zip(itertools.cycle("osD^vPX"), smoothings, strict=False):
                values = [means[layer, smoothing][measure] for layer in names]
                # Hollow, as lines may coincide: none and scale do.
                axes.plot(names, values, marker=marker, fillstyle="none", label=smoothing)
            axes.set_ylabel(label)
            axes.grid(alpha=0.3)
            if measure == "peak":
                axes.set_yscale("log")
            else:
                axes.set_ylim(0, 1.02)
        column[-1].tick_params(axis="x", rotation=90)
    handles = grid[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(handles[1]), frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


_WRITERS = {".csv": _csv, ".json": _json, ".png": _plot}


def _by_backbone(rows: Sequence[LayerActivations]) -> dict[str, list[LayerActivations]]:
    return {name: list(group) for name, group in itertools.groupby(rows, lambda row: row.backbone)}


def _means(rows: Sequence[LayerActivations]) -> dict[tuple[str, str], dict[str, float]]:
    """Return the means over images, by layer and smoothing."""
    groups: dict[tuple[str, str], list[LayerActivations]] = {}
    for row in rows:
        groups.setdefault((row.layer, row.smoothing), []).append(row)
    return {
        key: {measure: fmean(getattr(row, measure) for row in group) for measure in MEASURES}
        for key, group in groups.items()
    }


def _print_table(rows: Sequence[LayerActivations], images: int) -> None:
    width = max(len(row.layer) for row in rows)
    names = max(len("smoothing"), *(len(row.smoothing) for row in rows))
    for backbone, group in _by_backbone(rows).items():
        typer.echo(f"{backbone}, mean over {images} image{'s' * (images != 1)}")
        typer.echo(
            f"  {'layer':<{width}}  {'smoothing':<{names}}  "
            + "  ".join(f"{label:>12}" for label in MEASURES.values())
        )
        for (layer, smoothing), values in _means(group).items():
            typer.echo(
                f"  {layer:<{width}}  {smoothing:<{names}}  "
                f"{values['peak']:>12.1f}  {values['entropy']:>12.3f}  "
                f"{values['gram_entropy']:>12.3f}"
            )
