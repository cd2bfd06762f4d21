"""The default command: photographs and paintings in, pictures out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stylize.command.batch import make_pictures
from stylize.command.grammar import refuse_command
from stylize.command.inputs import DEMO, plan_jobs, sort_files
from stylize.command.options import (
    MaxPixelsOption,
    PresetOption,
    QuietOption,
    SetOption,
    StyleOption,
    collect_settings,
    settings_options,
)
from stylize.command.report import Report
from stylize.command.saying import say
from stylize.discovery.host import PluginHost
from stylize.errors import OutputError
from stylize.making.shares import style_shares
from stylize.pictures.reading import MAX_PIXELS
from stylize.planning.planning import make_plan

__all__ = ["picture"]


@settings_options()
def picture(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILES",
            help="Photographs (files, folders, quoted globs or -), then one painting; with "
            "--style, photographs only; none at all for the demo pair.",
        ),
    ] = None,
    style: StyleOption = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="A file for one picture, a folder for several, - for standard output; by default "
            "CONTENT_STYLE_METHOD.png in this folder, or CONTENT_MODEL.png of a trained model.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            "-f",
            help="Overwrite pictures that exist; without it they are skipped where there are "
            "several, and an error where there is one.",
        ),
    ] = False,
    preset: PresetOption = None,
    assignments: SetOption = None,
    no_style: Annotated[
        bool, typer.Option("--no-style", help="Reconstruct the photographs from content alone.")
    ] = False,
    no_content: Annotated[
        bool, typer.Option("--no-content", help="Make a texture of the paintings alone.")
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON record a picture on standard output, with a status: made, "
            "skipped or failed. With -o - the record is on standard error. What stops all "
            "pictures, as a wrong option, prints none.",
        ),
    ] = False,
    quiet: QuietOption = False,
    max_pixels: MaxPixelsOption = MAX_PIXELS,
    **settings: str | None,
) -> None:
    """Make pictures: the default command, whose name can be left out."""
    host: PluginHost = ctx.obj
    given, styles = files or [], style or []
    group = ctx.parent.command if ctx.parent else None
    plan = make_plan(host, collect_settings(host, settings, preset, assignments or ()))
    refuse_command(next(iter(given), "-"), getattr(group, "commands", ()))
    contents, paintings = sort_files(
        given,
        styles,
        no_style=no_style or not plan.needs_style,
        no_content=no_content,
    )
    style_shares(plan.settings, len(paintings))
    if not (given or styles or quiet):
        say(f"no files given: using the demo pair, {' and '.join(DEMO)}")
    maker = Path(plan.model.name).stem if plan.model else plan.method.name
    try:
        jobs = plan_jobs(contents, paintings, output, maker)
    except OutputError as error:
        if plan.model and not paintings and len(given) > 1:
            error.add_note(
                f"{plan.model.name} has learnt its painting, so that {given[-1]} is a photograph "
                f"here too: leave it out"
            )
        raise
    left_out = sorted(map(str, set(contents).difference(job.content for job in jobs)))
    if left_out and not quiet:
        say(f"left out, as a style or an output of this run: {', '.join(left_out)}")
    report = Report(len(jobs), as_json=as_json, quiet=quiet, debug=ctx.meta["debug"])
    code = make_pictures(
        host,
        plan,
        jobs,
        report,
        force=force,
        # A folder of one picture is a batch too.
        skip_existing=len(jobs) > 1 or contents[0] not in (None, *given),
        max_pixels=max_pixels,
    )
    raise typer.Exit(code)
