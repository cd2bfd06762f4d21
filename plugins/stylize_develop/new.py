"""`stylize plugins new`: a complete plugin package to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stylize import Kind, PluginHost
from stylize_develop.scaffold import (
    EXAMPLES,
    PLUGIN_KINDS,
    PluginKind,
    choose_names,
    local_source,
    use_line,
    write_project,
)

__all__ = ["new"]


def new(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Name of the package: stylize-cubic-root adds cubic_root."
        ),
    ],
    kind: Annotated[
        PluginKind,
        typer.Option(
            "--kind", metavar="KIND", help=f"The kind of part to add: {', '.join(PLUGIN_KINDS)}."
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="The folder to write; ./NAME by default."
        ),
    ] = None,
) -> None:
    """Write a complete plugin package: declaration, code, settings, tests, README.

    It installs, passes its tests and works at once; replace its code with your own.
    """
    host: PluginHost = ctx.obj
    root: Any = ctx.find_root().command
    names = choose_names(name, EXAMPLES[kind].word or kind, _taken(host, root, kind))
    folder = output or Path(names.distribution)
    for path in write_project(names, kind, folder):
        typer.echo(folder / path)
    typer.echo(
        f"\nnext:\n"
        f"  cd {folder}\n"
        f"  pip install -e '.[testing]'\n"
        f"  pytest\n"
        f"  stylize plugins check .\n"
        f"  {use_line(names, kind)}"
    )
    if source := local_source():
        typer.echo(f"\nin an environment without this stylize first: pip install {source}")


def _taken(host: PluginHost, root: Any, kind: PluginKind) -> set[str]:
    """Return the names of a kind that exist. Weights and observers have none."""
    if kind == "command":
        return set(root.commands)
    part = "method" if kind == "trainable" else kind
    return {spec.name for spec in host.specs(Kind(part))} if part in set(Kind) else set()
