"""The commands that plugins add."""

from __future__ import annotations

import copy
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
        with isolated:
            # A copy: what a plugin takes away, or fails to add, is lost there.
            given = copy.copy(app)
            given.info = copy.copy(app.info)
            given.registered_commands = list(app.registered_commands)
            given.registered_groups = list(app.registered_groups)
            call(app=given)
            commands, groups = _added(app, given)
            added = _names(app, commands, groups)
            if twice := sorted(taken.intersection(added)):
                raise PluginError(f"command {twice[0]!r} exists: disable one of the two")
            if len(both := _defaults([*app.registered_commands, *commands])) > 1:
                raise PluginError(
                    f"{both[0]!r} is the default command already: add {both[1]!r} without default"
                )
            taken.update(added)
            app.registered_commands += commands
            app.registered_groups += groups


def _added(app: typer.Typer, given: typer.Typer) -> tuple[list[Any], list[Any]]:
    """Return the commands and groups that a plugin has put behind those that there were.

    Raises: PluginError where it has changed anything else.
    """
    found: list[list[Any]] = []
    for before, now in (
        (app.registered_commands, given.registered_commands),
        (app.registered_groups, given.registered_groups),
    ):
        if [id(each) for each in now[: len(before)]] != [id(each) for each in before]:
            raise PluginError("it takes away commands of others: add_command adds its own")
        found.append(now[len(before) :])
    ours, theirs = vars(app), vars(given)
    own = {"registered_commands", "registered_groups", "info"}
    changed = [name for name in ours if name not in own and theirs.get(name) is not ours[name]]
    if changed or vars(app.info) != vars(given.info):
        what = (changed or ["info"])[0].removeprefix("registered_")
        raise PluginError(
            f"it replaces the {what} of the whole command (--version, --debug): add a command of "
            f"its own with add_command"
        )
    return found[0], found[1]


def _defaults(commands: Sequence[Any]) -> list[str]:
    """Return the names of commands that are added as the default one."""
    return [str(each.name) for each in commands if getattr(each.cls, "default", False)]


def _names(app: typer.Typer, commands: Sequence[Any], groups: Sequence[Any]) -> Collection[str]:
    """Return the names of commands, building them: one that cannot be built must fail here."""
    probe = typer.Typer(rich_markup_mode=app.rich_markup_mode)
    probe.registered_commands, probe.registered_groups = list(commands), list(groups)
    built = get_group(probe).commands
    if len(built) < len(commands) + len(groups):
        raise PluginError("two of its commands have one name, or a group has none")
    return built.keys()
