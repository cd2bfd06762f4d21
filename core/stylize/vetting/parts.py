"""Parts whose first results are checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from stylize.contract.parts import Method
from stylize.contract.protocols import LayerInfo, Loss, Statistics
from stylize.contract.settings import short
from stylize.contract.spec import ComponentSpec, Kind
from stylize.errors import PluginError
from stylize.version import DISTRIBUTION
from stylize.vetting.looks import FirstLooks, note_finite, require_tensor

if TYPE_CHECKING:
    from torch import Tensor

    from stylize.discovery.registry import PartRegistry

__all__ = ["vet_kind", "vet_part"]


def vet_part(host: PartRegistry, spec: ComponentSpec, part: Any, looks: FirstLooks) -> Any:
    """Return a part wrapped so that its first results are checked.

    Args:
        looks: collects whether values are sound.

    Raises: PluginError if the part is not of its kind.
    """
    title = host.title(spec)
    vet_kind(host, spec, part)
    if host.origin(spec).distribution == DISTRIBUTION:
        return part
    if spec.kind is Kind.BACKBONE:
        _watch_backbone(title, part, looks)
    elif spec.kind is Kind.SMOOTHING:
        return _FirstSmoothed(title, part, looks)
    elif spec.kind is Kind.LOSS:
        return _FirstCompared(title, part, looks)
    return part


def vet_kind(host: PartRegistry, spec: ComponentSpec, part: Any) -> Any:
    """Return a part. Raises: PluginError if a factory has made something of another kind."""
    wanted = {
        Kind.BACKBONE: "a torch.nn.Module with `layers`",
        Kind.SMOOTHING: "a function of features",
        Kind.LOSS: "a loss with role, additive, statistics and distance",
        Kind.METHOD: "a method with stylize",
    }[spec.kind]
    if spec.kind is Kind.BACKBONE:
        from torch import nn

        layers = getattr(part, "layers", None)
        infos = list(layers.values()) if isinstance(layers, Mapping) else []
        fits = isinstance(part, nn.Module) and bool(infos)
        fits = fits and all(isinstance(info, LayerInfo) for info in infos)
    elif spec.kind is Kind.SMOOTHING:
        fits = callable(part)
    else:
        fits = isinstance(part, Loss if spec.kind is Kind.LOSS else Method)
    if not fits or isinstance(part, type):
        raise PluginError(f"{host.title(spec)}: {spec.factory} returns {short(part)}, not {wanted}")
    return part


def _watch_backbone(title: str, network: Any, looks: FirstLooks) -> None:
    """Check the first features of a network, and never again."""

    def look(module: Any, given: tuple[Any, ...], features: Any) -> None:
        handle.remove()
        if len(given) != 2:  # given by keywords, which a hook does not see
            return
        image, wanted = given[0], list(given[1])
        if not isinstance(features, Mapping) or not set(wanted) <= set(features):
            raise PluginError(
                f"{title}: asked for {', '.join(wanted)} it returns "
                f"{short(list(features) if isinstance(features, Mapping) else features)}, not a "
                f"tensor for each"
            )
        for layer in wanted:
            _look_at_layer(title, layer, module.layers[layer], features[layer], image)
            note_finite(looks, f"{title}: its {layer}", features[layer], image)

    handle = network.register_forward_hook(look)


def _look_at_layer(title: str, layer: str, info: LayerInfo, found: Any, image: Tensor) -> None:
    require_tensor(title, layer, found)
    pairs = zip(found.shape[-2:], image.shape[-2:], strict=True)
    fits = (
        found.ndim == 4
        and found.shape[:2] == (len(image), info.channels)
        # If a side is no multiple, a LayerInfo does not say what a network pads or leaves out.
        and all(
            abs(have - side / info.stride) < (2 if side % info.stride else 1)
            for have, side in pairs
        )
    )
    if not fits or not found.is_floating_point():
        raise PluginError(
            f"{title}: {layer} of an image {tuple(image.shape)} is {found.dtype} "
            f"{tuple(found.shape)}, and it declares {info.channels} channels and stride "
            f"{info.stride}"
        )


class _FirstSmoothed:
    """A smoothing whose first result is checked."""

    def __init__(self, title: str, smoothing: Any, looks: FirstLooks) -> None:
        self._call = smoothing
        if hasattr(smoothing, "for_layer"):  # asked once per layer, so that each is checked once
            self.for_layer = cache(
                lambda layer: _FirstSmoothed(title, smoothing.for_layer(layer), looks)
            )
        self._look: Callable[[Tensor, Any], None] | None = partial(self._first, title, looks)

    def __call__(self, features: Tensor) -> Any:
        smoothed = self._call(features)
        if self._look is not None:
            look, self._look = self._look, None
            look(features, smoothed)
        return smoothed

    @staticmethod
    def _first(title: str, looks: FirstLooks, features: Tensor, smoothed: Any) -> None:
        require_tensor(title, "it", smoothed)
        for what in ("shape", "dtype", "device"):
            given, made = getattr(features, what), getattr(smoothed, what)
            if given != made:
                raise PluginError(
                    f"{title}: features of {what} {_plain(given)} come out with {_plain(made)}"
                )
        note_finite(looks, f"{title}: what it", smoothed, features)


class _FirstCompared:
    """A loss whose first statistics and distance are checked."""

    def __init__(self, title: str, loss: Any, looks: FirstLooks) -> None:
        self._loss, self._title, self._looks = loss, title, looks
        self.role, self.additive = loss.role, loss.additive
        if hasattr(loss, "blend"):
            self.blend = loss.blend
        if hasattr(loss, "for_layer"):
            self.for_layer = cache(
                lambda layer: _FirstCompared(title, loss.for_layer(layer), looks)
            )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loss, name)

    def statistics(self, features: Tensor) -> Statistics:
        found: Any = self._loss.statistics(features)
        self.statistics = self._loss.statistics  # type: ignore[method-assign]
        if not isinstance(found, Statistics) or not isinstance(found.values, Mapping):
            raise PluginError(
                f"{self._title}: statistics returns {short(found)}, not stylize.Statistics"
            )
        for name, value in found.values.items():
            require_tensor(self._title, f"statistic {name}", value)
            note_finite(self._looks, f"{self._title}: its statistic {name}", value, features)
        return found

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        found: Any = self._loss.distance(current, target)
        self.distance = self._loss.distance  # type: ignore[method-assign]
        require_tensor(self._title, "distance", found)
        count = len(next(iter(current.values.values()))) if current.values else len(found)
        if tuple(found.shape) != (count,) or not found.is_floating_point():
            raise PluginError(
                f"{self._title}: the distances of {count} sample{'s' * (count != 1)} are "
                f"{found.dtype} {tuple(found.shape)}, not float ({count},)"
            )
        given = [value for value in current.values.values() if value.numel()]
        note_finite(self._looks, f"{self._title}: its distance", found, *given)
        return found  # type: ignore[no-any-return]


def _plain(value: object) -> str:
    return str(tuple(value)) if isinstance(value, tuple) else str(value)
