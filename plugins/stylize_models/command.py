"""`stylize models`: trained models, and what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from stylize import ModelFile, PluginHost, find_model, known_models, user_models_folder
from stylize.command import clean_stdout, completion_of, say
from stylize.errors import OutputError

__all__ = ["app"]

app = typer.Typer(
    help="Trained models: list, show, export.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="A name, or a file.", autocompletion=completion_of("model")
    ),
]


@app.callback()
def models(ctx: typer.Context) -> None:
    """Without a command, list."""
    if ctx.invoked_subcommand is None:
        list_all(ctx)


@app.command("list")
def list_all(ctx: typer.Context, as_json: Json = False) -> None:
    """List the models that have a name: the user's own, and those that plugins carry."""
    host: PluginHost = ctx.obj
    found = known_models(host)
    if as_json:
        typer.echo(json.dumps([_describe(m) for m in found], indent=2))
        return
    width = max((len(m.name) for m in found if isinstance(m, ModelFile)), default=0)
    for model in found:
        if isinstance(model, ModelFile):
            header = model.header
            typer.echo(f"{model.name:<{width}}  {header.method}: {header.summary}".rstrip(": "))
        else:
            typer.echo(f"broken: {model}")
    typer.echo(f"your own are in {user_models_folder()}")


@app.command()
def show(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show how a model was made, and what it holds."""
    record = _describe(find_model(ctx.obj, name))
    if as_json:
        typer.echo(json.dumps(record, indent=2))
        return
    for key, value in record.items():
        shown = json.dumps(value) if isinstance(value, dict | list) else value
        typer.echo(f"{key}: {shown}")


@app.command()
def export(
    ctx: typer.Context,
    name: Name,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The file, .onnx.")
    ],
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace a file.")] = False,
) -> None:
    """Write a model's network as ONNX, for programs without PyTorch.

    Pictures are RGB in [0, 1], channels first. What it computes is compared with PyTorch at two
    sizes before the file is kept. A method of several networks writes FILE with their names in it.
    """
    model = find_model(ctx.obj, name)
    if output.suffix != ".onnx":
        raise OutputError(f"-o {output}: an ONNX file ends in .onnx: name it so")
    if not output.parent.is_dir():
        raise OutputError(f"-o {output}: there is no folder {output.parent}: make it first")
    with clean_stdout():
        from stylize_models.exporting import export_model

        written = export_model(ctx.obj, model, output, force=force)
    for file in written:
        compared = ", ".join(f"{size}: {far:.1e}" for size, far in file.differences.items())
        say(f"{file.path}: {file.size / 1e6:.2f} MB, takes {file.takes}")
        say(f"{file.path}: largest difference from PyTorch at {compared}")


def _describe(model: ModelFile | Exception) -> dict[str, Any]:
    if not isinstance(model, ModelFile):
        return {"status": "broken", "error": str(model)}
    return {
        "name": model.name,
        "status": "ok",
        "path": str(model.path),
        "bytes": model.path.stat().st_size,
        **model.header.model_dump(mode="json"),
    }
