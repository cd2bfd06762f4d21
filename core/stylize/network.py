"""A backbone by itself, unsmoothed and in float32: for measuring features, not for pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import torch

from stylize.device import choose_device
from stylize.features import FeatureExtractor, expand_layers
from stylize.parts import build_component
from stylize.spec import BackboneSpec, Kind, split_backbone_name
from stylize.weights import Weights, resolve_weights

if TYPE_CHECKING:
    from torch import Tensor

    from stylize.plugins import PluginHost

__all__ = ["Network", "load_network"]


@dataclass(frozen=True)
class Network:
    """A loaded backbone with its declaration and weights."""

    spec: BackboneSpec
    weights: Weights
    features: FeatureExtractor
    device: torch.device

    @property
    def name(self) -> str:
        """Backbone and tag, or the file of its weights."""
        return self.weights.name

    def expand(self, patterns: Iterable[str]) -> tuple[str, ...]:
        """Return the layers that names and shell patterns stand for, shallow to deep.

        Raises: UnknownNameError.
        """
        return expand_layers(patterns, self.features.layers, self.spec.name, self.spec.aliases)

    @torch.no_grad()
    def __call__(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """Return features of an image (N, 3, H, W) in [0, 1], shallow to deep.

        Raises: ImageTooSmallError, NonFiniteError.
        """
        features = self.features(image.to(self.device, torch.float32), tuple(layers))
        self.features.check_finite(features)
        return features


def load_network(
    host: PluginHost,
    name: str,
    *,
    weights: str | Path | None = None,
    options: Mapping[str, object] | None = None,
    device: str = "auto",
) -> Network:
    """Load a backbone, as "vgg16" or "vgg16.oxford".

    Args:
        weights: a file to read them from instead.
        options: of the backbone, as {"pooling": "average"}.

    Raises: UnknownNameError, SettingsError, WeightsError, WeightsUnavailableError, UsageError.
    """
    short, tag = split_backbone_name(name)
    spec = cast("BackboneSpec", host.get(Kind.BACKBONE, short))
    settings = host.make_settings(spec, options or {})
    place = choose_device(device)
    loaded = resolve_weights(host, spec, tag, Path(weights) if weights else None).load()
    network = build_component(host, spec, settings, loaded).to(place)
    features = FeatureExtractor(network, loaded.name, lambda tensor: tensor, "none", (), {})
    return Network(spec, loaded, features, place)
