"""`stylize` itself, which makes pictures, with `stylize demo` and `stylize rerun`."""

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
        "picture",
        "stylize_picture.picture:picture",
        "Make pictures: the default command, whose name can be left out.",
        default=True,
    )
    add_command(
        app,
        "demo",
        "stylize_picture.picture:demo",
        "Make the demo picture, from a photograph and a painting included in stylize.",
    )
    add_command(
        app,
        "rerun",
        "stylize_picture.rerun:rerun",
        "Make a picture again, with the same inputs, settings and steps.",
    )
