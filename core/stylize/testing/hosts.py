"""Hosts for tests: the built-in plugins alone, and temporary plugins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module, metadata
from types import ModuleType
from typing import Any

from stylize.contract.hookspecs import hookimpl
from stylize.contract.spec import ComponentSpec
from stylize.discovery.checking import PLUGIN_API
from stylize.discovery.host import PluginHost
from stylize.discovery.rows import PluginInfo
from stylize.discovery.scanning import GROUP, canonical_name
from stylize.errors import PluginError

__all__ = [
    "BUILT_IN",
    "builtin_host",
    "load_plugin",
    "plugin_module",
    "register_plugin",
    "temporary_plugin",
]

BUILT_IN = "stylize-nst"


def builtin_host(*, strict: bool = False) -> PluginHost:
    """Return a host with the plugins that stylize includes, and no other installed ones."""
    host = PluginHost(strict=strict)
    for entry in sorted(metadata.distribution(BUILT_IN).entry_points.select(group=GROUP)):
        host.register(entry.load(), BUILT_IN, entry.name)
    return host


def register_plugin(host: PluginHost, plugin: str | ModuleType) -> PluginInfo:
    """Register a plugin by its module, or the module's name, and return its row.

    If the host already has it, as for a built-in one, it keeps its row.
    """
    name = plugin if isinstance(plugin, str) else plugin.__name__
    for entry in metadata.entry_points(group=GROUP, value=name):
        distribution = canonical_name(entry.dist.name) if entry.dist else "local"
        for info in host.plugins:
            if (info.distribution, info.entry) == (distribution, entry.name):
                return info
        return host.register(load_plugin(plugin), distribution, entry.name)
    return host.register(load_plugin(plugin), name=name.rpartition(".")[2])


def load_plugin(plugin: str | ModuleType) -> object:
    """Import a plugin by name: "module" or "module:object"."""
    if isinstance(plugin, ModuleType):
        return plugin
    module, _, attributes = plugin.partition(":")
    found: object = import_module(module)
    for attribute in filter(None, attributes.split(".")):
        found = getattr(found, attribute)
    return found


def plugin_module(name: str, specs: Iterable[ComponentSpec], **objects: object) -> ModuleType:
    """Make a plugin module from specs, without a file.

    Args:
        objects: further attributes of the module.
    """
    module = ModuleType(name)
    components = list(specs)

    def stylize_components() -> list[ComponentSpec]:
        return components

    contents: dict[str, Any] = {
        "STYLIZE_PLUGIN_API": PLUGIN_API,
        "stylize_components": hookimpl(stylize_components),
        **objects,
    }
    vars(module).update(contents)
    return module


@contextmanager
def temporary_plugin(
    host: PluginHost,
    plugin: str | ModuleType | ComponentSpec | Iterable[ComponentSpec],
    *,
    name: str = "temporary",
) -> Iterator[PluginInfo]:
    """Register a plugin in a host for the length of a `with`, and yield its row.

    Args:
        plugin: a plugin module or its name, or specs of parts.
        name: of the plugin, if it is made from specs.

    Raises: PluginError if the plugin cannot be registered.
    """
    if isinstance(plugin, ComponentSpec):
        plugin = [plugin]
    if not isinstance(plugin, str | ModuleType):
        plugin = plugin_module(name, plugin)
    before = len(host.plugins)
    try:
        info = register_plugin(host, plugin)
        if info.failure is not None:
            raise PluginError(str(info.failure)) from info.failure.exception
        yield info
    finally:
        for added in host.plugins[before:]:
            host.unregister(added)
