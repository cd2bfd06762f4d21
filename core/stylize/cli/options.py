"""The run settings as command-line options: names, help and defaults come from the model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from stylize.errors import UsageError
from stylize.plan import RunSettings, make_settings
from stylize.plugins import PluginHost
from stylize.presets import load_preset, merge_settings
from stylize.settings import Settings

__all__ = [
    "DeviceOption",
    "MaxPixelsOption",
    "PresetOption",
    "QuietOption",
    "SetOption",
    "StyleOption",
    "collect_settings",
    "parse_assignments",
    "with_settings_options",
]

PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        "-p",
        metavar="NAME",
        help="Named settings (see stylize presets), over which other options go.",
    ),
]
StyleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--style", "-s", metavar="FILE", help="A painting; repeat it for a blend of several."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PART.OPTION=VALUE",
        help="A setting of a part (see stylize plugins show PART), by the part's name or its "
        "role: gatys.optimizer=adam, backbone.pooling=average.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print warnings and errors only.")]
MaxPixelsOption = Annotated[
    int, typer.Option(min=1, metavar="NUMBER", help="Refuse images with more pixels than this.")
]

DeviceOption = Annotated[
    str, typer.Option("--device", metavar="TEXT", help="auto, cpu, cuda, cuda:1 or mps.")
]

PANELS = {
    "Parts": (
        "method", "model", "backbone", "weights", "smooth", "smooth_layers", "gains",
        "content_loss", "style_loss", "image_loss", "content_layers", "style_layers",
    ),
    "Look": (
        "strength", "alpha", "style_weights", "style_scale", "stroke_size", "keep_color", "balance",
        "content_weight", "style_weight",
    ),
    "Work": ("size", "quality", "time", "seed", "device", "precision"),
}  # fmt: skip

Panels = Mapping[str, Iterable[str]]


def with_settings_options(
    command: Callable[..., None],
    *groups: tuple[type[Settings], Panels],
) -> Callable[..., None]:
    """Replace a command's `**settings` by one text option a setting.

    Text, because pydantic reads it: presets, `--set` and Python then share one set of messages.

    Args:
        groups: models, each with the names of its settings by panel; the run settings by default.
    """
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    options = [
        _option(model, name, panel)
        for model, panels in groups or ((RunSettings, PANELS),)
        for panel, names in panels.items()
        for name in names
    ]

    def wrapper(**values: Any) -> None:
        command(**values)

    wrapper.__doc__ = command.__doc__
    wrapper.__name__ = command.__name__
    parameters = [p.replace(kind=p.KEYWORD_ONLY) for p in [*own, *options]]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
    return wrapper


def collect_settings(
    host: PluginHost,
    given: Mapping[str, str | None],
    preset: str | None = None,
    assignments: Iterable[str] = (),
) -> RunSettings:
    """Lay command-line options over a preset and validate all of it.

    Args:
        given: text by setting; None where the option was not used.
        assignments: `part.option=value` texts of `--set`.

    Raises: UnknownNameError, SettingsError, UsageError.
    """
    over: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    options = parse_assignments(assignments)
    base = load_preset(host, preset).settings if preset else {}
    return make_settings(
        merge_settings(base, {**over, **({"options": options} if options else {})})
    )


def parse_assignments(assignments: Iterable[str]) -> dict[str, dict[str, str]]:
    """Read `part.option=value` texts of `--set` as options by part.

    Raises: UsageError.
    """
    options: dict[str, dict[str, str]] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        part, dot, option = key.rpartition(".")
        if not (equals and dot and part and option):
            raise UsageError(
                f"--set {assignment!r} is not PART.OPTION=VALUE, as gatys.optimizer=adam"
            )
        options.setdefault(part.strip(), {})[option.strip()] = value.strip()
    return options


def _option(model: type[Settings], name: str, panel: str) -> inspect.Parameter:
    field = model.model_fields[name]
    default = field.get_default()
    shown = "" if default is None else f"  [default: {default}]"
    option = typer.Option(
        f"--{name.replace('_', '-')}",
        help=f"{field.description}{shown}",
        metavar=_metavar(field.annotation),
        rich_help_panel=panel,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[str | None, option],
    )


def _metavar(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return "|".join(map(str, get_args(annotation)))
    if annotation is bool:
        return "yes|no"
    if annotation in (int, float):
        return "NUMBER"
    return "TEXT"
