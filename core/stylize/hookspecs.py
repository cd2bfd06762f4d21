"""The hooks that a plugin may implement. A plugin module needs none but those that it uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import typer

    from stylize.plan import Plan, Problem
    from stylize.protocols import Observer
    from stylize.spec import ComponentSpec
    from stylize.weights import WeightsSource

__all__ = ["hookimpl", "hookspec"]

hookspec = pluggy.HookspecMarker("stylize")
hookimpl = pluggy.HookimplMarker("stylize")


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
    """Return observers of a run (progress, previews, logging); asked once a run.

    Args:
        plan: what is about to be run; one plan makes many pictures.

    versionadded: API 1
    """


@hookspec
def stylize_commands(app: typer.Typer) -> None:
    """Add commands to the `stylize` command. Must not import torch.

    Args:
        app: of typer, which has the built-in commands already. A command gets the plugin host as
            `ctx.obj`.

    versionadded: API 1
    """
