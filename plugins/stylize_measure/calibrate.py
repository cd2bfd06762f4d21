"""`stylize calibrate`: measure the gains of a backbone on photographs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylize import BackboneSpec, PluginHost, expand_contents
from stylize.command import (
    DeviceOption,
    clean_stdout,
    completion_of,
    require_files,
    say,
    warn,
    watch,
)
from stylize.errors import UsageError

if TYPE_CHECKING:
    from stylize_measure.calibration import Calibration

__all__ = ["calibrate"]


def calibrate(
    ctx: typer.Context,
    backbone: Annotated[
        str,
        typer.Argument(
            metavar="BACKBONE",
            help="The backbone: NAME or NAME.TAG, such as vgg16.oxford.",
            autocompletion=completion_of("backbone"),
        ),
    ],
    photos: Annotated[
        list[str],
        typer.Argument(
            metavar="PHOTOS", help="Photographs of all sorts: folders, files or quoted globs."
        ),
    ],
    layers: Annotated[
        str, typer.Option("--layers", metavar="PATTERNS", help="Layers: layer3.*,layer4.*.")
    ] = "*",
    size: Annotated[
        int,
        typer.Option(min=1, metavar="NUMBER", help="Longer side of larger photographs, in pixels."),
    ] = 512,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="FILE", help="A file with the backbone's weights."),
    ] = None,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a backbone's gains: 1 over the root mean square of each layer on photographs.

    A smoothing acts on the features times their gains, so that it has the same effect on all
    networks. The command prints a Python table for the WeightsSpec(gains=...) of the plugin that
    declares the weights.
    """
    host: PluginHost = ctx.obj
    host.get(BackboneSpec, backbone.partition(".")[0])
    patterns = [part.strip() for part in layers.split(",") if part.strip()]
    if not patterns:
        raise UsageError(f"--layers is {layers!r}: name at least one")
    files = expand_contents(photos)
    if not any(Path(file).exists() for file in files):  # others are skipped, with a warning
        require_files(files)
    from stylize_measure.calibration import calibrate_gains

    with clean_stdout(), watch(backbone, quiet=as_json) as observers:
        found = calibrate_gains(
            backbone,
            files,
            layers=patterns,
            size=size,
            weights=weights,
            host=host,
            device=device,
            observers=observers,
        )
    for reason in found.skipped:
        warn(f"skipped: {reason}")
    typer.echo(json.dumps(asdict(found), indent=2) if as_json else _table(found))
    say(f"{found.backbone}: {found.images} of {len(files)} images used")


def _table(found: Calibration) -> str:
    """Return the gains as Python source."""
    lines = [f'    "{layer}": {gain},' for layer, gain in found.gains.items()]
    return "\n".join(
        [
            f"# {found.backbone} on {found.images} photographs, longer side {found.size}",
            "GAINS = {",
            *lines,
            "}",
        ]
    )
