"""The public functions: make a picture, and list, describe and create parts by name."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from stylize.parts import build_component
from stylize.pictures import Result, Stylizer
from stylize.plan import make_settings
from stylize.plugins import PluginHost
from stylize.presets import load_preset, merge_settings
from stylize.protocols import Backbone, Loss, Method, Observer, Smoothing
from stylize.spec import BackboneSpec, ComponentSpec, Kind, split_backbone_name
from stylize.weights import resolve_weights

if TYPE_CHECKING:
    from stylize.images import ImageSource
    from stylize.video.making import VideoResult
    from stylize.video.temporal import TemporalSettings

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
    "stylize_video",
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
        settings: any of `RunSettings`, as `backbone="vgg16", strength=2, size=256`.

    Raises: StylizeError for anything that the caller can mend.
    """
    host = host or PluginHost.discover()
    base = load_preset(host, preset).settings if preset else {}
    stylizer = Stylizer(make_settings(merge_settings(base, settings)), host, observers)
    return stylizer(content, _as_list(style))


def stylize_video(
    content: str | Path,
    style: ImageSource | Sequence[ImageSource] | None,
    output: str | Path,
    *,
    temporal: bool | TemporalSettings = True,
    force: bool = False,
    preset: str | None = None,
    host: PluginHost | None = None,
    observers: Sequence[Observer] = (),
    **settings: object,
) -> VideoResult:
    """Make one video, frame by frame, with the clip's times, sound and subtitles.

    Args:
        content: a video file, a GIF, or a folder of numbered pictures.
        style: the painting, or several; None for a model that has learnt its style. Without
            `method` and `model`, the method is one that takes any painting in one pass, where one
            has a model of its own, else gatys.
        output: a .mp4, .m4v, .mov, .mkv, .webm or .gif file, or frames/%06d.png.
        temporal: whether, or how, strokes are held still over time.
        force: replace an output that exists.
        preset, host: as of `stylize_image`.
        observers: told how far the run is, in frames.
        settings: any of `RunSettings` and `VideoSettings`, as `model="mosaic", start=2, fps=12`.
            `time` is the limit of the whole video.

    Raises: StylizeError for anything that the caller can mend; what is kept of a video that was
        begun is in its notes.
    """
    from stylize.pictures import deadline_of
    from stylize.video.choosing import choose_method
    from stylize.video.making import make_video
    from stylize.video.settings import VideoSettings, make_video_settings

    started = time.monotonic()
    host = host or PluginHost.discover()
    own = {k: v for k, v in settings.items() if k in VideoSettings.model_fields}
    others = {k: v for k, v in settings.items() if k not in own}
    base = load_preset(host, preset).settings if preset else {}
    chosen = choose_method(host, make_settings(merge_settings(base, others)))
    styles = _as_list(style)
    return make_video(
        Stylizer(chosen.model_copy(update={"time": None}), host),
        content,
        styles,
        output,
        make_video_settings(own),
        temporal=temporal,
        force=force,
        observers=observers,
        deadline=deadline_of(started, chosen.time),
    )


def _as_list(style: ImageSource | Sequence[ImageSource] | None) -> list[ImageSource]:
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
    return (host or PluginHost.discover()).names(Kind.BACKBONE, pattern)


def list_smoothings(pattern: str | None = None, host: PluginHost | None = None) -> list[str]:
    """Return the names of all smoothings, sorted; only those that match a shell pattern."""
    return (host or PluginHost.discover()).names(Kind.SMOOTHING, pattern)


def list_losses(pattern: str | None = None, host: PluginHost | None = None) -> list[str]:
    """Return the names of all losses, sorted; only those that match a shell pattern."""
    return (host or PluginHost.discover()).names(Kind.LOSS, pattern)


def list_methods(pattern: str | None = None, host: PluginHost | None = None) -> list[str]:
    """Return the names of all methods, sorted; only those that match a shell pattern."""
    return (host or PluginHost.discover()).names(Kind.METHOD, pattern)


def list_models(pattern: str | None = None, host: PluginHost | None = None) -> list[str]:
    """Return the names of all trained models that plugins carry, sorted; or those that match."""
    return (host or PluginHost.discover()).names(Kind.MODEL, pattern)


def list_presets(pattern: str | None = None, host: PluginHost | None = None) -> list[str]:
    """Return the names of all presets, sorted; only those that match a shell pattern."""
    return (host or PluginHost.discover()).names(Kind.PRESET, pattern)


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
    short, tag = split_backbone_name(name)
    spec = cast("BackboneSpec", host.get(Kind.BACKBONE, short))
    parsed = host.make_settings(spec, settings)
    source = resolve_weights(host, spec, tag, Path(weights) if weights else None, seed)
    return cast("Backbone", build_component(host, spec, parsed, source.load()))


def create_smoothing(name: str, *, host: PluginHost | None = None, **settings: object) -> Smoothing:
    """Make a smoothing, as `create_smoothing("tanh", gain=0.5)`.

    Raises: UnknownNameError, SettingsError.
    """
    return cast("Smoothing", _create(Kind.SMOOTHING, name, settings, host))


def create_loss(name: str, *, host: PluginHost | None = None, **settings: object) -> Loss:
    """Make a loss, as `create_loss("gram", form="sum")`.

    Raises: UnknownNameError, SettingsError.
    """
    return cast("Loss", _create(Kind.LOSS, name, settings, host))


def create_method(name: str, *, host: PluginHost | None = None, **settings: object) -> Method:
    """Make a method, as `create_method("gatys", optimizer="adam")`.

    Raises: UnknownNameError, SettingsError.
    """
    return cast("Method", _create(Kind.METHOD, name, settings, host))


def _create(kind: Kind, name: str, settings: dict[str, object], host: PluginHost | None) -> object:
    host = host or PluginHost.discover()
    spec = host.get(kind, name)
    return build_component(host, spec, host.make_settings(spec, settings))
