"""The styles to choose from: those of trained models, and dropped paintings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stylize import MethodSpec, ModelFile, ModelSpec, PluginHost, known_models
from stylize.errors import StylizeError
from stylize_web.recipe import Upload

__all__ = ["Style", "learnt_styles", "painting_methods", "quick_method"]

FAST = "_fast"


@dataclass(frozen=True)
class Style:
    """A style to choose.

    Args:
        key: its key on this page.
        title: its title for users.
        model: the model that has learnt it; "" for a painting.
        fast: the faster model of the same painting, or else the same model.
        method: the method of the model.
        painting: the painting; None for a model.
    """

    key: str
    title: str
    model: str = ""
    fast: str = ""
    method: str = ""
    painting: Upload | None = None

    def settings(self, method: str, quality: str) -> dict[str, Any]:
        """Return the run settings that choose it; a draft uses the faster model."""
        if self.painting:
            return {"method": method}
        return {"model": self.fast if quality == "draft" else self.model}


def learnt_styles(host: PluginHost) -> list[Style]:
    """Return a style for each model that has learnt one; NAME and NAME_fast share one."""
    models = {
        model.name: model
        for model in known_models(host)
        if isinstance(model, ModelFile) and _has_learnt(host, model)
    }
    return [
        Style(
            name,
            _title(host, model),
            name,
            _fast_form(model, models),
            model.header.method,
        )
        for name, model in models.items()
        if not (name.endswith(FAST) and name.removesuffix(FAST) in models)
    ]


def _title(host: PluginHost, model: ModelFile) -> str:
    """Return what its plugin or its file says about a model, or else its name."""
    own = host.get(ModelSpec, model.name).summary if model.distribution else ""
    return own or model.header.summary or model.name


def _fast_form(model: ModelFile, models: Mapping[str, ModelFile]) -> str:
    """Return the name of the faster model by the same method, or else the model's own name.

    The results of `any` with a painting and of a network trained for that painting look different.
    """
    fast = models.get(f"{model.name}{FAST}")
    return fast.name if fast and fast.header.method == model.header.method else model.name


def painting_methods(host: PluginHost) -> Mapping[str, MethodSpec]:
    """Return the methods that take any painting, the fast ones last."""
    usable = [s for s in host.specs(MethodSpec) if s.needs_style and _applies(s)]
    usable.sort(key=lambda spec: (spec.trainable, spec.name != "neighbors", spec.name))
    return {spec.name: spec for spec in usable}


def quick_method(host: PluginHost) -> str | None:
    """Return the method for the thumbnails of paintings; None if there is none."""
    quick = [name for name, spec in painting_methods(host).items() if spec.trainable]
    return quick[0] if quick else None


def _applies(spec: MethodSpec) -> bool:
    return not spec.trainable or spec.default_model is not None


def _has_learnt(host: PluginHost, model: ModelFile) -> bool:
    try:
        return bool(model.base) or not host.get(MethodSpec, model.header.method).needs_style
    except StylizeError:  # its method is not installed
        return False
