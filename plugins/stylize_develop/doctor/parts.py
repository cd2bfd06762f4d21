"""Faults of the parts that plugins declare: names, settings, presets, factories."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stylize import (
    BackboneSpec,
    ComponentSpec,
    Kind,
    PluginHost,
    PluginInfo,
    find_model,
    load_preset,
)
from stylize.errors import ExtraMissingError, StylizeError
from stylize_develop.doctor.finding import Finding, advice, problem
from stylize_develop.doctor.remedies import report_it

__all__ = [
    "check_collisions",
    "check_command",
    "check_factory",
    "check_settings",
    "check_weights",
    "registered",
]


def registered(host: PluginHost) -> list[tuple[PluginInfo, ComponentSpec]]:
    """Return all parts with the plugins that add them."""
    return [(info, spec) for info in host.plugins for spec in info.specs]


def check_collisions(host: PluginHost) -> Iterator[Finding]:
    """Yield the names that several distributions claim: the short name is then rejected."""
    claims: dict[tuple[Kind, str], list[str]] = {}
    for info, spec in registered(host):
        claims.setdefault((spec.kind, spec.name), []).append(info.distribution)
    for (kind, name), distributions in claims.items():
        if len(distributions) > 1:
            forms = " or ".join(f"{distribution}:{name}" for distribution in distributions)
            yield problem(
                f"{kind} {name}",
                f"is in {' and '.join(distributions)}, so that {name} alone is refused",
                f"write {forms}, or uninstall the one that you do not use",
            )


def check_settings(host: PluginHost, info: PluginInfo, spec: ComponentSpec) -> Iterator[Finding]:
    """Import a part's settings, or read the file of a preset or a model."""
    name = f"{info.distribution}:{spec.name}"
    try:
        if spec.kind is Kind.PRESET:
            load_preset(host, name)
        elif spec.kind is Kind.MODEL:
            find_model(host, name)
        else:
            host.settings_model(spec)
    except StylizeError as error:
        yield _unusable(info, f"{spec.kind} {spec.name}", error)


def check_factory(host: PluginHost, info: PluginInfo, spec: ComponentSpec) -> Iterator[Finding]:
    """Import the factory of a part."""
    try:
        factory = host.load_object(spec.factory)
    except ExtraMissingError as error:
        yield advice(f"{spec.kind} {spec.name}", str(error), "install that, if the part is wanted")
    except StylizeError as error:
        yield _unusable(info, f"{spec.kind} {spec.name}", error)
    else:
        if not callable(factory):
            yield problem(
                f"{spec.kind} {spec.name}",
                f"cannot be made: {spec.factory!r} is not callable",
                report_it(info),
            )


def check_weights(host: PluginHost, info: PluginInfo, spec: BackboneSpec) -> Iterator[Finding]:
    """Read the weights that a plugin carries."""
    from stylize.building.weights import resolve_weights  # imports torch

    for weights in spec.weights:
        try:
            if weights.embedded:
                resolve_weights(host, spec, weights.tag).load()
        except StylizeError as error:
            yield _unusable(info, f"weights {spec.name}.{weights.tag}", error)


def check_command(commands: Mapping[str, object], info: PluginInfo, name: str) -> Iterator[Finding]:
    """Import a command, by looking it up."""
    try:
        commands[name]
    except ExtraMissingError as error:
        yield advice(f"command {name}", str(error), "install that, if the command is wanted")
    except StylizeError as error:
        yield _unusable(info, f"command {name}", error)


def _unusable(info: PluginInfo, name: str, error: StylizeError) -> Finding:
    message = str(error).removeprefix(f"{name}: ")
    return problem(name, f"of {info.distribution} cannot be used: {message}", report_it(info))
