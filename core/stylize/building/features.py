"""Backbone and smoothing together: from images to named features."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from stylize.contract.protocols import Backbone, LayerInfo, Smoothing
from stylize.errors import ImageTooSmallError, NonFiniteError, UnknownNameError

__all__ = ["FeatureExtractor", "expand_layers"]


def expand_layers(
    patterns: Iterable[str],
    known: Collection[str],
    what: str,
    aliases: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Return the layers that shell patterns name, in the network's order, each once.

    Args:
        known: the layers, shallow to deep.
        what: the network's name, for messages.
        aliases: other names of layers.

    Raises: UnknownNameError for a pattern that matches nothing.
    """
    names = {**(aliases or {}), **{layer: layer for layer in known}}
    found: set[str] = set()
    for pattern in patterns:
        matches = fnmatch.filter(names, pattern)
        if not matches:
            raise UnknownNameError(f"layer of {what}", pattern, known)
        found.update(names[match] for match in matches)
    return tuple(layer for layer in known if layer in found)


@dataclass(eq=False)
class FeatureExtractor:
    """Named features of images, smoothed on the chosen layers.

    A smoothed layer is `smoothing(gain * F)`: tanh and softmax depend on the scale of F, which
    differs a thousandfold between networks, so each layer's gain brings it near unit root mean
    square. Gain 1 is the paper's literal form.
    """

    backbone: Backbone
    name: str
    smoothing: Smoothing
    smoothing_name: str
    smooth_layers: frozenset[str] = frozenset()
    gains: Mapping[str, float] = field(default_factory=dict)

    @property
    def layers(self) -> Mapping[str, LayerInfo]:
        """All layers of the backbone, shallow to deep."""
        return self.backbone.layers

    def least_size(self, layers: Collection[str]) -> int:
        """The least height and width that give all of `layers` a position."""
        return max((self.layers[layer].min_size for layer in layers), default=1)

    def __call__(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the features (N, C, H', W') of images (N, 3, H, W) in [0, 1], layer by layer.

        Raises: ImageTooSmallError.
        """
        height, width = image.shape[-2:]
        least = self.least_size(layers)
        if min(height, width) < least:
            deepest = next(each for each in layers if self.layers[each].min_size == least)
            raise ImageTooSmallError(
                f"image is {width}x{height}; {self.name} at {deepest} needs {least}x{least}: "
                f"use a larger image or shallower layers",
                (width, height),
            )
        features = self.backbone(image, layers)
        return {
            layer: self._smooth(layer, tensor) if layer in self.smooth_layers else tensor
            for layer, tensor in features.items()
        }

    def _smooth(self, layer: str, features: Tensor) -> Tensor:
        # In float32: bfloat16 has too few digits to distinguish the values of a flat softmax.
        features = features.to(torch.promote_types(features.dtype, torch.float32))
        smoothing: Smoothing = getattr(self.smoothing, "for_layer", lambda _: self.smoothing)(layer)
        return smoothing(features * self.gains.get(layer, 1.0))

    def check_finite(self, features: Mapping[str, Tensor]) -> None:
        """Raise NonFiniteError, naming layer and smoothing, if features are NaN or infinite."""
        # All in one request: each number that is read makes a GPU wait.
        finite = [each.isfinite().all() for each in features.values()]
        sound = torch.stack(finite).tolist() if finite else []
        for (layer, tensor), fine in zip(features.items(), sound, strict=True):
            if not fine:
                smoothed = f" after {self.smoothing_name}" if layer in self.smooth_layers else ""
                raise NonFiniteError(
                    f"features of {self.name} at {layer}{smoothed} are not finite in "
                    f"{tensor.dtype}: use --precision float32, another layer or a smaller gain"
                )
