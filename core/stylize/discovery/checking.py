"""What a plugin must meet to be accepted, and what its hooks may return."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import pluggy

from stylize.contract.settings import short
from stylize.contract.spec import (
    FILE_KINDS,
    BackboneSpec,
    ComponentSpec,
    LossSpec,
    MethodSpec,
    ModelSpec,
    PresetSpec,
    SmoothingSpec,
)
from stylize.errors import PluginError

__all__ = [
    "API_ATTRIBUTE",
    "PLUGIN_API",
    "REFERENCES",
    "SPEC_TYPES",
    "call_hook",
    "check_api",
    "check_hooks",
    "check_spec",
    "listed",
]

PLUGIN_API = 1
Item = TypeVar("Item")
API_ATTRIBUTE = "STYLIZE_PLUGIN_API"
SPEC_TYPES = (BackboneSpec, SmoothingSpec, LossSpec, MethodSpec, ModelSpec, PresetSpec)
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
DOTTED = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
REFERENCES = {
    "module:object": re.compile(f"{DOTTED}:{DOTTED}"),
    "package:file": re.compile(f"{DOTTED}:.+"),
}


def check_api(plugin: object, module: object = None) -> None:
    """Raise PluginError unless a plugin declares that it is made for this API."""
    version = getattr(plugin, API_ATTRIBUTE, getattr(module, API_ATTRIBUTE, None))
    if version is None:
        raise PluginError(f"it does not say {API_ATTRIBUTE} = {PLUGIN_API}: add it to the module")
    if version != PLUGIN_API:
        raise PluginError(
            f"{API_ATTRIBUTE} is {short(version)}, this stylize has {PLUGIN_API}: "
            f"install versions that fit each other"
        )


def check_hooks(callers: Sequence[pluggy.HookCaller] | None, plugin_name: str) -> None:
    """Raise PluginError unless a plugin has hooks, all of which can be called one by one."""
    if not callers:
        raise PluginError("it implements no hook: mark its functions with stylize.hookimpl")
    for caller in callers:
        for hook in caller.get_hookimpls():
            if hook.plugin_name == plugin_name and (hook.wrapper or hook.hookwrapper):
                raise PluginError(f"{caller.name} is a hook wrapper, which stylize does not call")


def check_spec(spec: ComponentSpec) -> None:
    """Raise PluginError unless a spec's names and references have the right form."""
    tags = [weights.tag for weights in spec.weights] if isinstance(spec, BackboneSpec) else []
    for name in (spec.name, *tags):
        if not (isinstance(name, str) and NAME.fullmatch(name)):
            raise PluginError(
                f"{spec.kind} {short(spec.name)}: {short(name)} is not lower_snake_case "
                f"that starts with a letter"
            )
    if len(tags) > len(set(tags)):
        raise PluginError(f"{spec.kind} {spec.name!r} has two weights with one tag")
    form = "package:file" if spec.kind in FILE_KINDS else "module:object"
    _check_reference(spec, "factory", spec.factory, form)
    if spec.settings is not None:
        _check_reference(spec, "settings", spec.settings, "module:object")


def _check_reference(spec: ComponentSpec, what: str, reference: object, form: str) -> None:
    if not (isinstance(reference, str) and REFERENCES[form].fullmatch(reference)):
        raise PluginError(f"{spec.kind} {spec.name!r}: {what} {short(reference)} is not {form!r}")


def call_hook(hook: pluggy.HookImpl, **arguments: object) -> Any:
    """Call one implementation with the arguments that it takes."""
    return hook.function(*(arguments[name] for name in hook.argnames))


def listed(answer: object, wanted: type[Item] | tuple[type[Item], ...]) -> list[Item]:
    """Return a hook's answer as a list of the wanted type. Raises: PluginError."""
    names = " or ".join(t.__name__ for t in (wanted if isinstance(wanted, tuple) else (wanted,)))
    if not isinstance(answer, Iterable) or isinstance(answer, str | Mapping):
        raise PluginError(f"the hook returned {short(answer)}, not an iterable of {names}")
    items = list(answer)
    for item in items:
        if not isinstance(item, wanted):
            raise PluginError(f"the hook returned {short(item)}, which is no {names}")
    return items
