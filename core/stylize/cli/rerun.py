"""`stylize rerun OUT.png`: make a picture again from what it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stylize.cli.picture import Job, make_pictures
from stylize.cli.report import warn
from stylize.errors import UsageError
from stylize.plan import make_settings
from stylize.provenance import read_record, sha256_of

__all__ = ["add_command"]


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rerun")(rerun)


def rerun(
    ctx: typer.Context,
    picture: Annotated[Path, typer.Argument(help="A picture that stylize made.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Where to; by default NAME_rerun beside it."),
    ] = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Go on even if an input has changed.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite the output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON record.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Repeat the run that made a picture, with the same inputs, settings and steps."""
    record = read_record(picture)
    values: dict[str, Any] = {**record["settings"], "time": None}
    for part, options in record["replay"].items():
        values["options"] = {
            **values["options"],
            part: {**values["options"].get(part, {}), **options},
        }
    content = record["content"] and _find_input(record["content"], picture, changed=changed)
    styles = [_find_input(style, picture, changed=changed) for style in record["styles"]]
    target = output or str(picture.with_stem(f"{picture.stem}_rerun"))
    code = make_pictures(
        ctx.obj,
        make_settings(values),
        [Job(content, tuple(styles), target)],
        force=force,
        as_json=as_json,
        quiet=quiet,
    )
    raise typer.Exit(code)


def _find_input(given: dict[str, str], picture: Path, *, changed: bool) -> str:
    """Return an input's path: where it was, or beside the picture.

    Raises: UsageError where it is missing, or another file by now.
    """
    name, path = given["name"], Path(given["path"] or given["name"])
    for candidate in (path, picture.parent / path, picture.parent / path.name):
        if candidate.is_file():
            if sha256_of(candidate) == given["sha256"]:
                return str(candidate)
            if not changed:
                raise UsageError(
                    f"input {candidate} has changed since {picture.name} was made: put the old "
                    f"file back, or use --changed to go on with this one"
                )
            warn(f"input {candidate} has changed since {picture.name} was made")
            return str(candidate)
    raise UsageError(
        f"input {name} of {picture.name} is missing: put it at {path} or beside the picture"
    )
