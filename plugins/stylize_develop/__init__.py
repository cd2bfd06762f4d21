"""`stylize plugins`: list, show, check, diagnose and write plugins."""

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
        "plugins",
        "stylize_develop.listing:app",
        "Show the parts, and the packages that they come from; without a command, list them.",
    )
