"""A command."""

from __future__ import annotations

from typing import Annotated

import typer

from acme_guest import act

__all__ = ["acme"]

act("command-import")


def acme(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Do what is asked for."""
    del as_json
    act("command")
    typer.echo("{}")
