"""Parts: what a plan's specs become, built and ready to use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from stylize.device import choose_device, choose_precision
from stylize.errors import PluginError, StylizeError
from stylize.features import FeatureExtractor, expand_layers
from stylize.objective import Objective, Term, blend_statistics, relative_reference
from stylize.protocols import Backbone, Loss, Method, Smoothing, Statistics
from stylize.spec import ComponentSpec
from stylize.weights import Weights, resolve_weights

if TYPE_CHECKING:
    from stylize.modelfile import ModelFile
    from stylize.plan import LossPlan, Plan
    from stylize.plugins import PluginHost
    from stylize.settings import Settings

__all__ = ["LossPart", "Parts", "build_component", "build_parts"]


@dataclass(frozen=True)
class LossPart:
    """A loss on layers with weights; an image loss has no layers."""

    name: str
    loss: Loss
    layers: Mapping[str, float]
    weight: float


@dataclass(frozen=True)
class _Loaded:
    """What looks at pictures: network, smoothing and losses."""

    features: FeatureExtractor
    content: LossPart
    style: LossPart
    images: tuple[LossPart, ...]
    weights: Weights


@dataclass(frozen=True)
class Parts:
    """A plan's parts on their device.

    Backbone, smoothing and losses are loaded when they are first asked for, unless there is no
    model: a method that has a trained network of its own may not need them.

    Args:
        relative: whether distances are divided by their targets' references.
        dtype: of networks.
        model: the trained model that the method applies, if it does.
    """

    method: Method
    relative: bool
    device: torch.device
    dtype: torch.dtype
    model: ModelFile | None
    _load: Callable[[], _Loaded]

    @cached_property
    def _loaded(self) -> _Loaded:
        return self._load()

    @property
    def features(self) -> FeatureExtractor:
        """Backbone and smoothing."""
        return self._loaded.features

    @property
    def content(self) -> LossPart:
        """The loss that compares with the photograph."""
        return self._loaded.content

    @property
    def style(self) -> LossPart:
        """The loss that compares with the paintings."""
        return self._loaded.style

    @property
    def images(self) -> tuple[LossPart, ...]:
        """The losses of the picture itself."""
        return self._loaded.images

    @property
    def weights(self) -> Weights:
        """The backbone's weights."""
        return self._loaded.weights

    @property
    def fingerprint(self) -> str:
        """What decides pictures besides settings: of the model, or else of the weights."""
        return self.model.fingerprint() if self.model else self.weights.fingerprint

    @property
    def loss_network(self) -> str:
        """The weights' fingerprint of the network in the losses, a trained model's too."""
        return self.model.header.weights if self.model else self.weights.fingerprint

    def content_targets(self, content: Tensor) -> dict[str, Statistics]:
        """Return the content loss's statistics of images (N, 3, H, W), layer by layer."""
        return self._statistics(self.content, content)

    def style_targets(
        self, styles: Sequence[Tensor], weights: Sequence[float]
    ) -> dict[str, Statistics]:
        """Return the blended style statistics of images (N, 3, H, W) of any sizes."""
        several = [self._statistics(self.style, style) for style in styles]
        return {
            layer: blend_statistics([each[layer] for each in several], weights)
            for layer in self.style.layers
        }

    def objective(
        self,
        content: Mapping[str, Statistics] | None,
        style: Mapping[str, Statistics] | None,
        strength: float = 1.0,
    ) -> Objective:
        """Return the objective for the given targets; `strength` multiplies the style's weight."""
        terms: list[Term] = []
        for group, part, targets, factor in (
            ("content", self.content, content, 1.0),
            ("style", self.style, style, strength),
        ):
            for layer, target in (targets or {}).items():
                weight: Tensor | float = factor * part.weight * part.layers[layer]
                if self.relative:
                    weight = weight / relative_reference(part.loss, target)
                terms.append(Term(group, layer, part.loss, weight, target))
        terms += [Term(part.name, None, part.loss, part.weight) for part in self.images]
        return Objective(self.features, terms)

    def least_size(self, *, content: bool = True, style: bool = True) -> int:
        """The least height and width of an image that the chosen layers can see."""
        layers = [*(self.content.layers if content else ()), *(self.style.layers if style else ())]
        return self.features.least_size(layers)

    @torch.no_grad()
    def _statistics(self, part: LossPart, image: Tensor) -> dict[str, Statistics]:
        features = self.features(image, tuple(part.layers))
        self.features.check_finite(features)
        return {layer: part.loss.statistics(features[layer]) for layer in part.layers}


def build_parts(host: PluginHost, plan: Plan, device: torch.device | None = None) -> Parts:
    """Import and make everything that a plan names, on its device and in its precision.

    Args:
        device: instead of the one that the settings name, where Accelerate has chosen it.

    Raises: WeightsUnavailableError, WeightsError, UnknownNameError, PluginError, UsageError.
    """
    settings = plan.settings
    device = device or choose_device(settings.device)
    dtype = choose_precision(settings.precision, device)
    parts = Parts(
        cast("Method", build_component(host, plan.method, plan.method_settings)),
        settings.balance == "relative",
        device,
        dtype,
        plan.model,
        partial(_load_network, host, plan, device, dtype),
    )
    if plan.model is None:
        _ = parts.features  # weights that are missing are told of now
    return parts


def _load_network(
    host: PluginHost, plan: Plan, device: torch.device, dtype: torch.dtype
) -> _Loaded:
    settings = plan.settings
    source = resolve_weights(host, plan.backbone, plan.weights_tag, settings.weights, settings.seed)
    weights = source.load()
    backbone = build_component(host, plan.backbone, plan.backbone_settings, weights)
    known = backbone.layers
    name = plan.backbone.name
    network = cast("torch.nn.Module", backbone).to(device, dtype)
    network.to(memory_format=torch.channels_last)
    smooth = settings.smooth_layers or plan.backbone.smooth_layers
    # Checked even without a smoothing, so that a misspelt layer is not found out later.
    smoothed = expand_layers(smooth, known, name, plan.backbone.aliases)
    features = FeatureExtractor(
        cast("Backbone", network),
        name,
        cast("Smoothing", build_component(host, plan.smoothing, plan.smoothing_settings)),
        plan.smoothing.name,
        smoothed if plan.smoothing.name != "none" else (),
        (weights.gains or {}) if settings.gains == "calibrated" else {},
    )

    def loss_part(chosen: LossPlan, default: Sequence[str], weight: float) -> LossPart:
        patterns = chosen.layers or dict.fromkeys(default, 1.0)
        layers = {
            layer: value
            for pattern, value in patterns.items()
            for layer in expand_layers((pattern,), known, name, plan.backbone.aliases)
        }
        loss = cast("Loss", build_component(host, chosen.spec, chosen.settings))
        return LossPart(chosen.spec.name, loss, layers, weight)

    return _Loaded(
        features,
        loss_part(plan.content, plan.backbone.content_layers, settings.content_weight),
        loss_part(plan.style, plan.backbone.style_layers, settings.style_weight),
        tuple(
            LossPart(
                image.spec.name,
                cast("Loss", build_component(host, image.spec, image.settings)),
                {},
                image.weight,
            )
            for image in plan.image
        ),
        weights,
    )


def build_component(
    host: PluginHost, spec: ComponentSpec, settings: Settings | None, *extra: object
) -> Any:
    """Call a spec's factory; what it raises becomes a PluginError that names the part."""
    factory = host.load_object(spec.factory)
    try:
        return factory(settings, *extra)
    except StylizeError:
        raise
    except Exception as error:
        raise PluginError(
            f"{spec.kind} {spec.name} ({spec.factory}) failed to build: "
            f"{type(error).__name__}: {error}"
        ) from error
