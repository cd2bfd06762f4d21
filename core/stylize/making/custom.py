"""Smoothings and losses that are objects of the caller's program, not parts of a plugin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stylize.contract.protocols import Loss
from stylize.contract.settings import short
from stylize.contract.spec import ComponentSpec, LossSpec, Role, SmoothingSpec
from stylize.discovery.host import PluginHost
from stylize.discovery.rows import PluginInfo
from stylize.errors import UsageError
from stylize.recording.parts import CUSTOM

__all__ = ["take_objects"]

# The form of each setting that may be an object, for messages.
WANTED = {
    "smooth": "a function of features (N, C, H, W)",
    "content_loss": "an object with role, additive, statistics and distance",
    "style_loss": "an object with role, additive, statistics and distance",
}


class _CustomHost(PluginHost):
    """The plugins of another host, and objects as parts of the distribution `custom`."""

    def __init__(self, host: PluginHost, parts: Mapping[str, tuple[ComponentSpec, object]]) -> None:
        vars(self).update(vars(host))
        specs = tuple(spec for spec, _ in parts.values())
        row = PluginInfo(CUSTOM, entry=CUSTOM, value=CUSTOM, specs=specs)
        self._plugins = {**host._plugins, -1: row}
        self._objects = {spec.factory: part for spec, part in parts.values()}

    def key(self, spec: ComponentSpec) -> str:
        """Return the name to record for a part; an object's always starts with `custom:`."""
        own = spec.factory in self._objects
        return f"{CUSTOM}:{spec.name}" if own else super().key(spec)

    def load_object(self, reference: str) -> Any:
        """Return the object that a spec names, or import it."""
        if reference in self._objects:
            return lambda *_: self._objects[reference]
        return super().load_object(reference)


def take_objects(
    host: PluginHost, settings: Mapping[str, object]
) -> tuple[PluginHost, dict[str, object]]:
    """Return settings with names in place of objects, and a host that knows these names.

    An object is named after its `__name__`, or its class's: `custom:my_smoothing`.

    Raises: UsageError for an object that is not a smoothing or loss.
    """
    parts: dict[str, tuple[ComponentSpec, object]] = {}
    for setting, wanted in WANTED.items():
        part = settings.get(setting)
        if part is None or isinstance(part, str):
            continue
        fits = callable(part) if setting == "smooth" else isinstance(part, Loss)
        if isinstance(part, type) or not fits:
            raise UsageError(f"{setting} is {short(part)}: use a name, or {wanted}")
        name = _name(part)
        if name in (spec.name for spec, _ in parts.values()):
            name = f"{name}_{setting}"
        # A form that no module can have.
        factory = f"<{setting}>:{name}"
        if isinstance(part, Loss) and setting != "smooth":
            spec: ComponentSpec = LossSpec(name, factory, role=Role(part.role))
        else:
            spec = SmoothingSpec(name, factory, pointwise=bool(getattr(part, "pointwise", False)))
        parts[setting] = spec, part
    if not parts:
        return host, dict(settings)
    names = {setting: f"{CUSTOM}:{spec.name}" for setting, (spec, _) in parts.items()}
    return _CustomHost(host, parts), {**settings, **names}


def _name(part: object) -> str:
    """Return an object's name in lower_snake_case."""
    given = str(getattr(part, "__name__", type(part).__name__))
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", given)
    return words.strip("_").lower() or "part"
