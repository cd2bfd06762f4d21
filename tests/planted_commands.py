"""Commands with one fault each, for the contracts to find, and an honest one."""

from __future__ import annotations

import typer


def honest(count: int = 1) -> None:
    """Count to a number."""
    typer.echo(range(count))


def undecided(what: int | str) -> None:
    """Take an argument that typer cannot read."""
    del what
