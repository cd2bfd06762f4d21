"""From run settings to a plan: parts chosen by name, their settings validated, plugins asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stylize.contract.plan import ANY_PART, LossPlan, Plan, RunSettings
from stylize.contract.settings import Settings, parse_settings
from stylize.contract.spec import (
    BackboneSpec,
    ComponentSpec,
    LossSpec,
    MethodSpec,
    SmoothingSpec,
    split_backbone_name,
)
from stylize.discovery.host import PluginHost
from stylize.errors import UnknownNameError, UsageError
from stylize.models.applying import (
    choose_model,
    fill_in,
    method_name,
    take_over,
    tell_unused,
    trained_settings,
    training_settings,
)
from stylize.planning.partoptions import find_part_options, place_part_options

__all__ = ["make_plan", "make_settings"]


def make_settings(values: Mapping[str, object], host: PluginHost | None = None) -> RunSettings:
    """Validate settings given as Python values or as text from a command line.

    Args:
        values: by name of a run setting, or of an option that a part declares.
        host: the plugins; all that are installed by default.

    Raises: UnknownNameError, SettingsError.
    """
    others = {name: value for name, value in values.items() if name in RunSettings.model_fields}
    own = {name: value for name, value in values.items() if name not in others}
    if not own:
        return parse_settings(RunSettings, others)
    options = find_part_options(host or PluginHost.discover())
    for name in own:
        if name not in options:
            raise UnknownNameError("setting", name, [*RunSettings.model_fields, *options])
    given: Any = others.get("options", {})
    return parse_settings(RunSettings, {**others, "options": {**given, ANY_PART: own}})


def make_plan(
    host: PluginHost, settings: RunSettings, *, training: bool = False, lenient: bool = False
) -> Plan:
    """Choose the parts by name, validate their settings, and ask the plugins for problems.

    Args:
        training: plan the training of a model instead of applying one.
        lenient: leave out options of parts that the run does not use, where they are an error
            otherwise: a sweep gives each of its runs those of all.

    Raises: UnknownNameError, SettingsError, ModelError, UsageError for a problem that a plugin
        calls fatal.
    """
    method = host.get(MethodSpec, method_name(host, settings))
    model = None if training else choose_model(host, method, settings)
    if training:
        settings = training_settings(method, settings)
    elif model is None:
        settings = fill_in(settings, method.usual)
    parts = _choose_parts(host, method, trained_settings(model) if model else settings)
    settings = place_part_options(host, settings, parts)
    if model is not None:
        settings = take_over(settings, method, model)
    used = {name for role, spec in parts for name in (role, spec.name)}
    for part in settings.options:
        if part not in used and not lenient:
            if part in [spec.name for spec in host.specs(MethodSpec)]:
                raise UsageError(
                    f"options of {part} are given, and the method is {method.name}: add --method "
                    f"{part}, or leave them out"
                )
            raise UnknownNameError("part of this run", part, used)
    options = {part: values for part, values in settings.options.items() if part in used}
    settings = settings.model_copy(update={"options": options})
    plan = replace(_make_plan(host, settings, parts), model=model)
    problems = (*tell_unused(plan), *host.check(plan))
    for problem in problems:
        if problem.fatal:
            raise UsageError(problem.message)
    return replace(plan, problems=problems)


def _choose_parts(
    host: PluginHost, method: MethodSpec, settings: RunSettings
) -> list[tuple[str, ComponentSpec]]:
    """Return the parts that settings name, with their roles.

    Raises: UsageError for a loss of another role.
    """
    losses = [
        ("content", settings.content_loss),
        ("style", settings.style_loss),
        *(("image", name) for name in settings.image_loss or ()),
    ]
    parts: list[tuple[str, ComponentSpec]] = [
        ("method", method),
        ("backbone", host.get(BackboneSpec, split_backbone_name(settings.backbone)[0])),
        ("smoothing", host.get(SmoothingSpec, settings.smooth)),
    ]
    for role, name in losses:
        spec = host.get(LossSpec, name)
        if spec.role != role:
            raise UsageError(
                f"loss {spec.name} is a {spec.role} loss: use it with --{spec.role}-loss"
            )
        parts.append((f"{role}_loss", spec))
    return parts


def _make_plan(host: PluginHost, settings: RunSettings, parts: Sequence[tuple[str, Any]]) -> Plan:
    """Return a plan of parts with their validated settings, not checked by plugins yet."""
    made = [(spec, _settings_of(host, settings, role, spec)) for role, spec in parts]
    (method, own), (backbone, network), (smoothing, smooth), content, style, *images = made
    return Plan(
        settings,
        method,
        own,
        backbone,
        network,
        split_backbone_name(settings.backbone)[1],
        smoothing,
        smooth,
        LossPlan(*content, settings.content_layers),
        LossPlan(*style, settings.style_layers),
        tuple(
            LossPlan(*image, weight=weight)
            for image, weight in zip(images, (settings.image_loss or {}).values(), strict=True)
        ),
    )


def _settings_of(
    host: PluginHost, settings: RunSettings, role: str, spec: ComponentSpec
) -> Settings | None:
    """Return a part's settings: options given under its role or its own name, the later wins.

    A preset's come first: what is laid over it wins, whichever name it uses.
    """
    given: dict[str, Any] = {}
    if isinstance(spec, LossSpec) and settings.balance == "paper":
        given.update(spec.paper)
    for part, values in settings.options.items():
        given.update(values if part in (role, spec.name) else {})
    return host.make_settings(spec, given)
