"""Building parts from their specs, and a backbone with its weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from stylize.building.device import choose_device
from stylize.building.features import FeatureExtractor, expand_layers
from stylize.building.weights import resolve_weights
from stylize.contract.protocols import Loss
from stylize.contract.settings import Settings
from stylize.contract.spec import BackboneSpec, ComponentSpec, LossSpec, split_backbone_name
from stylize.contract.weights import Weights
from stylize.guests import guest
from stylize.vetting.parts import vet_kind
from stylize.vetting.weights import vet_weights

if TYPE_CHECKING:
    from torch import Tensor

    from stylize.discovery.host import PluginHost

__all__ = ["Network", "build_component", "build_loss", "load_backbone"]


@dataclass(frozen=True)
class Network:
    """A loaded backbone with its declaration and weights: unsmoothed features, in float32."""

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


def load_backbone(
    host: PluginHost,
    name: str,
    *,
    weights: str | Path | None = None,
    settings: Settings | Mapping[str, object] | None = None,
    seed: int = 0,
    device: str = "auto",
) -> Network:
    """Load a backbone, as "vgg16" or "vgg16.oxford".

    Args:
        weights: a file to read them from instead.
        settings: of the backbone, such as {"pooling": "average"}.
        seed: of random weights.

    Raises: UnknownNameError, SettingsError, PluginError, WeightsError, WeightsUnavailableError,
        UsageError.
    """
    short, tag = split_backbone_name(name)
    spec = host.get(BackboneSpec, short)
    if not isinstance(settings, Settings):
        settings = host.make_settings(spec, settings or {})
    place = choose_device(device)
    source = resolve_weights(host, spec, tag, Path(weights) if weights else None, seed)
    loaded = vet_weights(source, f"{short}.{tag}" if tag else short)
    network = vet_kind(host, spec, build_component(host, spec, settings, loaded)).to(place)
    features = FeatureExtractor(network, loaded.name, lambda tensor: tensor, "none")
    return Network(spec, loaded, features, place)


def build_loss(host: PluginHost, spec: LossSpec, settings: Settings | None, seed: int) -> Loss:
    """Build a loss, with the seed if it needs one; raises as `build_component` does."""
    loss: Loss = build_component(host, spec, settings, *([seed] if spec.seeded else []))
    return loss


def build_component(
    host: PluginHost, spec: ComponentSpec, settings: Settings | None, *extra: object
) -> Any:
    """Call a spec's factory; what it raises becomes a PluginError that names the part."""
    factory = host.load_object(spec.factory)
    with guest(lambda: f"{host.title(spec)} ({spec.factory}) failed to build"):
        return factory(settings, *extra)
