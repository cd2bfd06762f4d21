"""`stylize plugins`: what is installed, what it offers, and what is broken."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from stylize.errors import UnknownNameError
from stylize.plugins import PluginHost, PluginInfo
from stylize.spec import BackboneSpec, ComponentSpec, Kind, LossSpec, SmoothingSpec

__all__ = ["app"]

app = typer.Typer(
    help="Parts and where they are from.", no_args_is_help=True, rich_markup_mode=None
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_plugins(ctx: typer.Context, as_json: Json = False) -> None:
    """List every part by kind, then the plugins that they are from."""
    host: PluginHost = ctx.obj
    if as_json:
        record = {
            "parts": {kind: [_describe(host, spec) for spec in host.specs(kind)] for kind in Kind},
            "plugins": [_describe_plugin(info) for info in host.plugins],
        }
        typer.echo(json.dumps(record, indent=2))
        return
    for kind in Kind:
        specs = host.specs(kind)
        width = max((len(host.key(spec)) for spec in specs), default=0)
        typer.echo(f"{kind}:")
        for spec in specs:
            origin = host.origin(spec).distribution
            typer.echo(f"  {host.key(spec):<{width}}  {spec.summary} [{origin}]")
    typer.echo("plugins:")
    for info in host.plugins:
        state = f"{info.status}: {info.failure}" if info.failure else info.status
        typer.echo(f"  {info.distribution} {info.version} ({info.entry}): {state}")


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A part, as vgg16 or stylize-nst:vgg16.")],
    as_json: Json = False,
) -> None:
    """Show a part: kind, origin, settings with their defaults, and what it declares."""
    host: PluginHost = ctx.obj
    for record in [_describe(host, spec) for spec in _find(host, name)]:
        if as_json:
            typer.echo(json.dumps(record, indent=2))
            continue
        typer.echo(f"{record['kind']} {record['name']}: {record['summary']}")
        typer.echo(f"  from {record['distribution']} {record['version']} ({record['factory']})")
        for key, value in record["declares"].items():
            typer.echo(f"  {key}: {value}")
        for option, field in record["settings"].items():
            typer.echo(f"  --set {name}.{option}={field['default']}  {field['description']}")
            if field["allowed"]:
                typer.echo(f"      allowed: {field['allowed']}")


def _find(host: PluginHost, name: str) -> list[ComponentSpec]:
    """Return the parts of any kind that a name stands for."""
    found = [host.get(kind, name) for kind in Kind if _is_known(host, kind, name)]
    if not found:
        raise UnknownNameError("part", name, {n for kind in Kind for n in host.names(kind)})
    return found


def _is_known(host: PluginHost, kind: Kind, name: str) -> bool:
    return any(name in (spec.name, _full_name(host, spec)) for spec in host.specs(kind))


def _full_name(host: PluginHost, spec: ComponentSpec) -> str:
    return f"{host.origin(spec).distribution}:{spec.name}"


def _describe(host: PluginHost, spec: ComponentSpec) -> dict[str, Any]:
    origin = host.origin(spec)
    return {
        "kind": str(spec.kind),
        "name": host.key(spec),
        "summary": spec.summary,
        "distribution": origin.distribution,
        "version": origin.version,
        "factory": spec.factory,
        "declares": _declared(spec),
        "settings": _settings(host, spec),
    }


def _declared(spec: ComponentSpec) -> dict[str, str]:
    if isinstance(spec, BackboneSpec):
        return {
            "weights": ", ".join(_weights_line(spec)),
            "content layers": ", ".join(spec.content_layers),
            "style layers": ", ".join(spec.style_layers),
            "smoothed layers": ", ".join(spec.smooth_layers),
        }
    if isinstance(spec, SmoothingSpec):
        return {"pointwise": "yes" if spec.pointwise else "no"}
    if isinstance(spec, LossSpec):
        paper = ", ".join(f"{key}={value}" for key, value in spec.paper.items())
        return {"role": str(spec.role), "under --balance paper": paper or "the same"}
    return {}


def _weights_line(spec: BackboneSpec) -> list[str]:
    where = {True: "embedded", False: "download"}
    return [f"{w.tag} ({where[w.embedded is not None]}; {w.license})" for w in spec.weights]


def _settings(host: PluginHost, spec: ComponentSpec) -> dict[str, dict[str, Any]]:
    """Return a part's options with default, description and limits, from the model's schema."""
    if spec.kind is Kind.PRESET or (model := host.settings_model(spec)) is None:
        return {}
    return {
        name: {
            "default": field.get("default"),
            "description": field.get("description", ""),
            "allowed": _allowed(field),
        }
        for name, field in model.model_json_schema()["properties"].items()
    }


LIMITS = {
    "exclusiveMinimum": "above",
    "minimum": "at least",
    "exclusiveMaximum": "below",
    "maximum": "at most",
}


def _allowed(field: dict[str, Any]) -> str:
    """Say what a schema allows: its choices, or its limits."""
    if "enum" in field:
        return ", ".join(map(str, field["enum"]))
    limits = [f"{word} {field[key]}" for key, word in LIMITS.items() if key in field]
    branches = [_allowed(branch) for branch in field.get("anyOf", [])]
    return ", ".join([*limits, *filter(None, branches)])


def _describe_plugin(info: PluginInfo) -> dict[str, Any]:
    return {
        "distribution": info.distribution,
        "version": info.version,
        "entry": info.entry,
        "value": info.value,
        "status": info.status,
        "failure": str(info.failure) if info.failure else None,
    }
