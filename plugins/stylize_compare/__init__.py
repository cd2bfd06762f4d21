"""`stylize compare` and `stylize bench`: settings side by side, with their distances."""

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
        "compare",
        "stylize_compare.command:compare",
        "Compare settings: a picture for each combination, in a labelled sheet.",
    )
    add_command(
        app,
        "bench",
        "stylize_compare.bench.command:app",
        "Compare smoothings, backbones or losses by a fixed protocol.",
    )
