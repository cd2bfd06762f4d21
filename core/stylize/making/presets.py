"""Presets: named, cited settings in TOML files of plugins."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from stylize.contract.plan import RunSettings
from stylize.contract.settings import Settings, parse_settings
from stylize.contract.spec import PresetSpec, split_backbone_name
from stylize.errors import PluginError, StylizeError
from stylize.files import package_file
from stylize.naming.names import name_parts, short_name
from stylize.planning.planning import make_settings
from stylize.version import DISTRIBUTION

if TYPE_CHECKING:
    from stylize.discovery.host import PluginHost

__all__ = ["Preset", "load_preset", "merge_settings"]
# Settings that name a part.
PARTS = "method", "backbone", "smooth", "content_loss", "style_loss"


class Preset(Settings):
    """A preset file."""

    summary: str = Field(description="One line.")
    citation: str = Field(description="Where the settings are from.")
    settings: dict[str, Any] = Field(description="Run settings that differ from the defaults.")
    training: dict[str, Any] = Field(
        default_factory=dict,
        description="Training settings that differ from the defaults; `stylize train` reads them.",
    )

    @property
    def trains(self) -> bool:
        """Whether it is for `stylize train`."""
        return bool(self.training)


def load_preset(host: PluginHost, name: str) -> Preset:
    """Read a registered preset and validate its settings.

    Its parts are those of its own distribution, or else the framework's, even if other plugins
    have parts with these names.

    Raises: UnknownNameError; PluginError if the file is missing or wrong.
    """
    spec = host.get(PresetSpec, name)
    try:
        text = package_file(spec.factory).read_text(encoding="utf-8")
        preset = Preset.model_validate(tomllib.loads(text))
        make_settings(preset.settings, host)
        home = host.origin(spec).distribution
        named = name_parts(host, preset.settings, home, DISTRIBUTION)
    except (OSError, ValueError, StylizeError) as error:
        reason = " ".join(str(error).split())
        raise PluginError(f"preset {name} ({spec.factory}) cannot be used: {reason}") from error
    return preset.model_copy(update={"settings": named})


def merge_settings(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay explicit settings over a preset's; part options merge key by key.

    If another part replaces a part, the options of the replaced one are dropped: a preset's
    options of softmax mean nothing for `--smooth none`.

    Raises: SettingsError for explicit options that are not settings by part.
    """
    replaced = set(_replaced(base, over))
    options = {
        part: dict(values)
        for part, values in base.get("options", {}).items()
        if part not in replaced
    }
    given = {"options": over.get("options", {})}
    for part, values in parse_settings(RunSettings, given).options.items():
        options.setdefault(part, {}).update(values)
    merged = {**base, **over}
    return {**merged, "options": options} if "options" in merged else merged


def _replaced(base: Mapping[str, Any], over: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts that `base` names, or has by default, and `over` replaces."""
    for setting in PARTS:
        before = str(base.get(setting, RunSettings.model_fields[setting].default))
        after = str(over.get(setting, before))
        if split_backbone_name(after)[0] != split_backbone_name(before)[0]:
            yield short_name(before)
