"""`stylize presets`: list, show, compare."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from stylize.plan import RunSettings, make_settings
from stylize.plugins import PluginHost
from stylize.presets import changed_settings, load_preset
from stylize.spec import Kind

__all__ = ["app"]

app = typer.Typer(help="Named, cited settings.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_presets(ctx: typer.Context) -> None:
    """List all presets."""
    host: PluginHost = ctx.obj
    specs = host.specs(Kind.PRESET)
    width = max((len(host.key(spec)) for spec in specs), default=0)
    for spec in specs:
        typer.echo(f"{host.key(spec):<{width}}  {spec.summary}")


@app.command()
def show(ctx: typer.Context, name: Annotated[str, typer.Argument(help="A preset.")]) -> None:
    """Show where a preset is from, and the settings in which it differs from the defaults."""
    preset = load_preset(ctx.obj, name)
    typer.echo(f"{name}: {preset.summary}\nfrom: {preset.citation}\n")
    for key, value in _flat(make_settings(preset.settings)).items():
        typer.echo(f"{key} = {value}")


@app.command()
def diff(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument(help="A preset, or defaults.")],
    second: Annotated[str, typer.Argument(help="Another.")],
) -> None:
    """Show the settings in which two presets differ."""
    one, two = (_flat(_settings(ctx.obj, name)) for name in (first, second))
    for key in dict.fromkeys([*one, *two]):
        if one.get(key) != two.get(key):
            typer.echo(f"{key}: {one.get(key, 'default')} -> {two.get(key, 'default')}")


def _settings(host: PluginHost, name: str) -> RunSettings:
    return RunSettings() if name == "defaults" else make_settings(load_preset(host, name).settings)


def _flat(settings: RunSettings) -> dict[str, str]:
    """Return the changed settings as text, part options as part.option."""
    changed: dict[str, Any] = changed_settings(settings)
    options = changed.pop("options", {})
    flat = {name: json.dumps(value) for name, value in changed.items()}
    for part, values in options.items():
        flat.update({f"{part}.{name}": json.dumps(value) for name, value in values.items()})
    return flat
