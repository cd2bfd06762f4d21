"""`stylize devices`: the devices of this machine that PyTorch sees."""

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
        "devices",
        "stylize_devices.command:devices",
        "Show the processor and GPUs that PyTorch sees, and which one is used.",
    )
