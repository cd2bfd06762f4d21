"""`stylize bench`: the standard comparison of smoothings, backbones or losses."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from stylize import (
    MAX_PIXELS,
    PluginHost,
)
from stylize.command import (
    INTERRUPTED,
    STANDARD,
    DeviceOption,
    QuietOption,
    SetOption,
    clean_stdout,
    completion_of,
    explain,
    say,
    warn,
    write_file,
)
from stylize.errors import UsageError
from stylize_compare.bench.folder import BenchFolder, encode
from stylize_compare.bench.planning import BACKBONE, METHOD, Bench, choose_parts, plan_bench
from stylize_compare.bench.protocol import FULL, QUICK, SUBJECTS
from stylize_compare.bench.table import write_table
from stylize_compare.comparison import Comparison
from stylize_compare.keeping import find_kept
from stylize_compare.report import SweepReport

__all__ = ["app"]

app = typer.Typer(
    help="Compare smoothings, backbones or losses by a fixed protocol.", rich_markup_mode=None
)


MethodOption = Annotated[
    str | None,
    typer.Option(
        "--method",
        metavar="NAME",
        help=f"How pictures are made; {METHOD} by default. Numbers of different methods are not "
        "comparable.",
        autocompletion=completion_of("method"),
    ),
]
BackboneOption = Annotated[
    str | None,
    typer.Option(
        "--backbone",
        metavar="NAME",
        help=f"The network whose features are compared; {BACKBONE} by default.",
        autocompletion=completion_of("backbone"),
    ),
]
WeightsOption = Annotated[
    str | None,
    typer.Option("--weights", metavar="FILE", help="A file with the backbone's weights."),
]
SmoothOption = Annotated[
    str | None,
    typer.Option(
        "--smooth",
        metavar="NAME",
        help="The smoothing of deep features; by default none, or a preset's.",
        autocompletion=completion_of("smooth"),
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="Folder for bench.html, bench.json, bench.md, sheet.jpg and the pictures; an "
        "interrupted bench resumes from them. The default is bench-SUBJECT.",
    ),
]
QuickOption = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="A first result in minutes: 128 px, three strengths, one seed. Its numbers are "
        "comparable only with those of other quick benches.",
    ),
]
AnewOption = Annotated[
    bool,
    typer.Option(
        "--force", "-f", help="Make everything again, and replace the results of an earlier run."
    ),
]


def _names(what: str) -> Any:
    return typer.Argument(metavar="[NAME]...", help=what, show_default=False)


@app.command()
def smoothing(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        _names("Smoothings, or presets that choose one; all that are installed by default."),
    ] = None,
    backbone: BackboneOption = None,
    method: MethodOption = None,
    weights: WeightsOption = None,
    output: OutputOption = None,
    quick: QuickOption = False,
    force: AnewOption = False,
    assignments: SetOption = None,
    device: DeviceOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Compare smoothings with none: six pairs, four strengths, three seeds.

    The bench includes its photographs, paintings, sizes, strengths and seeds, with a version, so
    that the numbers of two authors are comparable. It compares every part with the reference at
    equal distance to the photograph, pair by pair. A preset sets its layers, weights and settings
    of parts; the bench's fixed settings override it. Finished pictures are kept: the same command
    resumes an interrupted bench.
    """
    given = {"backbone": backbone, "weights": weights, "device": device}
    _run(ctx, "smoothing", names, method, given, assignments, output, quick, force, quiet)


@app.command()
def backbone(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        _names("Backbones, or presets that choose one; by default all that need no download."),
    ] = None,
    method: MethodOption = None,
    smooth: SmoothOption = None,
    output: OutputOption = None,
    quick: QuickOption = False,
    force: AnewOption = False,
    assignments: SetOption = None,
    device: DeviceOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Compare backbones with vgg16, as stylize bench smoothing compares smoothings.

    The reference is the judge's own network, which flatters it: the results mark it.
    """
    given = {"smooth": smooth, "device": device}
    _run(ctx, "backbone", names, method, given, assignments, output, quick, force, quiet)


@app.command()
def loss(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        _names("Style losses, or presets that choose one; all that are installed by default."),
    ] = None,
    backbone: BackboneOption = None,
    method: MethodOption = None,
    smooth: SmoothOption = None,
    weights: WeightsOption = None,
    output: OutputOption = None,
    quick: QuickOption = False,
    force: AnewOption = False,
    assignments: SetOption = None,
    device: DeviceOption = "auto",
    quiet: QuietOption = False,
) -> None:
    """Compare style losses with gram, as stylize bench smoothing compares smoothings.

    The judge's style distance is one of Gram matrices, which favours gram; strokes are not.
    """
    given = {"backbone": backbone, "smooth": smooth, "weights": weights, "device": device}
    _run(ctx, "loss", names, method, given, assignments, output, quick, force, quiet)


def _run(
    ctx: typer.Context,
    subject: str,
    names: Sequence[str] | None,
    method: str | None,
    given: Mapping[str, str | None],
    assignments: Sequence[str] | None,
    output: Path | None,
    quick: bool,
    force: bool,
    quiet: bool,
) -> None:
    host: PluginHost = ctx.obj
    debug = ctx.meta["debug"]
    method, given = choose_parts(host, method, given)
    if str(output) == STANDARD:
        raise UsageError("-o - would be standard output, and a bench is a folder: name one")
    folder = BenchFolder(output or Path(f"bench-{subject}"))
    bench = plan_bench(
        host,
        SUBJECTS[subject],
        names or (),
        QUICK if quick else FULL,
        folder.path,
        method=method,
        given=given,
        assignments=assignments or (),
    )
    before = folder.open(bench, force=force, check=lambda: _check_weights(host, bench))
    kept = find_kept(host, bench.cells)
    for message in dict.fromkeys(p.message for plan in bench.plans.values() for p in plan.problems):
        warn(message)
    if before and sum(not outcome.outdated for outcome in kept.values()) < len(bench.cells):
        _check_weights(host, bench)
    comparison = Comparison(bench.axes, bench.cells, lambda error: explain(error)[0])
    report = SweepReport(comparison, as_json=False, quiet=quiet, debug=debug)
    code = report.run(host, kept, MAX_PIXELS, bench.extent.judge_size)
    if not report.has_news:
        raise typer.Exit(code)
    for doubt in comparison.doubts():
        warn(doubt)
    flatness = {
        name: part["flatness"]
        for name, part in before.get("parts", {}).items()
        if name in bench.names and part["flatness"] and part.get("parts") == bench.parts[name]
    }
    if code != INTERRUPTED:
        try:
            flatness = _measure_flatness(host, bench, flatness, debug=debug)
        except KeyboardInterrupt:
            code = INTERRUPTED
    _write(folder, bench, comparison, flatness, quiet=quiet)
    raise typer.Exit(code)


def _check_weights(host: PluginHost, bench: Bench) -> None:
    """Load the reference's network, before hundreds of pictures fail for lack of its weights.

    Raises: WeightsUnavailableError, WeightsError.
    """
    from stylize import load_backbone

    settings = bench.plans[bench.reference].settings
    with clean_stdout():
        load_backbone(host, settings.backbone, weights=settings.weights, device="cpu")


def _measure_flatness(
    host: PluginHost, bench: Bench, known: Mapping[str, Any], *, debug: bool
) -> dict[str, Any]:
    """Add what is missing to the known flatness; a part that cannot be measured has none."""
    from stylize_compare.bench.activations import measure_flatness

    images = sorted({cell.content for cell in bench.cells if bench.places[cell.path].seed == 0})
    found = dict(known)
    for name, plan in bench.plans.items():
        if name in found or bench.subject.name == "loss":
            continue
        try:
            with clean_stdout():
                found[name] = measure_flatness(host, plan, images)
        except Exception as error:  # from another author's smoothing; its cells report it too
            if debug:
                traceback.print_exception(error)
            warn(f"{name}: entropy is not measured: {explain(error)[0]}")
    return found


def _write(
    folder: BenchFolder,
    bench: Bench,
    comparison: Comparison,
    flatness: Mapping[str, Any],
    *,
    quiet: bool,
) -> None:
    """Write all results, and print the table."""
    from stylize import write_picture
    from stylize_compare.bench.contact import draw_bench
    from stylize_compare.bench.page import write_page
    from stylize_compare.bench.results import Results

    results = Results(bench, comparison, flatness)
    sheet, table = draw_bench(results), write_table(results)
    write_file(folder.json, encode(results.document()))
    write_file(folder.table, table.encode())
    write_picture(sheet, folder.sheet, force=True)
    write_file(folder.page, write_page(results, sheet).encode())
    if not quiet:
        typer.echo(table, nl=False)
        say(f"written: {folder.page}, {folder.json.name}, {folder.table.name}, {folder.sheet.name}")
