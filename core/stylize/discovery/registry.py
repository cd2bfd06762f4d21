"""The parts that plugins add, by name, and the objects that their specs refer to."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import count
from typing import Any, TypeVar, overload

from entrypoints import EntryPoint

from stylize.contract.settings import Settings, parse_settings
from stylize.contract.spec import ComponentSpec, Kind
from stylize.disabling import tell_disabled
from stylize.discovery.checking import REFERENCES
from stylize.discovery.rows import PluginFailure, PluginInfo, Stage
from stylize.discovery.scanning import canonical_name
from stylize.errors import PluginError, StylizeError, UnknownNameError
from stylize.guests import guest, one_line

__all__ = ["PartRegistry"]

LOG = logging.getLogger("stylize")
Spec = TypeVar("Spec", bound=ComponentSpec)


class PartRegistry:
    """Plugins in the order in which they were added, and their parts, by name.

    Args:
        strict: raise PluginError at the first failure instead of keeping it.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self._plugins: dict[int, PluginInfo] = {}  # by number of row, in their order
        self._numbers = count()
        self._failures: dict[tuple[int, Stage], PluginFailure] = {}

    @property
    def plugins(self) -> tuple[PluginInfo, ...]:
        """All plugins that were found: working, failed and disabled."""
        return tuple(self._plugins.values())

    @property
    def failures(self) -> tuple[PluginFailure, ...]:
        """What failed so far, oldest first; at most once per plugin and stage."""
        return tuple(self._failures.values())

    @overload
    def specs(self, kind: type[Spec]) -> list[Spec]: ...
    @overload
    def specs(self, kind: Kind) -> list[ComponentSpec]: ...
    def specs(self, kind: Any) -> list[Any]:
        """Return all parts of a kind, as `Kind.LOSS` or `LossSpec`, sorted by name."""
        return [spec for _, spec in self._parts(kind)]

    def names(self, kind: Kind | type[ComponentSpec], pattern: str | None = None) -> list[str]:
        """Return the names that `get` takes, sorted; only those that match a shell pattern.

        A short name that several distributions claim is listed as `distribution:name`.
        """
        keyed = [(spec.name, self.key(spec)) for _, spec in self._parts(kind)]
        pattern = "*" if pattern is None else pattern
        return [key for name, key in keyed if any(fnmatchcase(n, pattern) for n in (name, key))]

    @overload
    def get(self, kind: type[Spec], name: str) -> Spec: ...
    @overload
    def get(self, kind: Kind, name: str) -> ComponentSpec: ...
    def get(self, kind: Any, name: str) -> Any:
        """Return the part of a kind, as `Kind.LOSS` or `LossSpec`, by `name` or
        `distribution:name`.

        Raises: UnknownNameError; PluginError for a short name of several distributions.
        """
        distribution, colon, short_name = name.rpartition(":")
        found = [(info, spec) for info, spec in self._parts(kind) if spec.name == short_name]
        if colon:
            found = [pair for pair in found if pair[0].distribution == canonical_name(distribution)]
        if not found:
            raise self.note_disabled(UnknownNameError(_kind(kind), name, self.names(kind)))
        if len(found) > 1:
            forms = " or ".join(f"{info.distribution}:{spec.name}" for info, spec in found)
            raise PluginError(f"{_kind(kind)} {name!r} is in several distributions: write {forms}")
        return found[0][1]

    @property
    def disabled_plugins(self) -> list[str]:
        """The keys of the plugins that are disabled."""
        return [info.key for info in self.plugins if info.status == "disabled"]

    def note_disabled(self, error: StylizeError) -> StylizeError:
        """Return an error about a name with a note of the plugins that are disabled."""
        if self.disabled_plugins:
            error.add_note(tell_disabled(self.disabled_plugins))
        return error

    def origin(self, spec: ComponentSpec) -> PluginInfo:
        """Return the plugin that added a part.

        Raises: PluginError for a part that this host does not have.
        """
        for info, known in self._parts(spec.kind):
            if known is spec:
                return info
        raise PluginError(f"{spec.kind} {spec.name!r} is not registered: register its plugin first")

    def key(self, spec: ComponentSpec) -> str:
        """Return the name to record for a part: the short one if no other part has it."""
        origin = self.origin(spec)
        claims = Counter(known.name for _, known in self._parts(spec.kind))
        return spec.name if claims[spec.name] == 1 else f"{origin.distribution}:{spec.name}"

    def title(self, spec: ComponentSpec) -> str:
        """Return a part's name for messages, "smoothing power of acme-power"."""
        return f"{spec.kind} {spec.name} of {self.origin(spec).distribution}"

    # What specs refer to.

    def load_object(self, reference: str) -> Any:
        """Import what a spec's "module:object" names; the object may be dotted.

        Raises: PluginError; a StylizeError of the module itself (a missing extra, say) passes.
        """
        with guest(lambda: f"{self._user(reference)}cannot load {reference!r}"):
            if not REFERENCES["module:object"].fullmatch(reference):
                raise ValueError("it is not of the form 'module:object'")
            return EntryPoint.from_string(reference, reference).load()

    def _user(self, reference: str) -> str:
        parts = (spec for info in self.plugins for spec in info.specs)
        using = (spec for spec in parts if reference in (spec.factory, spec.settings))
        return next((f"{spec.kind} {self.key(spec)}: " for spec in using), "")

    def settings_model(self, spec: ComponentSpec) -> type[Settings] | None:
        """Return the model of a part's settings, or None if it has none.

        Raises: PluginError if it cannot be imported or is no Settings.
        """
        if spec.settings is None:
            return None
        model = self.load_object(spec.settings)
        if not (isinstance(model, type) and issubclass(model, Settings)):
            raise PluginError(
                f"settings of {spec.kind} {self.key(spec)}: {spec.settings!r} is no subclass of "
                f"stylize.Settings: report it to the author of "
                f"{self.origin(spec).distribution}"
            )
        return model

    def make_settings(self, spec: ComponentSpec, values: Mapping[str, object]) -> Settings | None:
        """Return a part's validated settings, or None if it has none.

        Args:
            values: by field; text is read as `--set` means it ("0.5", "yes", "a,b", "a=1,b=2").

        Raises: UnknownNameError for a field that does not exist; SettingsError for a bad value.
        """
        model = self.settings_model(spec)
        if model is None:
            if values:
                raise UnknownNameError(f"setting of {self.key(spec)}", next(iter(values)), ())
            return None
        with guest(lambda: f"settings of {self.title(spec)}"):
            return parse_settings(model, values, self.key(spec))

    def _parts(self, kind: Kind | type[ComponentSpec]) -> list[tuple[PluginInfo, ComponentSpec]]:
        kind = _kind(kind)
        parts = [(info, s) for info in self.plugins for s in info.specs if s.kind is kind]
        return sorted(parts, key=lambda part: (part[1].name, part[0].distribution))

    def _add_row(self, info: PluginInfo) -> int:
        row = next(self._numbers)
        self._plugins[row] = info
        return row

    def _fail(self, row: int, stage: Stage, error: BaseException) -> None:
        info = self._plugins[row]
        failure = PluginFailure(
            info.distribution, info.version, info.entry, stage, one_line(error), error
        )
        # A check that fails stops the run, and is reported as its error.
        if not (self.strict or stage == "check" or (row, stage) in self._failures):
            LOG.warning("%s", failure)
        self._failures.setdefault((row, stage), failure)
        self._plugins[row] = replace(info, status="failed", failure=info.failure or failure)
        if self.strict:
            raise PluginError(str(failure)) from error


def _kind(kind: Kind | type[ComponentSpec]) -> Kind:
    return kind if isinstance(kind, Kind) else kind.kind
