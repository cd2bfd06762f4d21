"""The parts of a plan, built from its specs and ready to use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from stylize.building.backbones import Network, build_component, build_loss, load_backbone
from stylize.building.device import choose_device
from stylize.building.features import FeatureExtractor
from stylize.building.objective import Term, TermObjective, blend_statistics, relative_reference
from stylize.contract.parts import LossPart, Method
from stylize.contract.protocols import Statistics
from stylize.contract.weights import Weights
from stylize.precision import choose_precision
from stylize.version import DISTRIBUTION
from stylize.vetting.looks import FirstLooks
from stylize.vetting.parts import vet_part

if TYPE_CHECKING:
    from stylize.contract.plan import LossPlan, Plan
    from stylize.contract.settings import Settings
    from stylize.contract.spec import ComponentSpec
    from stylize.discovery.host import PluginHost

__all__ = ["BuiltParts"]

# The smoothing that does nothing; another plugin's of that name may do something.
NOTHING = "none", f"{DISTRIBUTION}:none"


class BuiltParts:
    """The parts of a plan, built. Methods see them through the protocol `stylize.Parts`.

    Args:
        device: used instead of the one in the settings, if Accelerate has chosen it.

    Raises: WeightsUnavailableError, WeightsError, UnknownNameError, PluginError, UsageError; for
        the backbone, smoothing and losses of a trained model, only when they are first used.
    """

    def __init__(self, host: PluginHost, plan: Plan, device: torch.device | None = None) -> None:
        settings = plan.settings
        self._host = host
        self._plan = plan
        self.device = device or choose_device(settings.device)
        self.dtype = choose_precision(settings.precision, self.device)
        self.relative = settings.balance == "relative"
        self.model = plan.model
        self.looks = FirstLooks()
        self.method: Method = self._build(plan.method, plan.method_settings)
        # Errors of the others are reported now.
        if plan.model is None and plan.method.needs_features:
            _ = self.features, self.content, self.style, self.images

    @cached_property
    def _network(self) -> Network:
        plan, settings = self._plan, self._plan.settings
        network = load_backbone(
            self._host,
            settings.backbone,
            weights=settings.weights,
            settings=plan.backbone_settings,
            seed=settings.seed,
            device="cpu",
        )
        vet_part(self._host, plan.backbone, network.features.backbone, self.looks)
        return network

    @property
    def weights(self) -> Weights:
        """The backbone's weights."""
        return self._network.weights

    @cached_property
    def features(self) -> FeatureExtractor:
        """Backbone and smoothing."""
        plan, settings = self._plan, self._plan.settings
        # Checked even without a smoothing, so that a misspelt layer is reported early.
        smoothed = self._network.expand(settings.smooth_layers or plan.backbone.smooth_layers)
        backbone = self._network.features.backbone
        network = cast("torch.nn.Module", backbone).to(self.device, self.dtype)
        network.to(memory_format=torch.channels_last)
        return FeatureExtractor(
            backbone,
            plan.backbone.name,
            self._build(plan.smoothing, plan.smoothing_settings),
            plan.smoothing.name,
            frozenset(smoothed if plan.settings.smooth not in NOTHING else ()),
            (self.weights.gains or {}) if settings.gains == "calibrated" else {},
        )

    @cached_property
    def content(self) -> LossPart:
        """The loss that compares with the photograph."""
        plan = self._plan
        return self._loss(plan.content, plan.backbone.content_layers, plan.settings.content_weight)

    @cached_property
    def style(self) -> LossPart:
        """The loss that compares with the paintings."""
        plan = self._plan
        layers = plan.backbone.style_layers
        if plan.method.hypercolumns:
            layers = plan.backbone.hypercolumn_layers or layers
        return self._loss(plan.style, layers, plan.settings.style_weight)

    @cached_property
    def images(self) -> tuple[LossPart, ...]:
        """The losses of the picture itself."""
        return tuple(self._loss(image, (), image.weight) for image in self._plan.image)

    def _loss(self, chosen: LossPlan, default: Sequence[str], weight: float) -> LossPart:
        patterns = chosen.layers or dict.fromkeys(default, 1.0)
        expand = self._network.expand
        layers = {layer: w for pattern, w in patterns.items() for layer in expand([pattern])}
        loss = build_loss(self._host, chosen.spec, chosen.settings, self._plan.settings.seed)
        loss = vet_part(self._host, chosen.spec, loss, self.looks)
        return LossPart(chosen.spec.name, loss, layers, weight)

    def _build(self, spec: ComponentSpec, settings: Settings | None) -> Any:
        part = build_component(self._host, spec, settings)
        return vet_part(self._host, spec, part, self.looks)

    @property
    def fingerprint(self) -> str:
        """Fingerprint of what decides pictures besides settings: the model, or else the weights."""
        return self.model.fingerprint() if self.model else self.loss_network

    @property
    def loss_network(self) -> str:
        """Fingerprint of the losses' network's weights, also for a trained model; or "none"."""
        if self.model:
            return self.model.header.weights
        loaded = self._plan.method.needs_features or "_network" in vars(self)
        return self.weights.fingerprint if loaded else "none"

    def content_targets(self, content: Tensor) -> dict[str, Statistics]:
        """Return the content loss's statistics of images (N, 3, H, W), layer by layer."""
        return self._statistics(self.content, content)

    def style_targets(
        self, styles: Sequence[Tensor], weights: Sequence[float]
    ) -> dict[str, Statistics]:
        """Return the blended style statistics of images (N, 3, H, W) of any sizes."""
        style, several = self.style, [self._statistics(self.style, style) for style in styles]
        return {
            layer: blend_statistics(style.at(layer), [each[layer] for each in several], weights)
            for layer in style.layers
        }

    def objective(
        self,
        content: Mapping[str, Statistics] | None,
        style: Mapping[str, Statistics] | None,
        strength: float = 1.0,
    ) -> TermObjective:
        """Return the objective for the given targets; `strength` multiplies the style's weight."""
        terms: list[Term] = []
        for group, part, targets, factor in (
            ("content", self.content, content, 1.0),
            ("style", self.style, style, strength),
        ):
            for layer, target in (targets or {}).items():
                loss = part.at(layer)
                weight: Tensor | float = factor * part.weight * part.layers[layer]
                if self.relative:
                    weight = weight / relative_reference(loss, target)
                terms.append(Term(group, layer, loss, weight, target))
        terms += [Term(part.name, None, part.loss, part.weight) for part in self.images]
        return TermObjective(self.features, terms)

    def least_size(self, *, content: bool = True, style: bool = True) -> int:
        """The least height and width of an image that the chosen layers can see."""
        layers = [*(self.content.layers if content else ()), *(self.style.layers if style else ())]
        return self.features.least_size(layers)

    @torch.no_grad()
    def _statistics(self, part: LossPart, image: Tensor) -> dict[str, Statistics]:
        features = self.features(image, tuple(part.layers))
        self.features.check_finite(features)
        return {layer: part.at(layer).statistics(features[layer]) for layer in part.layers}
