"""Shell completion: what may follow an option. Asked by the shell, never at a start."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import typer

from stylize.contract.spec import (
    BackboneSpec,
    Kind,
    LossSpec,
    MethodSpec,
    ModelSpec,
    PresetSpec,
    Role,
    SmoothingSpec,
    split_backbone_name,
)
from stylize.discovery.host import PluginHost
from stylize.models.finding import model_names

__all__ = ["completion_of", "names_of"]

Complete = Callable[[typer.Context, str], list[str]]


def completion_of(name: str, annotation: Any = None) -> Complete | None:
    """Return what completes the value of a setting, None where that is free.

    Args:
        name: of the setting; "preset", or "part" for parts of every kind.
        annotation: its type; the choices of a Literal are offered.
    """
    names = _NAMES.get(name)
    choices = [str(choice) for choice in _choices(annotation)]

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        known = names(ctx.obj) if names else choices
        # Of a list, as of --backbone in stylize analyze, the last item is completed.
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{each}" for each in known if each.startswith(last)]

    return complete if names or choices else None


def names_of(setting: str, host: PluginHost) -> list[str]:
    """Return the names that a setting takes which names one part: a method, a backbone..."""
    kinds = {
        "method": MethodSpec,
        "model": ModelSpec,
        "backbone": BackboneSpec,
        "smooth": SmoothingSpec,
    }
    spec = kinds.get(setting)
    return host.names(spec) if spec else []


def _choices(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, UnionType):
        return [choice for option in get_args(annotation) for choice in _choices(option)]
    return list(get_args(annotation)) if get_origin(annotation) is Literal else []


def _backbones(host: PluginHost) -> Iterable[str]:
    for name in host.names(BackboneSpec):
        yield name
        spec = host.get(BackboneSpec, split_backbone_name(name)[0])
        yield from (f"{name}.{weights.tag}" for weights in spec.weights)


def _losses(role: Role) -> Callable[[PluginHost], Iterable[str]]:
    return lambda host: [host.key(spec) for spec in host.specs(LossSpec) if spec.role is role]


_NAMES: dict[str, Callable[[PluginHost], Iterable[str]]] = {
    "method": lambda host: host.names(MethodSpec),
    "model": model_names,
    "backbone": _backbones,
    "smooth": lambda host: host.names(SmoothingSpec),
    "content_loss": _losses(Role.CONTENT),
    "style_loss": _losses(Role.STYLE),
    "image_loss": _losses(Role.IMAGE),
    "preset": lambda host: host.names(PresetSpec),
    "part": lambda host: [name for kind in Kind for name in host.names(kind)],
}
