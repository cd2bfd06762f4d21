"""`stylize presets`: list, show and compare named settings."""

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
        "presets",
        "stylize_presets.command:app",
        "List, show and compare named settings; lists them without a command.",
    )
