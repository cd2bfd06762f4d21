"""`stylize train`: make a model of a method that applies one."""

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
        "train",
        "stylize_train.command:train",
        "Train a model: a network that restyles photographs in one pass.",
    )
