"""`stylize models`: trained models, and what they are."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from stylize.modelfile import ModelFile
from stylize.models import find_model, known_models, user_models_folder
from stylize.plugins import PluginHost

__all__ = ["app"]

app = typer.Typer(
    help="Trained models: list, show, export.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(metavar="MODEL", help="A name, or a file.")]


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
