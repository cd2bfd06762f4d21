"""`stylize evaluate`, `analyze` and `calibrate`: measure pictures, features and backbones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylize import hookimpl

if TYPE_CHECKING:
    import typer

STYLIZE_PLUGIN_API = 1


@hookimpl(tryfirst=True)  # no other plugin takes its names
def stylize_commands(app: typer.Typer) -> None:
    from stylize.command import add_command

    add_command(
        app,
        "evaluate",
        "stylize_measure.evaluate:evaluate",
        "Measure a picture's four distances from its photograph and its painting; 0 means equal.",
    )
    add_command(
        app,
        "analyze",
        "stylize_measure.analyze:app",
        "Measure features: their peaks and their entropy, layer by layer.",
    )
    add_command(
        app,
        "calibrate",
        "stylize_measure.calibrate:calibrate",
        "Measure a backbone's gains: 1 over the root mean square of each layer on photographs.",
    )
