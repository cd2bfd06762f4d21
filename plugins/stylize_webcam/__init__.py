"""`stylize webcam`: a camera's picture in a painter's style, live."""

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
        "webcam",
        "stylize_webcam.command:webcam",
        "Show a camera's picture in the style of trained models.",
    )
