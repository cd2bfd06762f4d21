"""Plugins: found through entry points, and isolated from each other.

A plugin is one entry point of the group `stylize`. If one fails, its row gives the reason, not a
traceback: `PluginHost` continues with the rest, unless it is strict.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy
from entrypoints import EntryPoint

from stylize.contract import hookspecs
from stylize.contract.plan import Problem
from stylize.contract.run import Observer
from stylize.contract.settings import short
from stylize.contract.spec import BackboneSpec, ComponentSpec
from stylize.disabling import disabled_names, tell_misnamed
from stylize.discovery.checking import (
    SPEC_TYPES,
    call_hook,
    check_api,
    check_hooks,
    check_spec,
    listed,
)
from stylize.discovery.registry import LOG, PartRegistry
from stylize.discovery.rows import PluginInfo, Stage
from stylize.discovery.scanning import GROUP, canonical_name, scan_plugins
from stylize.errors import PluginError
from stylize.guests import guest

if TYPE_CHECKING:
    from stylize.contract.plan import Plan
    from stylize.contract.weights import WeightsSource

__all__ = ["STRICT_VARIABLE", "PluginHost"]

STRICT_VARIABLE = "STYLIZE_STRICT_PLUGINS"
Item = TypeVar("Item")
Call = Callable[..., Any]


class PluginHost(PartRegistry):
    """The plugins in use and the parts that they add. `PluginHost()` is empty and finds nothing.

    Args:
        strict: raise PluginError at the first failure instead of keeping it.
        disabled: entry points or distributions that `discover` does not load.
    """

    def __init__(self, *, strict: bool = False, disabled: Collection[str] = ()) -> None:
        super().__init__(strict=strict)
        self.disabled = frozenset(map(canonical_name, disabled))
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)
        self._rows: dict[str, int] = {}  # pluggy's plugin name -> number of its row

    @classmethod
    def discover(
        cls,
        strict: bool | None = None,
        disabled: Collection[str] | None = None,
        only: Collection[str] | None = None,
        loading: Callable[[PluginInfo], None] | None = None,
    ) -> PluginHost:
        """Return a host with all installed plugins, in the order of their names.

        Args:
            strict: default is whether STYLIZE_STRICT_PLUGINS=1.
            disabled: names of entry points, distributions or "distribution:entry"; default is
                the comma-separated STYLIZE_DISABLE_PLUGINS.
            only: names of distributions; no other's plugins are loaded.
            loading: called with each plugin before it is loaded, as that may take long.

        Raises: PluginError, if strict.
        """
        if strict is None:
            strict = os.environ.get(STRICT_VARIABLE, "0") not in ("", "0")
        host = cls(strict=strict, disabled=disabled_names() if disabled is None else disabled)
        for found in host._entry_points(only):
            if loading:
                loading(found)
            host._load(found)
        names = frozenset[str]().union(*(info.names for info in host.plugins))
        for told in tell_misnamed(host.disabled, names) if only is None else ():
            LOG.warning("%s", told)
        return host

    def register(
        self, plugin: object, distribution: str = "local", name: str | None = None
    ) -> PluginInfo:
        """Add a plugin object (a module or any object with hooks) and return its row.

        As with installed plugins, a failure is in the row, and is raised only if strict.
        """
        entry = name or str(getattr(plugin, "__name__", type(plugin).__name__))
        row = self._add_row(PluginInfo(canonical_name(distribution), entry=entry))
        try:
            check_api(plugin)
        except Exception as error:
            self._fail(row, "api", error)
        else:
            self._activate(row, plugin)
        return self._plugins[row]

    def unregister(self, plugin: PluginInfo) -> None:
        """Take out a plugin that `register` added, with its parts and failures.

        Raises: PluginError if the host has no such row.
        """
        rows = [row for row, info in self._plugins.items() if info.key == plugin.key]
        if not rows:
            raise PluginError(f"{plugin.key} is not registered: nothing to take out")
        gone = rows[-1]  # a second plugin of the same name has failed to register
        if self._rows.get(plugin.key) == gone:
            self._manager.unregister(name=plugin.key)
            del self._rows[plugin.key]
        del self._plugins[gone]
        self._failures = {at: failed for at, failed in self._failures.items() if at[0] != gone}

    # Hooks, called for one plugin at a time: pluggy itself stops at the first that raises.

    def weights_source(self, backbone: str, tag: str, home: str = "") -> WeightsSource | None:
        """Return where the weights `backbone.tag` come from, or None if no plugin says.

        Args:
            home: the backbone's distribution: others that have a backbone of this name would
                answer for their own, and are not asked.
        """
        alike = [spec for spec in self.specs(BackboneSpec) if spec.name == backbone and home]
        others = {self.origin(spec).distribution for spec in alike} - {home}

        def check(source: object) -> None:
            if not callable(getattr(source, "load", None)):
                raise PluginError(f"stylize_weights returned {short(source)}: it has no load()")

        source: WeightsSource | None = self.first(
            "weights", check, others, backbone=backbone, tag=tag
        )
        return source

    def check(self, plan: Plan) -> list[Problem]:
        """Return the problems that plugins find in a plan."""
        return self.gather("check", Problem, plan=plan)

    def observers(self, plan: Plan) -> list[Observer]:
        """Return the observers of one run."""
        # A protocol, which isinstance accepts.
        return self.gather("observers", Observer, plan=plan)  # type: ignore[type-abstract]

    def gather(self, stage: Stage, wanted: type[Item], **arguments: object) -> list[Item]:
        """Return the answers of all plugins to the hook of a stage."""
        found: list[Item] = []
        for call, isolated in self.hooks(stage):
            with isolated:
                found += listed(call(**arguments), wanted)
        return found

    def first(
        self,
        stage: Stage,
        check: Callable[[object], None],
        without: Collection[str] = (),
        **arguments: object,
    ) -> Any:
        """Return the first answer to the hook of a stage that is not None and passes a check.

        Args: without: distributions that are not asked.
        """
        for call, isolated in self.hooks(stage, without):
            with isolated:
                answer = call(**arguments)
                if answer is not None:
                    check(answer)
                    return answer
        return None

    def hooks(
        self, stage: Stage, without: Collection[str] = ()
    ) -> Iterator[tuple[Call, contextlib.AbstractContextManager[None]]]:
        """Yield the implementations of a stage's hook, each with a context that keeps its failure.

        In pluggy's order: tryfirst first, later registrations earlier.
        """
        for hook in reversed(getattr(self._manager.hook, f"stylize_{stage}").get_hookimpls()):
            if self._plugins[self._rows[hook.plugin_name]].distribution not in without:
                yield partial(call_hook, hook), self._isolated(hook, stage)

    @contextlib.contextmanager
    def _isolated(self, hook: pluggy.HookImpl, stage: Stage) -> Iterator[None]:
        try:
            with guest():
                yield
        except Exception as error:
            self._fail(self._rows[hook.plugin_name], stage, error)

    # From an installed distribution to an active plugin.

    def _entry_points(self, only: Collection[str] | None) -> list[PluginInfo]:
        """Return the rows of all entry points of our group, sorted; unreadable ones fail here."""
        found: list[PluginInfo] = []
        wanted = None if only is None else frozenset(map(canonical_name, only))
        for info, error in scan_plugins(wanted):
            if error:
                self._fail(self._add_row(info), "metadata", error)
            else:
                found.append(info)
        return sorted(found, key=lambda info: (info.distribution, info.entry))

    def _load(self, found: PluginInfo) -> None:
        row = self._add_row(found)
        if self.disabled.intersection(found.names):
            self._plugins[row] = replace(found, status="disabled")
            return
        stage: Stage = "metadata"
        try:
            entry = EntryPoint.from_string(found.value, found.entry)
            stage = "import"
            with guest():
                plugin = entry.load()
            stage = "api"
            check_api(plugin, sys.modules[entry.module_name])
        except Exception as error:
            self._fail(row, stage, error)
        else:
            self._activate(row, plugin)

    def _activate(self, row: int, plugin: object) -> None:
        """Register a plugin's hooks and parts: all of them, or none and a failure."""
        info = self._plugins[row]
        name = info.key
        stage: Stage = "register"
        if self._manager.has_plugin(name) or self._manager.is_registered(plugin):
            self._fail(row, stage, PluginError(f"{info.entry} is registered already"))
            return
        try:
            self._manager.register(plugin, name)
            self._manager.check_pending()
            check_hooks(self._manager.get_hookcallers(plugin), name)
            stage = "components"
            with guest():
                specs = self._components(info.distribution, name)
        except Exception as error:
            self._manager.unregister(plugin, name)
            self._fail(row, stage, error)
        else:
            self._rows[name] = row
            self._plugins[row] = replace(info, specs=specs)

    def _components(self, distribution: str, plugin_name: str) -> tuple[ComponentSpec, ...]:
        specs: list[ComponentSpec] = []
        for hook in self._manager.hook.stylize_components.get_hookimpls():
            if hook.plugin_name == plugin_name:
                specs += listed(call_hook(hook), SPEC_TYPES)
        siblings = [s for i in self.plugins if i.distribution == distribution for s in i.specs]
        claims = Counter((spec.kind, spec.name) for spec in [*siblings, *specs])
        for spec in specs:
            check_spec(spec)
            if claims[spec.kind, spec.name] > 1:
                raise PluginError(f"{spec.kind} {spec.name!r} is declared twice by {distribution}")
        return tuple(specs)
