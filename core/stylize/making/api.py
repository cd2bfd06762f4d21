"""The public functions: make a picture, and list, describe and create parts by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

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
from stylize.making.following import ProgressFunction
from stylize.making.keywords import SettingsKeywords
from stylize.making.result import Result, check_early
from stylize.making.stylizer import Stylizer
from stylize.pictures.several import as_batch, as_sources

if TYPE_CHECKING:
    from stylize.pictures.reading import ImageSource

__all__ = [
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
    "stylize_images",
]


def stylize_image(
    content: ImageSource | None,
    style: ImageSource | Sequence[ImageSource] | None = None,
    *,
    preset: str | None = None,
    host: PluginHost | None = None,
    observers: Sequence[Observer] = (),
    progress: ProgressFunction | bool | None = None,
    output: str | Path | None = None,
    force: bool = False,
    **settings: Unpack[SettingsKeywords],
) -> Result:
    """Make one picture.

    Args:
        content: the photograph: a path, a PIL image, an open binary file, an array (H, W, 3) or a
            tensor (3, H, W) or (1, 3, H, W), both uint8 or floats in [0, 1]; None for a texture.
        style: the painting in the same forms, or several of them: a list or a batch; None for a
            trained model of one painting, and to reconstruct the content.
        preset: name of a preset, which `settings` override.
        host: the plugins; all that are installed by default.
        observers: called with the run's progress; one that raises is dropped with a warning.
        progress: a function that is called with the run's progress. If it returns False, the run
            ends with the best picture so far; if it raises, the error is yours. True shows a line
            of text on standard error, as None does in a notebook; False shows none.
        output: where to save the picture. It is checked before anything is computed.
        force: replace `output` if it exists.
        settings: any of `RunSettings`, such as `backbone="vgg16", strength=2`, and options of
            parts, such as `alpha=0.5`. Without a plugin, `smooth` may also be a function or a
            module, and `content_loss` and `style_loss` may be objects: see `SettingsKeywords`.

    Raises: StylizeError for anything that the caller can fix; OutputError for `output`.
    """
    check_early(output, [content, *as_sources(style)], force=force)
    stylizer = Stylizer(None, host, preset=preset, **settings)
    return stylizer(content, style, observers, progress=progress, output=output, force=force)


def stylize_images(
    contents: Iterable[ImageSource],
    style: ImageSource | Sequence[ImageSource] | None = None,
    *,
    preset: str | None = None,
    host: PluginHost | None = None,
    observers: Sequence[Observer] = (),
    progress: ProgressFunction | bool | None = None,
    **settings: Unpack[SettingsKeywords],
) -> list[Result]:
    """Make a picture of each photograph, with one loaded network.

    Args:
        contents: photographs, as for `stylize_image`: a list, or a batch as a tensor
            (N, 3, H, W) or an array (N, H, W, 3). They are all checked first; sizes may differ.
        style, preset, host, observers, settings: as for `stylize_image`; `style` is for all.
        progress: as for `stylize_image`; returning False also skips pictures that have not begun.

    Raises: StylizeError for anything that the caller can fix.
    """
    photographs = as_batch(contents)
    stylizer = Stylizer(None, host, preset=preset, **settings)
    made: list[Result] = []
    for photograph in photographs:
        made.append(stylizer(photograph, style, observers, progress=progress))
        if made[-1].stopped == "interrupted":
            break
    return made


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
    """Return the names of plugins' trained models, sorted; only those that match a pattern."""
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
    """Make a backbone, such as "vgg16", "vgg16.imagenet1k_v1" or "vgg19.random".

    Args:
        weights: a file to read them from instead.
        seed: of random weights.
        settings: of the backbone, such as `pooling="average"`.

    Raises: UnknownNameError, SettingsError, WeightsError, WeightsUnavailableError.
    """
    host = host or PluginHost.discover()
    loaded = load_backbone(host, name, weights=weights, settings=settings, seed=seed, device="cpu")
    return loaded.features.backbone


def create_smoothing(name: str, *, host: PluginHost | None = None, **settings: object) -> Smoothing:
    """Make a smoothing, for example `create_smoothing("tanh", gain=0.5)`.

    Raises: UnknownNameError, SettingsError.
    """
    made: Smoothing = _create(SmoothingSpec, name, settings, host)
    return made


def create_loss(
    name: str, *, seed: int = 0, host: PluginHost | None = None, **settings: object
) -> Loss:
    """Make a loss, for example `create_loss("gram", form="sum")`.

    Args:
        seed: of the random numbers that the loss draws, if it does.

    Raises: UnknownNameError, SettingsError.
    """
    host = host or PluginHost.discover()
    spec = host.get(LossSpec, name)
    return build_loss(host, spec, host.make_settings(spec, settings), seed)


def create_method(name: str, *, host: PluginHost | None = None, **settings: object) -> Method:
    """Make a method, for example `create_method("gatys", optimizer="adam")`.

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
