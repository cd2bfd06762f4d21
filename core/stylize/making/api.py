"""The public functions: make a picture, and list, describe and create parts by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from stylize.building.backbones import build_component, build_loss, load_backbone
from stylize.contract.parts import Method
from stylize.contract.protocols import Backbone, Loss, Smoothing
from stylize.contract.run import Observer
from stylize.contract.spec import (
    BackboneSpec,
    ComponentSpec,
    Kind,
    LossSpec,
    MethodSpec,
    ModelSpec,
    PresetSpec,
    SmoothingSpec,
)
from stylize.discovery.host import PluginHost
from stylize.making.presets import load_preset, merge_settings
from stylize.making.result import Result
from stylize.making.stylizer import Stylizer
from stylize.planning.planning import make_settings

if TYPE_CHECKING:
    from stylize.pictures.reading import ImageSource

__all__ = [
    "as_sources",
    "create_backbone",
    "create_loss",
    "create_method",
    "create_smoothing",
    "get_spec",
    "list_backbones",
    "list_losses",
    "list_methods",
    "list_models",
    "list_presets",
    "list_smoothings",
    "stylize_image",
]


def stylize_image(
    content: ImageSource | None,
    style: ImageSource | Sequence[ImageSource] | None,
    *,
    preset: str | None = None,
    host: PluginHost | None = None,
    observers: Sequence[Observer] = (),
    **settings: object,
) -> Result:
    """Make one picture.

    Args:
        content: the photograph: a path, a PIL image or open binary file; None for a texture.
        style: the painting, or several; None reconstructs the content.
        preset: name of a preset, which `settings` override.
        host: the plugins; all that are installed by default.
        observers: told how far the run is.
        settings: any of `RunSettings`, as `backbone="vgg16", strength=2, size=256`, and options of
            parts, as `alpha=0.5`.

    Raises: StylizeError for anything that the caller can mend.
    """
    host = host or PluginHost.discover()
    base = load_preset(host, preset).settings if preset else {}
    stylizer = Stylizer(make_settings(merge_settings(base, settings), host), host)
    return stylizer(content, as_sources(style), observers)


def as_sources(style: ImageSource | Sequence[ImageSource] | None) -> list[ImageSource]:
    """Return one image, several or none as a list."""
    if style is None:
        return []
    return list(style) if isinstance(style, list | tuple) else [cast("ImageSource", style)]


def get_spec(kind: Kind | str, name: str, host: PluginHost | None = None) -> ComponentSpec:
    """Return a part's declaration.

    Raises: UnknownNameError; PluginError for a name that two distributions claim.
    """
    return (host or PluginHost.discover()).get(Kind(kind), name)


def list_backbones(pattern: str | None = None, host: PluginHost | None = None) -> list[str]:
    """Return the names of all backbones, sorted; only those that match a shell pattern."""
    return (host or PluginHost.discover()).names(BackboneSpec, pattern)


def list_smoothings(pattern: str | None = None, host: PluginHost | None = None) -> list[str]:
    """Return the names of all smoothings, sorted; only those that match a shell pattern."""
    return (host or PluginHost.discover()).names(SmoothingSpec, pattern)


def list_losses(pattern: str | None = None, host: PluginHost | None = None) -> list[str]:
    """Return the names of all losses, sorted; only those that match a shell pattern."""
    return (host or PluginHost.discover()).names(LossSpec, pattern)


def list_methods(pattern: str | None = None, host: PluginHost | None = None) -> list[str]:
    """Return the names of all methods, sorted; only those that match a shell pattern."""
    return (host or PluginHost.discover()).names(MethodSpec, pattern)


def list_models(pattern: str | None = None, host: PluginHost | None = None) -> list[str]:
    """Return the names of all trained models that plugins carry, sorted; or those that match."""
    return (host or PluginHost.discover()).names(ModelSpec, pattern)


def list_presets(pattern: str | None = None, host: PluginHost | None = None) -> list[str]:
    """Return the names of all presets, sorted; only those that match a shell pattern."""
    return (host or PluginHost.discover()).names(PresetSpec, pattern)


def create_backbone(
    name: str,
    *,
    weights: str | Path | None = None,
    seed: int = 0,
    host: PluginHost | None = None,
    **settings: object,
) -> Backbone:
    """Make a backbone, as "vgg16", "vgg16.imagenet1k_v1" or "vgg19.random".

    Args:
        weights: a file to read them from instead.
        seed: of random weights.
        settings: of the backbone, as `pooling="average"`.

    Raises: UnknownNameError, SettingsError, WeightsError, WeightsUnavailableError.
    """
    host = host or PluginHost.discover()
    loaded = load_backbone(host, name, weights=weights, settings=settings, seed=seed, device="cpu")
    return loaded.features.backbone


def create_smoothing(name: str, *, host: PluginHost | None = None, **settings: object) -> Smoothing:
    """Make a smoothing, as `create_smoothing("tanh", gain=0.5)`.

    Raises: UnknownNameError, SettingsError.
    """
    made: Smoothing = _create(SmoothingSpec, name, settings, host)
    return made


def create_loss(
    name: str, *, seed: int = 0, host: PluginHost | None = None, **settings: object
) -> Loss:
    """Make a loss, as `create_loss("gram", form="sum")`.

    Args:
        seed: of the random numbers that the loss draws, if it does.

    Raises: UnknownNameError, SettingsError.
    """
    host = host or PluginHost.discover()
    spec = host.get(LossSpec, name)
    return build_loss(host, spec, host.make_settings(spec, settings), seed)


def create_method(name: str, *, host: PluginHost | None = None, **settings: object) -> Method:
    """Make a method, as `create_method("gatys", optimizer="adam")`.

    Raises: UnknownNameError, SettingsError.
    """
    made: Method = _create(MethodSpec, name, settings, host)
    return made


def _create(
    kind: type[ComponentSpec], name: str, settings: dict[str, object], host: PluginHost | None
) -> Any:
    host = host or PluginHost.discover()
    spec = host.get(kind, name)
    return build_component(host, spec, host.make_settings(spec, settings))
