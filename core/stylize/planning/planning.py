"""From run settings to a plan: parts chosen by name, their settings validated, plugins asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stylize.contract.plan import ANY_PART, LossPlan, Plan, RunSettings
from stylize.contract.settings import parse_settings
from stylize.contract.spec import (
    BackboneSpec,
    ComponentSpec,
    LossSpec,
    MethodSpec,
    SmoothingSpec,
    split_backbone_name,
)
from stylize.disabling import DISABLE_VARIABLE
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
from stylize.naming.names import name_defaults
from stylize.naming.options import Chosen, keep_used_options, parts_settings, shorten_names
from stylize.naming.weights import name_weights
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
        lenient: leave out options of parts that the run does not use, which are otherwise an
            error: a sweep gives the options of all its runs to each.

    Raises: UnknownNameError, SettingsError, ModelError, UsageError for a plugin's fatal problem.
    """
    settings = name_defaults(host, settings)
    method = host.get(MethodSpec, method_name(host, settings))
    model = None if training else choose_model(host, method, settings)
    if training:
        settings = training_settings(host, method, settings)
    elif model is None:
        settings = fill_in(host, method, settings, method.usual)
    settings = settings if model else name_weights(host, method, settings)
    parts = _choose_parts(host, method, trained_settings(host, model) if model else settings)
    settings = place_part_options(host, shorten_names(host, settings, parts), parts)
    if model is not None:
        settings = take_over(host, settings, method, model)
    settings = keep_used_options(host, settings, parts, lenient=lenient)
    plan = replace(_make_plan(host, settings, parts), model=model)
    problems = (*tell_unused(plan), *host.check(plan))
    advice = f"upgrade the plugin, or leave it out with {DISABLE_VARIABLE}="
    crashed = [failure for failure in host.failures if failure.stage == "check"]
    vetoes = [plan.error(f"{failure}: {advice}{failure.entry}") for failure in crashed]
    for problem in (*problems, *vetoes):
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


def _make_plan(host: PluginHost, settings: RunSettings, parts: Chosen) -> Plan:
    """Return a plan of parts with their validated settings, not checked by plugins yet."""
    specs: list[Any] = [spec for _, spec in parts]
    made = list(zip(specs, parts_settings(host, settings, parts), strict=True))
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
