"""`stylize presets`: list, show, compare."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from stylize import Kind, PluginHost, RunSettings, load_preset, make_plan, make_settings
from stylize.command import completion_of
from stylize.errors import UnknownNameError

__all__ = ["app"]

app = typer.Typer(
    help="List, show and compare named settings; without a command, list them.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

DEFAULTS = "defaults"


@app.callback()
def presets(ctx: typer.Context) -> None:
    """Without a command, list the presets."""
    if ctx.invoked_subcommand is None:
        list_presets(ctx)


@app.command("list")
def list_presets(ctx: typer.Context) -> None:
    """List all presets."""
    host: PluginHost = ctx.obj
    specs = host.specs(Kind.PRESET)
    width = max((len(host.key(spec)) for spec in specs), default=0)
    for spec in specs:
        typer.echo(f"{host.key(spec):<{width}}  {spec.summary}")


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A preset.", autocompletion=completion_of("preset")),
    ],
) -> None:
    """Show where a preset comes from and how it differs from the defaults."""
    host: PluginHost = ctx.obj
    preset = load_preset(host, name)
    typer.echo(f"{name}: {preset.summary}\nfrom: {preset.citation}\n")
    changed = make_settings(preset.settings, host).model_dump(mode="json", exclude_defaults=True)
    options = changed.pop("options", {})
    training = {f"training.{key}": value for key, value in preset.training.items()}
    for key, value in {**changed, **_flat(options), **training}.items():
        typer.echo(f"{key} = {json.dumps(value)}")


@app.command()
def diff(
    ctx: typer.Context,
    first: Annotated[
        str,
        typer.Argument(
            metavar="FIRST",
            help="A preset, or defaults.",
            autocompletion=completion_of("preset"),
        ),
    ],
    second: Annotated[
        str,
        typer.Argument(
            metavar="SECOND",
            help="Another preset, or defaults.",
            autocompletion=completion_of("preset"),
        ),
    ],
) -> None:
    """Show the settings in which two presets differ."""
    one, two = (_everything(ctx.obj, name) for name in (first, second))
    different = [key for key in {**one, **two} if one.get(key) != two.get(key)]
    for key in different:
        typer.echo(f"{key}: {json.dumps(one.get(key))} -> {json.dumps(two.get(key))}")
    if not different:
        typer.echo("no difference")


def _everything(host: PluginHost, name: str) -> dict[str, Any]:
    """Return all settings of a preset, defaults included, with part options as ROLE.OPTION."""
    training: Mapping[str, Any] = {}
    if name == DEFAULTS:
        settings = RunSettings()
    elif name.rpartition(":")[2] in {spec.name for spec in host.specs(Kind.PRESET)}:
        preset = load_preset(host, name)
        settings, training = make_settings(preset.settings, host), preset.training
    else:
        raise UnknownNameError("preset", name, [*host.names(Kind.PRESET), DEFAULTS])
    plan = make_plan(host, settings, training=bool(training))
    options = {
        part: model.model_dump(mode="json") for part, (_, model) in plan.parts.items() if model
    }
    if training:
        options["training"] = dict(training)
    return {**settings.model_dump(mode="json", exclude={"options"}), **_flat(options)}


def _flat(options: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return part options as PART.OPTION."""
    return {
        f"{part}.{name}": value
        for part, values in options.items()
        for name, value in values.items()
    }
