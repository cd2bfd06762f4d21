"""`stylize models` and `stylize learn`: list, show, see, export and make models."""

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
        "models",
        "stylize_models.command:app",
        "Trained models: list, show, see on a photograph, export.",
    )
    add_command(
        app,
        "learn",
        "stylize_models.learning:learn",
        "Keep a painting as a style with a name, for stylize --model NAME.",
    )
