"""`stylize web`: a page in the browser, served by this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylize import hookimpl

if TYPE_CHECKING:
    import typer

STYLIZE_PLUGIN_API = 1


@hookimpl(tryfirst=True)  # so that no other plugin takes this name
def stylize_commands(app: typer.Typer) -> None:
    from stylize.command import add_command

    add_command(
        app,
        "web",
        "stylize_web.command:web",
        "Open a page in the browser: drop a photograph, choose a style, watch it appear.",
    )
