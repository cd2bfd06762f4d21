"""`stylize models`: list, show, preview and export trained models."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from stylize import (
    MethodSpec,
    ModelFile,
    PluginHost,
    Progress,
    find_model,
    known_models,
    open_image,
    read_bytes,
    user_models_folder,
    write_picture,
)
from stylize.command import (
    DeviceOption,
    ForceOption,
    JsonOption,
    QuietOption,
    check_output,
    clean_stdout,
    completion_of,
    count,
    loading,
    say,
    warn,
    watch,
)
from stylize.errors import ModelError, StylizeError, UsageError
from stylize_models.summaries import summarize, tell_steps
from stylize_models.writing import export_as_files, export_as_page

__all__ = ["app"]

app = typer.Typer(
    help="List, show, preview and export trained models; without a command, list them.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

Name = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="A model's name or file.", autocompletion=completion_of("model")
    ),
]


@app.callback()
def models(ctx: typer.Context) -> None:
    """Without a command, list the models."""
    if ctx.invoked_subcommand is None:
        list_all(ctx)


@app.command("list")
def list_all(
    ctx: typer.Context,
    as_json: JsonOption = False,
    timed: Annotated[
        bool,
        typer.Option("--time", help="Measure the seconds per picture of 512 px on this machine."),
    ] = False,
) -> None:
    """List the models that have a name: your own, and those of plugins."""
    host: PluginHost = ctx.obj
    found = known_models(host)
    seconds = _time(host, _usable(found)) if timed else {}
    if as_json:
        typer.echo(json.dumps([_describe(m) | seconds.get(_name(m), {}) for m in found], indent=2))
        return
    rows = [
        (
            model.name,
            summarize(host, model),
            _size(model),
            *(f"{value:.2f} s" for value in seconds.get(model.name, {}).values()),
        )
        for model in _usable(found)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
    for model in found:
        if not isinstance(model, ModelFile):
            typer.echo(f"broken: {model}")
    typer.echo("use one with stylize photo.jpg --model NAME; see all with stylize models sheet")
    typer.echo(f"your own are in {user_models_folder()}")


@app.command()
def show(ctx: typer.Context, name: Name, as_json: JsonOption = False) -> None:
    """Show a model's style, and how it was made."""
    host: PluginHost = ctx.obj
    model = find_model(host, name)
    if as_json:
        typer.echo(json.dumps(_describe(model), indent=2))
        return
    header = model.header
    takes = _takes_painting(host, model)
    losses = (f"{name} {value:.3g}" for name, value in header.losses.items())
    card = {
        "use": f"stylize photo.jpg {'painting.jpg ' * takes}--model {name}",
        "paintings": "any, given with the photograph"
        if takes
        else ", ".join(style.name for style in header.styles),
        "size": _size(model),
        "licence": header.license,
        "method": header.method,
        "network": f"that of {header.base}" * bool(header.base),
        "trained": ""
        if header.base
        else f"{tell_steps(header)} on {count(header.pictures, 'photograph')}, "
        f"with the losses of {header.backbone}",
        "losses": "" if header.base else ", ".join(losses),
        "made with": f"stylize {header.framework}" * bool(header.framework),
        "file": str(model.path),
    }
    typer.echo(f"{model.name}: {summarize(host, model)}")
    for key, value in card.items():
        if value:
            typer.echo(f"  {key:<9}  {value}")
    typer.echo("for all training settings, use --json")


@app.command()
def sheet(
    ctx: typer.Context,
    photograph: Annotated[Path, typer.Argument(metavar="PHOTOGRAPH", help="A picture file.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Default: PHOTOGRAPH_styles.png."),
    ] = None,
    size: Annotated[
        int,
        typer.Option(min=64, max=2048, metavar="NUMBER", help="Longer side of each picture."),
    ] = 320,
    everything: Annotated[
        bool, typer.Option("--all", help="Show every model of a painting, not only the first.")
    ] = False,
    device: DeviceOption = "auto",
    force: ForceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show a photograph in every trained style, on one labelled sheet.

    Models that take any painting are left out, as they have no style of their own.
    """
    host: PluginHost = ctx.obj
    target = output or Path(f"{photograph.stem}_styles.png")
    with open_image(photograph):
        check_output(target, force=force, inputs=[photograph])
    models = _learnt(host, everything=everything)
    if not models:
        raise UsageError("no model of a painting is installed: train one with stylize train")
    began, failed = time.monotonic(), 0
    with clean_stdout(), loading(quiet=quiet):
        from stylize_models.sheet import Styles, Tile, draw_tiles

        styles = Styles(host, size, device)
        tiles = [Tile(read_bytes(photograph, at_least=size), "the photograph")]
    with clean_stdout(), watch(target.name, quiet=quiet) as observers:
        for number, model in enumerate(models, 1):
            try:
                image, seconds = styles.apply(model, photograph)
            except StylizeError as error:
                failed += 1
                warn(f"{model.name}: {error}")
                continue
            painting = summarize(host, model).partition(": ")[0]
            tiles.append(Tile(image, model.name, f"{painting}, {seconds:.2f} s"))
            for observer in observers:
                done = Progress(number / len(models), number, len(models), {}, model.name)
                observer.progressed(done)
    if failed < len(models):
        write_picture(draw_tiles(tiles, size), target, force=force, inputs=[photograph])
        if not quiet:
            more = 0 if everything else len(_learnt(host, everything=True)) - len(models)
            others = f" ({more} more of the same paintings with --all)" if more else ""
            took = f"{time.monotonic() - began:.1f} s"
            say(f"{target}: {count(len(tiles) - 1, 'style')}, {took}{others}")
    raise typer.Exit(1 if failed else 0)


@app.command()
def export(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL...",
            help="Names or files of models; with -o, exactly one. With --web, the default is all "
            "named models of one network.",
            autocompletion=completion_of("model"),
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The .onnx file.")
    ] = None,
    web: Annotated[
        Path | None,
        typer.Option(
            "--web",
            metavar="FOLDER",
            help="Write a web page that applies the models in the browser instead.",
        ),
    ] = None,
    package: Annotated[
        Path | None,
        typer.Option(
            "--onnxruntime-web",
            metavar="PATH",
            help="The npm package of that name for --web, as an archive or a folder; by default "
            "npm downloads it.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace an existing file or page.")
    ] = False,
) -> None:
    """Export a model's network as ONNX, for programs without PyTorch.

    Pictures are RGB in [0, 1], channels first. The command compares ONNX with PyTorch at two sizes
    before it keeps the file. A method with several networks adds their names to FILE.

    The web page takes models with one network, such as those of johnson. Any file server can serve
    its folder. Photographs stay in the browser.
    """
    if (output is None) == (web is None):
        raise UsageError("give -o FILE.onnx, or --web FOLDER for a web page")
    if web is not None:
        export_as_page(ctx.obj, names or [], web, package, force=force)
        return
    if package is not None:
        raise UsageError("--onnxruntime-web is for the page of --web: leave it out")
    if names is None or len(names) != 1:
        raise UsageError(f"-o takes one model, but {len(names or [])} are given: name one")
    assert output is not None
    export_as_files(ctx.obj, names[0], output, force=force)


def _takes_painting(host: PluginHost, model: ModelFile) -> bool:
    takes = (s.needs_style for s in host.specs(MethodSpec) if s.name == model.header.method)
    return any(takes) and not model.base


def _usable(models: Sequence[ModelFile | ModelError]) -> list[ModelFile]:
    return [model for model in models if isinstance(model, ModelFile)]


def _name(model: ModelFile | ModelError) -> str:
    return model.name if isinstance(model, ModelFile) else ""


def _size(model: ModelFile) -> str:
    size = model.path.stat().st_size
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _learnt(host: PluginHost, *, everything: bool) -> list[ModelFile]:
    """Return the models that need no painting: the first of each painting, or `everything`."""
    chosen: dict[object, ModelFile] = {}
    for model in _usable(known_models(host)):
        if not _takes_painting(host, model):
            paintings = tuple(style.sha256 for style in model.header.styles)
            chosen.setdefault(model.name if everything or not paintings else paintings, model)
    return list(chosen.values())


def _time(host: PluginHost, models: Sequence[ModelFile]) -> dict[str, dict[str, float]]:
    """Return the seconds per picture of 512 px, by the names of models."""
    with clean_stdout(), loading():
        from stylize_models.sheet import Styles, demo_file

        styles, photograph = Styles(host, 512), demo_file("china.jpg")
        times = {model.name: styles.apply(model, photograph)[1] for model in models}
    return {name: {"seconds": round(each, 3)} for name, each in times.items()}


def _describe(model: ModelFile | ModelError) -> dict[str, Any]:
    if not isinstance(model, ModelFile):
        return {"status": "broken", "error": str(model)}
    return {
        "name": model.name,
        "status": "ok",
        "path": str(model.path),
        "bytes": model.path.stat().st_size,
        **model.header.model_dump(mode="json"),
    }
