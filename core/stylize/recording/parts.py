"""The parts of a run as records describe them, and how today's differ from those recorded."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stylize.contract.plan import Plan
from stylize.contract.settings import Settings
from stylize.contract.spec import ComponentSpec, Kind
from stylize.disabling import tell_disabled
from stylize.errors import ExtraMissingError
from stylize.modelfile import ModelFile, PartRecord
from stylize.naming.names import NAMES, full_name, in_words, name_parts, short_name
from stylize.version import DISTRIBUTION

if TYPE_CHECKING:
    from stylize.discovery.host import PluginHost

__all__ = ["CUSTOM", "MODEL", "describe_parts", "name_recorded", "part_changes", "tell_changes"]

LOG = logging.getLogger("stylize")
# The role of a model that a plugin carries.
MODEL = "model"
# The distribution of a part that was an object of the user's program, not a plugin's.
CUSTOM = "custom"
# Roles that differ from the run setting that names the part.
ROLES = {"smooth": "smoothing"}
# The parts that count when a model is applied: losses belong to its training.
APPLIED = frozenset({"method", "backbone", "smoothing"})


def describe_parts(host: PluginHost, plan: Plan) -> dict[str, PartRecord]:
    """Return the parts of a plan by the roles of `Plan.parts`: distribution, version, code.

    If a trained model is applied, the losses of its training are left out, and the model is
    included if a plugin carries it. A method that needs no features is recorded alone.
    """
    roles = plan.parts.keys() if plan.model is None else APPLIED
    if not plan.method.needs_features:
        roles = frozenset({"method"})
    found = {
        role: _describe(host, spec, settings)
        for role, (spec, settings) in plan.parts.items()
        if role in roles
    }
    model = plan.model
    if model is not None and model.distribution:
        versions = {info.distribution: info.version for info in host.plugins}
        found[MODEL] = PartRecord(
            kind=Kind.MODEL,
            name=model.name.rpartition(":")[2],
            distribution=model.distribution,
            version=versions.get(model.distribution, ""),
            code=model.fingerprint(),
        )
    return found


def _describe(host: PluginHost, spec: ComponentSpec, settings: Settings | None) -> PartRecord:
    from stylize.recording.code import fingerprint_code  # --help does not need it

    origin = host.origin(spec)
    return PartRecord(
        kind=spec.kind,
        name=spec.name,
        distribution=origin.distribution,
        version=origin.version,
        code=fingerprint_code(spec),
        settings=settings.model_dump(mode="json") if settings else {},
    )


def part_changes(before: Mapping[str, PartRecord], now: Mapping[str, PartRecord]) -> list[str]:
    """Return which recorded parts now have another distribution, version or code.

    One line for those that changed alike: "smoothing power was of acme 1.0 and is of acme 1.1 now".
    """
    alike: dict[tuple[str, str], dict[str, None]] = {}
    for role, old in before.items():
        new = now.get(role)
        if new is None:
            continue
        was, now_of = (f"{part.distribution} {part.version}".strip() for part in (old, new))
        if was != now_of or old.code != new.code:
            alike.setdefault((was, now_of), {})[old.title] = None
    return [_tell_change(list(titles), was, now_of) for (was, now_of), titles in alike.items()]


def _tell_change(titles: Sequence[str], was: str, now: str) -> str:
    have, were, are = ("have", "were", "are") if len(titles) > 1 else ("has", "was", "is")
    if was == now:
        return f"{in_words(titles)} of {was} {have} other code now"
    return f"{in_words(titles)} {were} of {was} and {are} of {now} now"


def tell_changes(model: ModelFile, now: Mapping[str, PartRecord]) -> None:
    """Warn of changed parts through which a trained model sees its pictures.

    The framework's own are left out: each release applies the models of earlier ones.
    """
    trained = model.header.parts
    strange = {role: part for role, part in trained.items() if part.distribution != DISTRIBUTION}
    for change in part_changes(strange, now):
        LOG.warning("%s, since model %s was trained: pictures may differ", change, model.name)


def name_recorded(
    host: PluginHost, settings: Mapping[str, Any], parts: Mapping[str, PartRecord], *, made: str
) -> dict[str, Any]:
    """Return recorded run settings in which each part is called as it is here.

    Args:
        settings: by name; parts that are not in `parts` are the framework's, if it has them.
        parts: by role.
        made: begins the message, such as "model dunes was trained with".

    Raises: ExtraMissingError for a part whose distribution is not installed.
    """
    named = name_parts(host, settings, DISTRIBUTION)
    for setting, kind in NAMES.items():
        part = parts.get(ROLES.get(setting, setting))
        name = str(settings.get(setting))
        if part is not None and part.name == short_name(name):
            named[setting] = _recorded_name(host, kind, name, part, made)
    if named.get("image_loss"):
        named["image_loss"] = {
            _recorded_name(host, Kind.LOSS, name, parts[short], made)
            if (short := short_name(name)) in parts
            else name: weight
            for name, weight in named["image_loss"].items()
        }
    return named


def _recorded_name(host: PluginHost, kind: Kind, name: str, part: PartRecord, made: str) -> str:
    """Return a recorded part's name here. Raises: ExtraMissingError."""
    owners = {host.origin(spec).distribution for spec in host.specs(kind) if spec.name == part.name}
    if part.distribution == CUSTOM and CUSTOM not in owners:
        raise ExtraMissingError(
            f"{made} {part.title} of a Python program, which no record holds: run that program "
            f"again"
        )
    if part.distribution not in owners:
        found = f"{made} {part.title} of {part.distribution} {part.version}"
        home = f"{part.distribution}:"
        if disabled := [key for key in host.disabled_plugins if key.startswith(home)]:
            raise ExtraMissingError(f"{found}, and {tell_disabled(disabled)}")
        raise ExtraMissingError(
            f"{found}, which is not installed here: install it, as by pip install "
            f"{part.distribution}=={part.version}"
        )
    return full_name(host, kind, f"{part.distribution}:{name.rpartition(':')[2]}")
