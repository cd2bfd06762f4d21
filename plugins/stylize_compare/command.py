"""`stylize compare`: a labelled sheet of pictures over every combination of varied settings."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from stylize import MAX_PIXELS, ModelFile, PluginHost, RunSettings, style_shares
from stylize.command import (
    DEMO,
    STANDARD,
    JudgeSizeOption,
    MaxPixelsOption,
    PresetOption,
    QuietOption,
    SetOption,
    collect_settings,
    explain,
    require_extra,
    say,
    settings_options,
    sort_files,
    warn,
    write_file,
)
from stylize.errors import UsageError
from stylize_compare.cells import plan_cells
from stylize_compare.comparison import STRENGTH, Comparison
from stylize_compare.report import SweepFiles, SweepReport
from stylize_compare.sweep import PRESET, Axis, Variant, parse_axis, plan_variants

__all__ = ["compare"]

PLOT = "matplotlib", "plot", "--front"


@settings_options()
def compare(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILES",
            help="Photographs (files, folders or quoted globs), then one painting; with --style "
            "or models that hold their paintings, photographs only; none at all for the demo "
            "pair.",
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="KEY=VALUE,VALUE",
            help="The setting to vary: an option by its name (smooth=none,tanh), preset, or "
            "PART.OPTION as in --set. Repeat it for all combinations; the last one makes the "
            "columns. Separate values that contain commas by semicolons: "
            "'style-layers=conv1_1,conv2_1;conv3_1'.",
        ),
    ] = None,
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style",
            "-s",
            metavar="FILE",
            help="A painting; repeat it for several, each used on its own.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The sheet. The numbers go into a .csv and a .json in the same folder, and the "
            "pictures in full size into NAME_cells; an interrupted sweep resumes from them.",
        ),
    ] = Path("grid.png"),
    cell: Annotated[
        int,
        typer.Option(
            min=96,
            max=4096,
            metavar="NUMBER",
            help="Longer side of the sheet's pictures, in pixels.",
        ),
    ] = 256,
    front: Annotated[
        Path | None,
        typer.Option(
            "--front",
            metavar="FILE",
            help="With --vary strength: a plot of style against content distance, and of strokes "
            "against structure, with a line for each combination of the other settings. Needs the "
            "extra plot.",
        ),
    ] = None,
    judge_size: JudgeSizeOption = 512,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            "-f",
            help="Make everything again, and replace the results of an earlier run.",
        ),
    ] = False,
    preset: PresetOption = None,
    assignments: SetOption = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON record per picture, as each is finished."),
    ] = False,
    quiet: QuietOption = False,
    max_pixels: MaxPixelsOption = MAX_PIXELS,
    **settings: str | None,
) -> None:
    """Compare settings: a picture for each combination, in a labelled sheet.

    The sheet shows the four distances of stylize evaluate under each picture. Finished pictures are
    kept: the same command makes only the missing ones, and new values extend the results.
    """
    host: PluginHost = ctx.obj
    axes = [parse_axis(host, text) for text in vary or ()]
    variants = _plan_variants(host, axes, settings, preset, assignments or ())
    outputs = SweepFiles(output, front)
    models = [] if style else _models_with_paintings(variants)
    contents, styles = _sort_inputs(files or [], style or [], variants, held=bool(models))
    if not (files or style or quiet):
        say(f"no files given: using the demo pair, {' and '.join(DEMO)}")
    if front and STRENGTH not in (axis.key for axis in axes):
        raise UsageError(
            "--front needs several strengths: give them, as in --vary strength=0.5,1,2,4"
        )
    if front:
        require_extra(*PLOT)
    paintings = [styles] * len(variants)
    if models:
        if len(contents) > 1 and not quiet:
            one = len({model.name for model in models}) == 1
            which = f"model {models[0].name}" if one else "each model"
            say(f"all files are photographs, as {which} has a painting of its own")
        paintings = _write_paintings(models, outputs)
    cells = plan_cells(variants, contents, paintings, outputs.folder)
    inputs = [*contents, *dict.fromkeys(itertools.chain(*paintings))]
    kept = outputs.prepare(host, cells, inputs, force=force)
    for message in dict.fromkeys(p.message for v in variants for p in v.plan.problems):
        warn(message)
    comparison = Comparison(axes, cells, lambda error: explain(error)[0])
    report = SweepReport(comparison, as_json=as_json, quiet=quiet, debug=ctx.meta["debug"])
    code = report.run(host, kept, max_pixels, judge_size)
    if report.has_news:
        outputs.write(comparison, cell, max_pixels)
        report.tell_results(outputs)
    raise typer.Exit(code)


def _plan_variants(
    host: PluginHost,
    axes: Sequence[Axis],
    settings: Mapping[str, str | None],
    preset: str | None,
    assignments: Sequence[str],
) -> list[Variant]:
    given = {name for name, value in settings.items() if value is not None}
    given |= {assignment.partition("=")[0].strip() for assignment in assignments}
    given |= {PRESET} if preset else set()
    for axis in axes:
        if axis.key in given:
            raise UsageError(f"{axis.key} is given and varied: leave out one of the two")

    def settings_of(values: Mapping[str, str]) -> RunSettings:
        varied = [axis for axis in axes if axis.key != PRESET]
        return collect_settings(
            host,
            {**settings, **{axis.key: values[axis.key] for axis in varied if not axis.is_option}},
            values.get(PRESET, preset),
            [*assignments, *(f"{a.key}={values[a.key]}" for a in varied if a.is_option)],
        )

    variants = plan_variants(host, axes, settings_of)
    for variant in variants:
        style_shares(variant.plan.settings, 1)
    return variants


def _models_with_paintings(variants: Sequence[Variant]) -> list[ModelFile]:
    """Return the model of each variant if all of them hold their paintings, or else none."""
    models = [variant.plan.model for variant in variants]
    held = [model for model in models if model and model.base]
    return held if len(held) == len(variants) else []


def _write_paintings(models: Sequence[ModelFile], outputs: SweepFiles) -> list[list[str]]:
    """Write the painting of each model beside the cells, to judge them by; return their names."""
    outputs.make_folder()
    written: dict[str, str] = {}
    names: list[list[str]] = []
    for model in models:
        stem, mark = Path(model.name).stem, model.fingerprint()
        if mark not in written:
            path = outputs.folder / f"{stem}.jpg"
            if str(path) in written.values():  # of another folder's model with that name
                path = path.with_stem(f"{stem}_{mark[:8]}")
            write_file(path, model.paintings()[0].read())
            written[mark] = str(path)
        names.append([written[mark]])
    return names


def _sort_inputs(
    files: Sequence[str], styles: Sequence[str], variants: Sequence[Variant], *, held: bool
) -> tuple[list[str], list[str]]:
    """Separate contents from styles by the default command's rule, with at least one of each.

    Args:
        held: whether the models hold their paintings, and all files are contents.

    Raises: UsageError.
    """
    if STANDARD in (*files, *styles):
        raise UsageError("compare reads its pictures more than once: name files, not -")
    if (files or styles) and not held and (not files or len(files) + len(styles) < 2):
        bare = [model for each in variants if (model := each.plan.model) and not model.base]
        why = f": distances are from it, and model {bare[0].name} holds none" if bare else ""
        raise UsageError(
            f"{(*files, *styles)[0]} alone: give photographs and a painting, as photo.jpg "
            f"painting.jpg{why}"
        )
    contents, paintings = sort_files(files, styles, no_style=held, no_content=False)
    return [content for content in contents if content], list(dict.fromkeys(paintings))
