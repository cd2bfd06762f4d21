"""The commands that plugins add."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import typer
from typer.main import get_group

from stylize.discovery.host import PluginHost
from stylize.errors import PluginError

__all__ = ["add_plugin_commands"]


def add_plugin_commands(host: PluginHost, app: typer.Typer) -> None:
    """Let plugins add commands; all or none of a plugin's, and never one that exists."""
    taken = set(_names(app, app.registered_commands, app.registered_groups))
    for call, isolated in host.hooks("commands"):
        commands, groups = list(app.registered_commands), list(app.registered_groups)
        with isolated:
            try:
                call(app=app)
                added = _names(
                    app,
                    app.registered_commands[len(commands) :],
                    app.registered_groups[len(groups) :],
                )
                if twice := sorted(taken.intersection(added)):
                    raise PluginError(f"command {twice[0]!r} exists: disable one of the two")
            except BaseException:
                app.registered_commands, app.registered_groups = commands, groups
                raise
            taken.update(added)


def _names(app: typer.Typer, commands: Sequence[Any], groups: Sequence[Any]) -> Collection[str]:
    """Return the names of commands, building them: one that cannot be built must fail here."""
    probe = typer.Typer(rich_markup_mode=app.rich_markup_mode)
    probe.registered_commands, probe.registered_groups = list(commands), list(groups)
    built = get_group(probe).commands
    if len(built) < len(commands) + len(groups):
        raise PluginError("two of its commands have one name, or a group has none")
    return built.keys()
