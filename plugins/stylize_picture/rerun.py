"""`stylize rerun OUT.png`: make a picture again from its own record.

Plugins repeat other kinds of files with the same helpers (`stylize_rerun`).
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from stylize import PluginHost, read_record
from stylize.command import (
    Job,
    QuietOption,
    RerunRequest,
    RunRecord,
    find_inputs,
    make_pictures,
    plan_rerun,
    validate_record,
)
from stylize.errors import PluginError, UsageError

__all__ = ["rerun"]


def rerun(
    ctx: typer.Context,
    picture: Annotated[
        Path, typer.Argument(metavar="PICTURE", help="A picture or a video that stylize made.")
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The new file; by default NAME_rerun beside it."
        ),
    ] = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Go on even if an input has changed.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="NAME", help="The device, instead of the recorded one."),
    ] = None,
    content: Annotated[
        Path | None,
        typer.Option("--content", metavar="FILE", help="Where the photograph or clip is now."),
    ] = None,
    style: Annotated[
        list[Path] | None,
        typer.Option(
            "--style", "-s", metavar="FILE", help="Where a painting is now; repeat it for several."
        ),
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option("--inputs", metavar="FOLDER", help="A folder that holds the inputs."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite the output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON record.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Make a picture again, with the same inputs, settings and steps.

    The command looks for inputs and model files in --inputs, in this folder, beside the picture and
    in the folders above it, unless --content and --style name them.
    On the CPU in float32, the pixels are identical. A run that was stopped early repeats the same
    number of steps.
    """
    host: PluginHost = ctx.obj
    request = RerunRequest(
        picture,
        output,
        changed,
        device,
        force,
        as_json,
        quiet,
        ctx.meta["debug"],
        content,
        tuple(style or ()),
        inputs,
        ctx.meta["begun"],
    )
    runner = host.first("rerun", _check_runner, path=picture)
    again: Callable[[PluginHost, RerunRequest], int] = runner or _rerun_picture
    raise typer.Exit(again(host, request))


def _check_runner(answer: object) -> None:
    if not callable(answer):
        raise PluginError(f"stylize_rerun returned {reprlib.repr(answer)}: this is not a function")


def _rerun_picture(host: PluginHost, request: RerunRequest) -> int:
    """Make a picture again and return the exit code. Raises: StylizeError."""
    picture = request.path
    record = _read(picture)
    plan = plan_rerun(host, record, request)
    content, styles = find_inputs(record, request)
    job = Job(content, styles, request.target)
    return make_pictures(
        host,
        plan,
        [job],
        request.report(),
        force=request.force,
        begun=request.begun,
        before=record,
    )


def _read(picture: Path | str) -> RunRecord:
    """Return a picture's record. Raises: ImageError; UsageError if it is incomplete."""
    record = read_record(picture)
    if "video" in record:
        raise UsageError(
            f"{picture}: is one frame of a clip: run the stylize video command again for all "
            f"frames, or write a video file, which can be rerun"
        )
    return validate_record(RunRecord, record, picture)
