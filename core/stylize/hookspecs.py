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

    Asked before the built-in sources (embedded, cache, download); the first answer wins.

    versionadded: API 1
    """


@hookspec
def stylize_check(plan: Plan) -> Iterable[Problem]:  # type: ignore[empty-body]
    """Return what is wrong (error) or doubtful (warning) with a plan, before anything heavy runs.

    versionadded: API 1
    """


@hookspec
def stylize_observers(plan: Plan) -> Iterable[Observer]:  # type: ignore[empty-body]
    """Return observers of a run (progress, previews, logging); asked once a run.

    versionadded: API 1
    """


@hookspec
def stylize_commands(app: typer.Typer) -> None:
    """Add commands to the `stylize` command. Must not import torch.

    versionadded: API 1
    """
