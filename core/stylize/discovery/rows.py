"""What is known about each plugin: whether it works, why not, and what it adds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from stylize.contract.spec import ComponentSpec
from stylize.guests import canonical_name

__all__ = ["PluginFailure", "PluginInfo", "Stage", "Status"]

Stage = Literal[
    "metadata",
    "import",
    "api",
    "register",
    "components",
    "check",
    "observers",
    "commands",
    "weights",
    "rerun",
]
Status = Literal["ok", "failed", "disabled"]


@dataclass(frozen=True)
class PluginFailure:
    """Why a plugin does not work; `str()` is the one line to show.

    Args:
        distribution: normalised name, or the metadata folder if even that is unreadable.
        entry: name of the entry point, "" if the metadata cannot be read.
        stage: what the plugin failed at.
        message: one line.
        exception: the cause, for `--debug`.
    """

    distribution: str
    version: str
    entry: str
    stage: Stage
    message: str
    exception: BaseException | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        entry = f" ({self.entry})" if self.entry else ""
        plugin = f"{self.distribution} {self.version}".strip() + entry
        return f"plugin {plugin} failed at {self.stage}: {self.message}"


@dataclass(frozen=True)
class PluginInfo:
    """A row of `stylize plugins list`.

    Args:
        distribution: normalised name (PEP 503).
        entry: name of the entry point.
        value: the module, or "module:object", that it names.
        status: "failed" even if only a hook call failed; `specs` are then still usable.
        failure: the first one.
        specs: the parts that it adds.
    """

    distribution: str
    version: str = ""
    entry: str = ""
    value: str = ""
    status: Status = "ok"
    failure: PluginFailure | None = None
    specs: tuple[ComponentSpec, ...] = ()

    @property
    def key(self) -> str:
        """Both its names: "distribution:entry"."""
        return f"{self.distribution}:{self.entry}"

    @property
    def names(self) -> frozenset[str]:
        """Its names for STYLIZE_DISABLE_PLUGINS: entry point, distribution, and both."""
        return frozenset(map(canonical_name, (self.entry, self.distribution, self.key)))
