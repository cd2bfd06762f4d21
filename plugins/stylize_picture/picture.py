"""The default command: photographs and paintings in, pictures out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from stylize import (
    MAX_PIXELS,
    Plan,
    PluginHost,
    RecordKind,
    make_plan,
    model_names,
    style_shares,
)
from stylize.command import (
    ForceOption,
    MaxPixelsOption,
    PresetOption,
    QuietOption,
    RecordOption,
    Report,
    SetOption,
    StyleOption,
    collect_settings,
    make_pictures,
    nearest_name,
    number_outputs,
    plan_jobs,
    refuse_command,
    say,
    settings_options,
    sort_files,
    warn,
)
from stylize.errors import OutputError, UsageError

__all__ = ["demo", "picture"]


@settings_options()
def picture(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PHOTOGRAPH... [PAINTING]",
            help="Photographs (files, folders, quoted globs or -), then one painting; with "
            "--style or a --model of one painting, photographs only.",
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
            "PHOTOGRAPH_PAINTING_METHOD.png in this folder, with a model's name in the method's "
            "place, or PHOTOGRAPH_MODEL.png, numbered if pictures with other settings have that "
            "name.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            "-f",
            help="Overwrite existing pictures. Without it, a run over a folder skips existing "
            "pictures, and no picture is made twice with the same settings.",
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
            help="Print one JSON record per picture on standard output, with a status: made, "
            "skipped or failed. With -o -, records go to standard error. An error that stops all "
            "pictures, such as a wrong option, prints none.",
        ),
    ] = False,
    quiet: QuietOption = False,
    max_pixels: MaxPixelsOption = MAX_PIXELS,
    record: RecordOption = "names",
    **settings: str | None,
) -> None:
    """Make pictures: the default command, whose name can be left out."""
    host: PluginHost = ctx.obj
    given, styles = files or [], style or []
    group = ctx.parent.command if ctx.parent else None
    if not (given or styles):
        raise UsageError(
            "no photograph: give one with a painting (stylize photo.jpg painting.jpg), or try "
            "stylize demo"
        )
    if _names_model(host, given, styles, settings):
        settings["model"] = given.pop()
        if not quiet:
            say(f"{settings['model']} is a trained model: --model {settings['model']}")
    plan = make_plan(host, collect_settings(host, settings, preset, assignments or ()))
    refuse_command(next(iter(given), "-"), getattr(group, "commands", ()))
    contents, paintings = sort_files(
        given,
        styles,
        no_style=no_style,
        no_content=no_content,
        plan=plan,
    )
    report = partial(Report, as_json=as_json, quiet=quiet, debug=ctx.meta["debug"])
    code = _make(
        ctx,
        plan,
        contents,
        paintings,
        output,
        report,
        force=force,
        batch=not {None, *given}.issuperset(contents),  # from folders or globs
        max_pixels=max_pixels,
        record=record,
        given=given,
    )
    raise typer.Exit(code)


@settings_options()
def demo(
    ctx: typer.Context,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="The picture; numbered by default."),
    ] = None,
    force: ForceOption = False,
    preset: PresetOption = None,
    assignments: SetOption = None,
    quiet: QuietOption = False,
    **settings: Any,
) -> None:
    """Make the demo picture, from a photograph and a painting included in stylize."""
    plan = make_plan(ctx.obj, collect_settings(ctx.obj, settings, preset, assignments or ()))
    contents, paintings = sort_files([], [], no_style=False, no_content=False, plan=plan)
    report = partial(Report, as_json=False, quiet=quiet, debug=ctx.meta["debug"])
    raise typer.Exit(
        _make(ctx, plan, contents, paintings, output, report, force=force, batch=False)
    )


def _make(
    ctx: typer.Context,
    plan: Plan,
    contents: Sequence[str | None],
    paintings: Sequence[str],
    output: str | None,
    report_of: Callable[[int], Report],
    *,
    force: bool,
    batch: bool,
    max_pixels: int = MAX_PIXELS,
    record: RecordKind = "names",
    given: Sequence[str] = (),
) -> int:
    """Make the pictures of a plan, and return the exit code.

    Args:
        report_of: returns the report for a number of pictures.
        batch: skip existing pictures, so that an interrupted run over a folder can resume.
        given: the files on the command line, without those of `--style`.

    Raises: StylizeError for errors that concern all pictures.
    """
    host: PluginHost = ctx.obj
    style_shares(plan.settings, len(paintings))
    maker = Path(plan.model.name).stem if plan.model else plan.method.name
    try:
        jobs = plan_jobs(contents, paintings, output, maker)
    except OutputError:
        if plan.model:  # a painting may have been taken for a second photograph
            _tell_roles(plan, given, paintings, report_of(len(contents)))
        raise
    report = report_of(len(jobs))
    _tell_roles(plan, given, paintings, report)
    left_out = sorted(map(str, set(contents).difference(job.content for job in jobs)))
    if left_out and not report.quiet:
        say(f"left out, as a style or an output of this run: {', '.join(left_out)}")
    remarks: dict[str, str] = {}
    if not (batch or force) and (output is None or Path(output).is_dir()):
        jobs, remarks = number_outputs(host, plan, jobs, report)
    return make_pictures(
        host,
        plan,
        jobs,
        report,
        force=force,
        skip_existing=batch or report.total > 1,
        max_pixels=max_pixels,
        record=record,
        remarks=remarks,
        begun=ctx.meta["begun"],
    )


def _names_model(
    host: PluginHost, given: Sequence[str], styles: Sequence[str], settings: Mapping[str, object]
) -> bool:
    """Whether a trained model is named in place of the painting.

    Raises: UsageError if another word is a model's name, or the last one is similar to one.
    """
    if len(given) < 2 or styles or settings.get("model"):
        return False
    lost = [word for word in given if not Path(word).exists()]
    if not lost:
        return False
    last, names = given[-1], model_names(host)
    if first := next((word for word in given[:-1] if word in lost and word in names), None):
        others = " ".join(word for word in given if word != first)
        raise UsageError(
            f"{first}: no such file, and a trained model goes last: stylize {others} {first}"
        )
    if last not in lost:
        return False
    if set("*?[").intersection(last):  # a pattern of files
        return False
    # With an extension it is meant for a file, and reading it tells which is near.
    near = None if Path(last).suffix else nearest_name(last, names)
    if near and last not in names:
        refused = UsageError(
            f"{last}: no such file or trained model: did you mean {near}? stylize models lists all"
        )
        raise host.note_disabled(refused)
    return last in names


def _tell_roles(plan: Plan, given: Sequence[str], paintings: Sequence[str], report: Report) -> None:
    """Report which files count as photographs, if one may be meant as a painting.

    Records contain this anyway.
    """
    quiet = report.quiet or report.as_json
    last, several = given[-1:], len(given) > 2
    if plan.model and not paintings and len(given) > 1 and Path(given[-1]).is_file():
        message = (
            f"{given[-1]} is restyled as a photograph, as model {plan.model.name} has learnt its "
            f"painting: leave it out if it is a painting"
        )
        if not several:
            warn(message)
        elif not quiet:
            say(message)
    elif last == paintings and several and not quiet:
        say(
            f"{given[-1]} is the painting, all others are photographs (to blend paintings, give "
            f"each with -s)"
        )
