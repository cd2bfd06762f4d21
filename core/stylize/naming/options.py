"""Options of parts in a run: each is given under a part's name, or its role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stylize.contract.plan import Plan, RunSettings
from stylize.contract.settings import Settings
from stylize.contract.spec import ComponentSpec, LossSpec, MethodSpec
from stylize.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from stylize.discovery.host import PluginHost

__all__ = [
    "Chosen",
    "call_names",
    "keep_used_options",
    "option_names",
    "parts_settings",
    "shorten_names",
]

# The parts of a run, with their roles.
Chosen = Sequence[tuple[str, ComponentSpec]]


def call_names(host: PluginHost, chosen: Chosen) -> dict[str, list[int]]:
    """Return the names under which a run's options of parts may be given, each with its parts.

    These are roles, names, and names with their distribution. A name that is also a role stands
    for the role alone.
    """
    called: dict[str, list[int]] = {}
    for number, (role, _) in enumerate(chosen):
        called.setdefault(role, []).append(number)
    roles = frozenset(called)
    for number, (_, spec) in enumerate(chosen):
        for name in {spec.name, f"{host.origin(spec).distribution}:{spec.name}"} - roles:
            called.setdefault(name, []).append(number)
    return called


def option_names(host: PluginHost, plan: Plan) -> set[str]:
    """Return the names for options of a plan's parts: roles, names, full names."""
    images = {image.spec.name for image in plan.image}
    chosen = [
        ("image_loss" if role in images else role, spec) for role, (spec, _) in plan.parts.items()
    ]
    return set(call_names(host, chosen))


def shorten_names(host: PluginHost, settings: RunSettings, chosen: Chosen) -> RunSettings:
    """Return settings in which options under a name with a distribution are under the name alone.

    If that is also another part's name or role, they are under the part's role.
    """
    called = call_names(host, chosen)
    options: dict[str, dict[str, Any]] = {}
    for part, values in settings.options.items():
        short = part.rpartition(":")[2]
        if part != short and part in called:
            role = chosen[called[part][0]][0]
            part = short if called.get(short) == called[part] else role
        options[part] = {**options.pop(part, {}), **values}
    return settings.model_copy(update={"options": options})


def keep_used_options(
    host: PluginHost, settings: RunSettings, chosen: Chosen, *, lenient: bool
) -> RunSettings:
    """Return settings without options of parts that the run does not use.

    Raises: UnknownNameError, UsageError for such options, unless `lenient`.
    """
    called = call_names(host, chosen)
    methods = {spec.name: spec for spec in host.specs(MethodSpec)}
    for part, values in settings.options.items():
        if part in called or lenient:
            continue
        if part in methods:
            host.make_settings(methods[part], values)  # misspelt options come first
            raise UsageError(
                f"options of {part} are given, and the method is {chosen[0][1].name}: add --method "
                f"{part}, or leave them out"
            )
        raise UnknownNameError("part of this run", part, called)
    options = {part: values for part, values in settings.options.items() if part in called}
    return settings.model_copy(update={"options": options})


def parts_settings(
    host: PluginHost, settings: RunSettings, chosen: Chosen
) -> list[Settings | None]:
    """Return the settings of each part; among those given under its names, the later wins.

    A preset's come first: settings laid over it win, whichever name they use.

    Raises: UsageError for an option that two parts of one name have; UnknownNameError,
        SettingsError.
    """
    given: list[dict[str, Any]] = [
        dict(spec.paper) if isinstance(spec, LossSpec) and settings.balance == "paper" else {}
        for _, spec in chosen
    ]
    called = call_names(host, chosen)
    for name, values in settings.options.items():
        meant = called.get(name, ())
        alike = {chosen[number][0] for number in meant} != {name} and len(meant) > 1
        for option, value in values.items():
            for number in _takers(host, chosen, name, option, meant) if alike else meant:
                given[number][option] = value
    return [host.make_settings(spec, own) for (_, spec), own in zip(chosen, given, strict=True)]


def _takers(
    host: PluginHost, chosen: Chosen, name: str, option: str, meant: Sequence[int]
) -> list[int]:
    """Return which of several parts with one name have an option.

    Raises: UsageError if several have it; UnknownNameError if none has.
    """
    fields: dict[int, Mapping[str, Any]] = {}
    for number in meant:
        model = host.settings_model(chosen[number][1])
        fields[number] = model.model_fields if model else {}
    takers = [number for number, own in fields.items() if option in own]
    if not takers:
        raise UnknownNameError(
            f"setting of {name}", option, {each for own in fields.values() for each in own}
        )
    if len(takers) > 1:
        roles = [chosen[number][0] for number in takers]
        raise UsageError(
            f"{name}.{option} may be of the {' or of the '.join(roles)}, which are both called "
            f"{name}: write {' or '.join(f'{role}.{option}' for role in roles)}"
        )
    return takers
