"""The plugin under test: probed in its own process, and registered."""

from __future__ import annotations

from types import ModuleType
from typing import Any, ClassVar

import pytest

from stylize.contract.spec import ComponentSpec
from stylize.discovery.host import PluginHost
from stylize.discovery.rows import PluginInfo
from stylize.testing.contract import Contract
from stylize.testing.hosts import builtin_host, load_plugin, register_plugin
from stylize.testing.probe import Probed, probe_plugin
from stylize.testing.worldstate import watch_world

__all__ = ["PluginUnderTest"]


class PluginUnderTest(Contract):
    """The subject of the tests of `PluginContract`."""

    plugin: ClassVar[str | ModuleType | None] = None
    import_seconds: ClassVar[float] = 20

    # One per class: a process and a registration that all tests share.
    _found: ClassVar[dict[object, Any]] = {}

    @property
    def title(self) -> str:
        plugin = self.plugin
        return f"plugin {plugin.__name__ if isinstance(plugin, ModuleType) else plugin}"

    @property
    def module_name(self) -> str:
        """The value of the entry point: "module" or "module:object"."""
        if isinstance(self.plugin, ModuleType):
            return self.plugin.__name__
        if not self.plugin:
            raise TypeError(f"{type(self).__name__} must set `plugin`, the plugin's module")
        return self.plugin

    @property
    def probed(self) -> Probed:
        """The results of importing it in its own process."""
        module = self.module_name
        key = ("probe", module, self.import_seconds)
        if isinstance(self.plugin, ModuleType) and not getattr(self.plugin, "__file__", None):
            pytest.skip("the plugin is in no file that another process could import")
        if key not in self._found:
            self._found[key] = probe_plugin(module, self.import_seconds)
        found: Probed = self._found[key]
        return found

    @property
    def loaded(self) -> object:
        """The plugin itself, imported here. Call this only if a process survived its import."""
        if isinstance(self.plugin, ModuleType):
            return self.plugin
        probed = self.probed
        if probed.stage == "import":
            pytest.skip("it cannot be imported")
        with watch_world():  # the probe reports its changes
            return load_plugin(self.module_name)

    @property
    def registered(self) -> tuple[PluginHost, PluginInfo]:
        """A host with the built-in plugins and this one, and its row."""
        loaded = self.loaded
        key = ("host", self.plugin)
        if key not in self._found:
            host = builtin_host()
            plugin = self.plugin if isinstance(self.plugin, ModuleType) else self.module_name
            assert loaded is not None
            self._found[key] = host, register_plugin(host, plugin)
        host, info = self._found[key]
        return host, info

    @property
    def specs(self) -> tuple[ComponentSpec, ...]:
        """The parts that it adds."""
        return self.registered[1].specs
