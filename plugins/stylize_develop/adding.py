"""What a plugin adds: its parts, its hooks, its commands."""

from __future__ import annotations

from typing import Any

from entrypoints import EntryPoint
from typer.main import get_command

from stylize import PluginHost, PluginInfo
from stylize.command import build_app
from stylize.discovery.checking import API_ATTRIBUTE

__all__ = ["describe_plugin"]


def describe_plugin(info: PluginInfo) -> dict[str, Any]:
    """Return a plugin's API version, hooks, parts, and commands with their summaries.

    If it failed, return what is known.
    """
    described: dict[str, Any] = {
        "api": None,
        "hooks": [],
        "parts": [
            {"kind": str(spec.kind), "name": spec.name, "summary": spec.summary}
            for spec in info.specs
        ],
        "commands": {},
    }
    unread = info.failure and info.failure.stage in ("metadata", "import")
    if info.status == "disabled" or unread or not info.value:
        return described
    entry = EntryPoint.from_string(info.value, info.entry)
    plugin: Any = entry.load()  # as discovery did: it is imported already
    module = EntryPoint.from_string(entry.module_name, info.entry).load()
    described["api"] = getattr(plugin, API_ATTRIBUTE, getattr(module, API_ATTRIBUTE, None))
    described["hooks"] = [
        name
        for name in dir(plugin)
        if name.startswith("stylize_") and hasattr(getattr(plugin, name), "stylize_impl")
    ]
    if "stylize_commands" in described["hooks"]:
        described["commands"] = _commands(plugin, info)
    return described


def _commands(plugin: object, info: PluginInfo) -> dict[str, str]:
    """Return the commands that a plugin adds to the core's own."""
    host = PluginHost()
    core: Any = get_command(build_app(host))
    host.register(plugin, info.distribution, info.entry)
    group: Any = get_command(build_app(host))
    return {
        name: summary for name, summary in group.commands.summaries() if name not in core.commands
    }
