"""Settings of parts that are also options of the command, such as `--stroke-size`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic.fields import FieldInfo

from stylize.contract.plan import ANY_PART, RunSettings
from stylize.contract.settings import CommandOption
from stylize.contract.spec import FILE_KINDS, ComponentSpec, Kind, LossSpec
from stylize.errors import StylizeError, UnknownNameError, UsageError
from stylize.naming.names import in_words
from stylize.version import DISTRIBUTION

if TYPE_CHECKING:
    from stylize.discovery.host import PluginHost

__all__ = ["PartOption", "declared_options", "find_part_options", "place_part_options"]


@dataclass(frozen=True)
class PartOption:
    """A setting of a part that is also an option of the command.

    Args:
        flag: as typed, "--stroke-size".
        spec: the part.
        setting: the name of the setting.
        field: its type, default and description.
    """

    flag: str
    spec: ComponentSpec
    setting: str
    field: FieldInfo


def find_part_options(host: PluginHost) -> dict[str, list[PartOption]]:
    """Return the options that parts add to the command, by name ("stroke_size").

    Several parts may share one. Options that a run has itself, or that parts declare with
    different types, are left to `--set`; in the latter case the framework's own stays.
    """
    found: dict[str, list[PartOption]] = {}
    for name, options in declared_options(host).items():
        own = [each for each in options if host.origin(each.spec).distribution == DISTRIBUTION]
        types = {repr(option.field.annotation) for option in own or options}
        if name not in RunSettings.model_fields and len(types) == 1:
            found[name] = [each for each in options if repr(each.field.annotation) in types]
    return found


def declared_options(host: PluginHost) -> dict[str, list[PartOption]]:
    """Return all options that parts declare, by name."""
    found: dict[str, list[PartOption]] = {}
    for kind in Kind:
        for spec in host.specs(kind) if kind not in FILE_KINDS else ():
            try:
                model = host.settings_model(spec)
            except StylizeError:  # reported where the part is used
                continue
            for setting, field in model.model_fields.items() if model else ():
                for option in field.metadata:
                    if isinstance(option, CommandOption):
                        declared = PartOption(option.flag, spec, setting, field)
                        found.setdefault(option.name, []).append(declared)
    return found


def place_part_options(
    host: PluginHost, settings: RunSettings, chosen: Sequence[tuple[str, ComponentSpec]]
) -> RunSettings:
    """Return settings in which options without a part's name are given to the chosen parts.

    Args:
        chosen: the parts of the run, with their roles.

    Raises: UsageError for an option that no chosen part takes; one with its default value
        changes nothing, and is left out.
    """
    if ANY_PART not in settings.options:
        return settings
    known = find_part_options(host)
    names = [spec.name for _, spec in chosen]
    options: dict[str, dict[str, Any]] = {}
    for part, values in settings.options.items():
        if part != ANY_PART:
            options.setdefault(part, {}).update(values)
            continue
        for name, value in values.items():
            if name not in known:
                raise UnknownNameError("option of a part", name, known)
            taken = False
            for (role, spec), option in itertools.product(chosen, known[name]):
                if option.spec is not spec:
                    continue
                for before in (role, spec.name):  # earlier values no longer count
                    options.get(before, {}).pop(option.setting, None)
                part = spec.name if names.count(spec.name) == 1 else role
                options.setdefault(part, {})[option.setting] = value
                taken = True
            if not (taken or _is_default(host, known[name][0], value)):
                raise _unused(known[name], value)
    return settings.model_copy(update={"options": options})


def _is_default(host: PluginHost, option: PartOption, value: object) -> bool:
    settings = host.make_settings(option.spec, {option.setting: value})
    default = option.field.get_default(call_default_factory=True)
    return bool(getattr(settings, option.setting) == default)


def _unused(options: Sequence[PartOption], value: object) -> UsageError:
    names = in_words(option.spec.name for option in options)
    choices = " or ".join(dict.fromkeys(_choosing(option.spec) for option in options))
    return UsageError(
        f"{options[0].flag} {value} is an option of {names}, which this run does not use: leave "
        f"it out, or use {choices}"
    )


def _choosing(spec: ComponentSpec) -> str:
    """Return the option that chooses a part."""
    if isinstance(spec, LossSpec):
        return f"--{spec.role}-loss {spec.name}"
    return f"--{'smooth' if spec.kind is Kind.SMOOTHING else spec.kind} {spec.name}"
