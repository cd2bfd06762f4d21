"""The part that a name means, if several distributions have one of that name.

In what a distribution carries (a preset, a model, the default of a setting), a name means that
distribution's part, or else the framework's, whatever parts other plugins have. In what a user
types, such a name is ambiguous, and `PluginHost.get` raises an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from stylize.contract.plan import RunSettings
from stylize.contract.spec import Kind, split_backbone_name
from stylize.discovery.scanning import canonical_name
from stylize.version import DISTRIBUTION

if TYPE_CHECKING:
    from stylize.discovery.host import PluginHost

__all__ = [
    "NAMES",
    "full_name",
    "in_words",
    "name_defaults",
    "name_parts",
    "plain_names",
    "short_name",
]

# Run settings that name a part.
NAMES = {
    "method": Kind.METHOD,
    "model": Kind.MODEL,
    "backbone": Kind.BACKBONE,
    "smooth": Kind.SMOOTHING,
    "content_loss": Kind.LOSS,
    "style_loss": Kind.LOSS,
}


def full_name(host: PluginHost, kind: Kind, name: str, *homes: str) -> str:
    """Return the name by which `host.get` finds a part: "acme:curve" if others have a "curve".

    Args:
        name: as in a setting; a backbone's with its tag.
        homes: the distributions that it may be of; the first that has such a part is taken.

    Returns: the name unchanged if none of them has it; it is then unknown or ambiguous.
    """
    distribution, _, bare = name.rpartition(":")
    short = split_backbone_name(bare)[0] if kind is Kind.BACKBONE else bare
    owned = {
        host.origin(spec).distribution: spec for spec in host.specs(kind) if spec.name == short
    }
    for home in (distribution,) if distribution else homes:
        if spec := owned.get(canonical_name(home)):
            return f"{host.key(spec)}{bare.removeprefix(short)}"
    return name


def short_name(name: str) -> str:
    """Return a part's name without its distribution, and a backbone's without its tag."""
    return split_backbone_name(name.rpartition(":")[2])[0]


def in_words(names: Iterable[str]) -> str:
    """Join names, each once, as a sentence does: "a", "a and b", "a, b and c"."""
    *others, last = dict.fromkeys(names)
    return f"{', '.join(others)} and {last}" if others else last


def name_parts(host: PluginHost, settings: Mapping[str, Any], *homes: str) -> dict[str, Any]:
    """Return run settings in which parts of some distributions are called by their full names.

    Args:
        settings: valid ones, by name; none are added.
        homes: as for `full_name`.
    """
    named: dict[str, Any] = {
        setting: full_name(host, kind, settings[setting], *homes)
        for setting, kind in NAMES.items()
        if settings.get(setting) is not None
    }
    if settings.get("image_loss"):
        losses = RunSettings.model_validate({"image_loss": settings["image_loss"]}).image_loss
        named["image_loss"] = {
            full_name(host, Kind.LOSS, name, *homes): weight
            for name, weight in (losses or {}).items()
        }
    return {**settings, **named}


def plain_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return run settings in which parts are called by their names alone, to compare settings.

    How the name of a part is written depends on what else is installed; the part does not.
    """
    plain = {
        setting: settings[setting].rpartition(":")[2]
        for setting in NAMES.keys() - {"model"}
        if setting in settings
    }
    if settings.get("image_loss"):
        losses = settings["image_loss"].items()
        plain["image_loss"] = {name.rpartition(":")[2]: weight for name, weight in losses}
    return {**settings, **plain}


def name_defaults(host: PluginHost, settings: RunSettings) -> RunSettings:
    """Return settings in which those not given mean the framework's parts.

    Settings that are given stay as ambiguous as they are, and still count as given.
    """
    everything = dict(settings)
    given = {name: everything[name] for name in settings.model_fields_set}
    named = {**name_parts(host, everything, DISTRIBUTION), **name_parts(host, given)}
    return RunSettings.model_construct(settings.model_fields_set, **named)
