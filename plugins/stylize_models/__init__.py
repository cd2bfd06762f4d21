"""`stylize models` and `stylize learn`: list, show, preview, export and make models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylize import hookimpl

if TYPE_CHECKING:
    import typer

STYLIZE_PLUGIN_API = 1


@hookimpl(tryfirst=True)  # so that no other plugin takes these names
def stylize_commands(app: typer.Typer) -> None:
    from stylize.command import add_command

    add_command(
        app,
        "models",
        "stylize_models.command:app",
        "List, show, preview and export trained models; without a command, list them.",
    )
    add_command(
        app,
        "learn",
        "stylize_models.learning:learn",
        "Save a painting as a named style, for stylize --model NAME.",
    )
