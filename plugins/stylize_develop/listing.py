"""`stylize plugins`: what is installed, what it offers, and what is broken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from stylize import (
    BackboneSpec,
    ComponentSpec,
    Kind,
    LossSpec,
    MethodSpec,
    PluginHost,
    PluginInfo,
    SmoothingSpec,
    find_part_options,
)
from stylize.command import completion_of
from stylize.discovery.scanning import canonical_name
from stylize.errors import PluginError, UnknownNameError
from stylize_develop.adding import describe_plugin
from stylize_develop.asking import ask_hooks
from stylize_develop.check import check
from stylize_develop.doctorcommand import doctor
from stylize_develop.new import new

__all__ = ["app", "describe_settings"]

app = typer.Typer(
    help="Show the parts, and the packages that they come from; without a command, list them.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def plugins(ctx: typer.Context) -> None:
    """Without a command, list."""
    if ctx.invoked_subcommand is None:
        list_plugins(ctx)


@app.command("list")
def list_plugins(ctx: typer.Context, as_json: Json = False) -> None:
    """List parts by kind, then plugins and failures."""
    host: PluginHost = ctx.obj
    ask_hooks(host)
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
        typer.echo(f"  {_plugin_line(info)}")


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A part, such as vgg16 or stylize-nst:vgg16, or a distribution.",
            autocompletion=completion_of("part"),
        ),
    ],
    as_json: Json = False,
) -> None:
    """Show a part (kind, origin, settings, declarations), or all parts of a distribution."""
    host: PluginHost = ctx.obj
    parts = [_describe(host, spec) for spec in _find(host, name)]
    wanted = canonical_name(name)
    found = [] if parts else [info for info in host.plugins if info.distribution == wanted]
    if not (parts or found):
        known = {name for kind in Kind for name in host.names(kind)}
        raise UnknownNameError("part", name, known | {info.distribution for info in host.plugins})
    if as_json:
        records = parts or [{**_describe_plugin(info), **describe_plugin(info)} for info in found]
        typer.echo(json.dumps(records, indent=2))
        return
    for record in parts:
        _print_part(record)
    for info in found:
        typer.echo(_plugin_line(info))
        added = describe_plugin(info)
        typer.echo(f"  plugin API: {'none is said' if added['api'] is None else added['api']}")
        typer.echo(f"  hooks: {', '.join(added['hooks']) or 'none'}")
        for part in added["parts"]:
            typer.echo(f"  {part['kind']} {part['name']}: {part['summary']}")
        for command, summary in added["commands"].items():
            typer.echo(f"  command {command}: {summary}")


app.command()(check)
app.command()(new)
app.command()(doctor)


def _find(host: PluginHost, name: str) -> list[ComponentSpec]:
    """Return the parts of any kind that a name stands for."""
    return [
        spec
        for kind in Kind
        for spec in host.specs(kind)
        if name in (spec.name, f"{host.origin(spec).distribution}:{spec.name}")
    ]


def _print_part(record: dict[str, Any]) -> None:
    name = record["name"].rpartition(":")[2]
    typer.echo(f"{record['kind']} {record['name']}: {record['summary']}")
    typer.echo(f"  from {record['distribution']} {record['version']} ({record['factory']})")
    for key, value in record["declares"].items():
        typer.echo(f"  {key}: {value}")
    if record["failure"]:
        typer.echo(f"  settings cannot be used: {record['failure']}")
    for option, field in record["settings"].items():
        typer.echo(f"  --set {name}.{option}={_as_text(field['default'])}  {field['description']}")
        own = f"; also {field['option']}" if field["option"] else ""
        typer.echo(f"      {field['allowed']}{own}")
    if record["kind"] == Kind.PRESET:
        typer.echo(f"  its settings: stylize presets show {record['name']}")


def _plugin_line(info: PluginInfo) -> str:
    state = f"{info.status}: {info.failure}" if info.failure else info.status
    name = " ".join(filter(None, (info.distribution, info.version, f"({info.entry})")))
    return f"{name}: {state}"


def _describe(host: PluginHost, spec: ComponentSpec) -> dict[str, Any]:
    origin = host.origin(spec)
    settings, failure = {}, None
    try:
        settings = describe_settings(host, spec)
    except PluginError as error:  # one part of a broken plugin must not hide the others
        failure = str(error)
    return {
        "kind": str(spec.kind),
        "name": host.key(spec),
        "summary": spec.summary,
        "distribution": origin.distribution,
        "version": origin.version,
        "factory": spec.factory,
        "declares": _declared(spec),
        "settings": settings,
        "failure": failure,
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
    if isinstance(spec, MethodSpec):
        return {f"defaults with {name}": _as_options(own) for name, own in spec.usual.items()}
    return {}


def _as_options(settings: Mapping[str, Any]) -> str:
    """Return run settings as the command's options."""
    parts = settings.get("options", {})
    words = [f"--{name} {value}" for name, value in settings.items() if name != "options"]
    words += [f"--set {part}.{name}={v}" for part, own in parts.items() for name, v in own.items()]
    return " ".join(words)


def _weights_line(spec: BackboneSpec) -> list[str]:
    where = {True: "embedded", False: "download"}
    return [f"{w.tag} ({where[w.embedded is not None]}; {w.license})" for w in spec.weights]


def describe_settings(host: PluginHost, spec: ComponentSpec) -> dict[str, dict[str, Any]]:
    """Return a part's settings with default, description and limits, from the model's schema.

    Each also has its option of the command, such as "--alpha", or None.

    Raises: PluginError if the model cannot be used.
    """
    if spec.kind is Kind.PRESET or (model := host.settings_model(spec)) is None:
        return {}
    flags = {
        option.setting: option.flag
        for options in find_part_options(host).values()
        for option in options
        if option.spec is spec
    }
    return {
        name: {
            "option": flags.get(name),
            "default": field.get("default"),
            "description": field.get("description", ""),
            "allowed": _allowed(field),
        }
        for name, field in model.model_json_schema().get("properties", {}).items()
    }


LIMITS = {
    "exclusiveMinimum": "above",
    "minimum": "at least",
    "exclusiveMaximum": "below",
    "maximum": "at most",
}
TYPES = {"integer": "a whole number", "number": "a number", "string": "text", "null": "none"}


def _allowed(field: dict[str, Any]) -> str:
    """Describe what a schema allows: its choices, or its type and limits."""
    if "anyOf" in field:
        return ", or ".join(_allowed(branch) for branch in field["anyOf"])
    if "enum" in field:
        return f"one of {', '.join(map(str, field['enum']))}"
    if field.get("type") == "array":
        return f"a list A,B,... each {_allowed(field.get('items', {}))}"
    limits = [f"{word} {field[key]:g}" for key, word in LIMITS.items() if key in field]
    kind = field.get("type", "anything")
    return " ".join([TYPES.get(kind, kind), " and ".join(limits)]).rstrip()


def _as_text(value: object) -> str:
    """Write a default as `--set` would take it."""
    if isinstance(value, list):
        return ",".join(map(_as_text, value))
    return "none" if value is None else str(value)


def _describe_plugin(info: PluginInfo) -> dict[str, Any]:
    return {
        "distribution": info.distribution,
        "version": info.version,
        "entry": info.entry,
        "value": info.value,
        "status": info.status,
        "failure": str(info.failure) if info.failure else None,
    }
