"""The hooks that a plugin may implement. A plugin module needs only those that it uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import pluggy

if TYPE_CHECKING:
    from pathlib import Path

    import typer

    from stylize.contract.plan import Plan, Problem
    from stylize.contract.run import Observer
    from stylize.contract.spec import ComponentSpec
    from stylize.contract.weights import WeightsSource

__all__ = ["Rerunner", "hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("stylize")
hookimpl = pluggy.HookimplMarker("stylize")

# Takes the plugin host and a `stylize.command.RerunRequest`; returns the command's exit code.
Rerunner: TypeAlias = Callable[[Any, Any], int]


@hookspec
def stylize_components() -> Iterable[ComponentSpec]:  # type: ignore[empty-body]
    """Return the specs of all parts that the plugin adds, of any kind. Must not import torch.

    versionadded: API 1
    """


@hookspec(firstresult=True)
def stylize_weights(backbone: str, tag: str) -> WeightsSource | None:
    """Return where the weights `backbone.tag` come from, or None to leave it to others.

    Asked before the built-in sources (embedded, cache, download); the first answer wins. Not asked
    for a file of the user's, nor for the tag `random`.

    Args:
        backbone: the registered name, without tag and distribution.
        tag: what the user wrote after the first dot, or else the first that the backbone
            declares. It need not be declared.

    versionadded: API 1
    """


@hookspec
def stylize_check(plan: Plan) -> Iterable[Problem]:  # type: ignore[empty-body]
    """Return what is wrong (error) or doubtful (warning) with a plan, before anything heavy runs.

    Args:
        plan: the chosen parts with their validated settings; `plan.error(text)` and
            `plan.warning(text)` make a problem. Must not import torch.

    versionadded: API 1
    """


@hookspec
def stylize_observers(plan: Plan) -> Iterable[Observer]:  # type: ignore[empty-body]
    """Return observers of a run (progress, previews, logging); asked once per run.

    Args:
        plan: what is about to be run; one plan makes many pictures.

    versionadded: API 1
    """


@hookspec
def stylize_commands(app: typer.Typer) -> None:
    """Add commands to the `stylize` command. Must not import torch.

    Args:
        app: typer's application. A command gets the plugin host as `ctx.obj`.
            `stylize.command.add_command` adds one whose module is imported only when it is run.

    versionadded: API 1
    """


@hookspec(firstresult=True)
def stylize_rerun(path: Path) -> Rerunner | None:
    """Return what repeats the run that made a file, or None to leave it to others.

    The first answer wins; without one, the file is treated as a picture. Must not import torch.

    Args:
        path: the argument of `stylize rerun`; it need not exist.

    Returns: a function of the plugin host and a `stylize.command.RerunRequest` that repeats the run
        and returns the exit code.

    versionadded: API 1
    """
