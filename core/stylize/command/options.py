"""Options of commands: names, help and defaults of settings come from their models."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from stylize.command.completion import completion_of, names_of
from stylize.contract.plan import RunSettings
from stylize.contract.settings import Duration, Settings
from stylize.contract.spec import LossSpec
from stylize.discovery.host import PluginHost
from stylize.errors import UsageError
from stylize.making.presets import load_preset, merge_settings
from stylize.models.applying import says
from stylize.naming.names import in_words
from stylize.pictures.record import RecordKind
from stylize.planning.partoptions import find_part_options
from stylize.planning.planning import make_settings

__all__ = [
    "PANELS",
    "DeviceOption",
    "ForceOption",
    "JsonOption",
    "JudgeSizeOption",
    "MaxPixelsOption",
    "PresetOption",
    "QuietOption",
    "RecordOption",
    "SetOption",
    "StyleOption",
    "collect_settings",
    "parse_assignments",
    "settings_options",
    "with_settings_options",
]

PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        "-p",
        metavar="NAME",
        help="Named settings (see stylize presets), over which other options go.",
        autocompletion=completion_of("preset"),
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
        "role: neighbors.grid=2, backbone.enlarge=1.",
    ),
]
JudgeSizeOption = Annotated[
    int,
    typer.Option(
        "--judge-size",
        min=32,
        max=4096,
        metavar="NUMBER",
        help="Longer side that pictures are judged at, in pixels. Distances at different sizes "
        "are not comparable.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ForceOption = Annotated[bool, typer.Option("--force", "-f", help="Overwrite what exists.")]
RecordOption = Annotated[
    RecordKind,
    typer.Option(
        "--record",
        help="Record of the run in the file: names leaves out the folders of inputs, "
        "full keeps them, none writes no record.",
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
    "Look": ("model", "strength", "style_weights", "style_scale", "keep_color"),
    "Size and quality": ("size", "quality", "time", "seed", "device", "precision"),
    "Parts": (
        "method", "backbone", "weights", "smooth", "smooth_layers", "gains", "content_loss",
        "style_loss", "image_loss", "content_layers", "style_layers", "balance", "content_weight",
        "style_weight",
    ),
}  # fmt: skip

# Up to how many names of parts an option lists.
FEW = 12

Panels = Mapping[str, Iterable[str]]
Group = tuple[type[Settings], Panels]
Command = TypeVar("Command", bound=Callable[..., None])


@dataclass(frozen=True)
class _Asked:
    """What a command's `**settings` stand for.

    Args:
        groups: models, each with the names of its settings by panel.
        parts: whether options that parts declare are among them.
    """

    groups: tuple[Group, ...]
    parts: bool


def settings_options(*groups: Group, parts: bool = True) -> Callable[[Command], Command]:
    """Say that a command's `**settings` are an option a setting, as text.

    Text, because pydantic reads it: presets, `--set` and Python then share one set of messages.

    Args:
        groups: models, each with the names of its settings by panel of the help; by default the
            settings of a run.
        parts: take the options that parts declare too, as adain's `--alpha`.
    """

    def mark(command: Command) -> Command:
        command.settings_options = _Asked(groups or ((RunSettings, PANELS),), parts)  # type: ignore[attr-defined]
        return command

    return mark


def with_settings_options(command: Callable[..., None], host: PluginHost) -> Callable[..., None]:
    """Return a command with `settings_options` as typer takes it; others as they are."""
    asked: _Asked | None = getattr(command, "settings_options", None)
    if asked is None:
        return command
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    options = [
        _option(
            f"--{name.replace('_', '-')}",
            name,
            model.model_fields[name],
            panel,
            names_of(name, host),
        )
        for model, panels in asked.groups
        for panel, names in panels.items()
        for name in names
    ]
    taken = {word for parameter in [*own, *options] for word in _words_of(parameter)}
    for name, declared in find_part_options(host).items() if asked.parts else ():
        if taken.isdisjoint((name, declared[0].flag)):
            names = dict.fromkeys(option.spec.name for option in declared)
            panel = f"Options of {in_words(names)}"
            options.append(_option(declared[0].flag, name, declared[0].field, panel))

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
    _refuse_contradictions(host, over, options)
    base = load_preset(host, preset).settings if preset else {}
    merged = merge_settings(base, {**over, **({"options": options} if options else {})})
    return make_settings(merged, host)


def _refuse_contradictions(
    host: PluginHost, given: Mapping[str, str], options: Mapping[str, Mapping[str, str]]
) -> None:
    """Raise UsageError if an option and a `--set` give one setting different values."""
    own = given.keys() - RunSettings.model_fields.keys()
    known = find_part_options(host) if own and options else {}
    for name in sorted(own & known.keys()):
        for declared, (part, values) in product(known[name], options.items()):
            spec, other = declared.spec, values.get(declared.setting)
            roles = {spec.kind, f"{spec.role}_loss" if isinstance(spec, LossSpec) else spec.kind}
            meant = part.rpartition(":")[2] in {spec.name, *roles}
            if meant and other is not None and not says(other, given[name]):
                raise UsageError(
                    f"{declared.flag} {given[name]} and --set {part}.{declared.setting}={other} "
                    f"contradict each other: give only one"
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


def _words_of(parameter: inspect.Parameter) -> Iterator[str]:
    """Yield a parameter's name, and the options that set it."""
    yield parameter.name
    for part in get_args(parameter.annotation)[1:]:
        # typer keeps the first option of an annotation as the default.
        for option in (part.default, *(part.param_decls or ())):
            yield from option.split("/") if isinstance(option, str) else ()
    yield f"--{parameter.name.replace('_', '-')}"


def _option(
    flag: str, name: str, field: FieldInfo, panel: str, known: Sequence[str] = ()
) -> inspect.Parameter:
    default = field.get_default()
    listed = f" One of {', '.join(known)}." if known and len(known) <= FEW else ""
    told = default is None or "By default" in (field.description or "")
    shown = "" if told else f"  [default: {default}]"
    option = typer.Option(
        *dict.fromkeys((flag, flag.replace("color", "colour"))),
        help=f"{field.description}{listed}{shown}",
        metavar=_metavar(field.annotation),
        rich_help_panel=panel,
        autocompletion=completion_of(name, field.annotation),
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[str | None, option],
    )


def _metavar(annotation: Any) -> str:
    if get_origin(annotation) in (Union, UnionType):
        kinds = {_metavar(option) for option in get_args(annotation) if option is not NoneType}
        return kinds.pop() if len(kinds) == 1 else "TEXT"
    if get_origin(annotation) is Annotated:
        if get_args(Duration)[1] in get_args(annotation):
            return "TIME"
        return _metavar(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return "|".join(map(str, get_args(annotation)))
    if annotation is bool:
        return "yes|no"
    if annotation in (int, float):
        return "NUMBER"
    return "TEXT"
