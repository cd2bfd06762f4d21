"""The training objective: eq. 10-12, for pairs of a photograph and a painting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylize import Parts, Statistics, Term, TermObjective, relative_reference
from stylize.errors import UsageError
from stylize_adain.augmentation import draw_mixture, draw_number, vary_colors
from stylize_adain.choosing import create_transform
from stylize_adain.network import Decoder, buildable_layers, choose_layer
from stylize_adain.settings import INIT_MAY_DIFFER, AdainSettings

# Weight of the mean squared excess of pixels beyond [0, 1], which clamping would hide.
RANGE = 100.0
# Side of the picture for measuring the scale of features, in positions.
MEASURED = 16


@dataclass(frozen=True)
class _Targets:
    """The targets of a batch's pictures.

    Args:
        features: packed features (N, C, H, W), float32 (t of eq. 9).
        content: the features that content is compared with, by layer.
        style: the statistics that style is compared with, by layer.
    """

    features: Tensor
    content: Mapping[str, Tensor]
    style: Mapping[str, Statistics]


class AdainTask:
    """A decoder to train, after a fixed encoder, on the losses of the parts.

    Raises: UsageError, UnknownNameError for a layer that no decoder can be built for.
    """

    init_may_differ = INIT_MAY_DIFFER

    def __init__(self, settings: AdainSettings, parts: Parts, strength: float) -> None:
        self.settings = settings
        self.parts = parts
        self.strength = strength
        self.layer = choose_layer(settings.layer, parts.features, parts.style.layers)
        self.style_layers = tuple(parts.style.layers)
        network = Decoder(parts.features.layers, self.layer, settings).to(parts.device)
        self.packing = network.packing
        self.transform = create_transform(settings, self.packing, torch.float32)
        network.fit_scale(self._features_of_noise())
        self.network: nn.Module = network

    def start_from(self, tensors: Mapping[str, Tensor], *, same_styles: bool) -> None:
        """Load the decoder of a model.

        Raises: RuntimeError if the tensors belong to another network.
        """
        del same_styles  # none is learnt
        self.network.load_state_dict(dict(tensors))

    def loss(
        self, network: nn.Module, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the (N,) objective of photographs with paintings, and its terms.

        In training, the first photographs of the batch take their own style, not a painting's.
        """
        photographs = batch["content"]
        own = draw_number(self.settings.own_style * len(photographs)) if network.training else 0
        paintings = batch["style"][own:]
        if network.training:
            paintings = vary_colors(paintings, self.settings.style_colors)
        targets = self._targets(photographs, paintings, mix=network.training)
        image = self._decode(network, targets.features)
        total, terms = self._objective(targets)(image)
        excess = (image - image.clamp(0, 1)).square().flatten(1).mean(dim=1)
        parts = {"range": RANGE * excess}
        if own:
            squares = (image[:own] - photographs[:own]).square().flatten(1).mean(dim=1)
            parts["pixel"] = F.pad(self.settings.pixel_weight * squares, (0, len(image) - own))
        terms |= {name: value.detach() for name, value in parts.items()}
        return total + sum(parts.values()), terms

    def preview(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the stylised photographs (N, 3, S, S), in float32, not clamped."""
        alpha = self.transform.alpha  # as it is applied
        targets = self._targets(batch["content"], batch["style"], mix=False, alpha=alpha)
        return self._decode(network, targets.features)

    def _decode(self, network: nn.Module, features: Tensor) -> Tensor:
        reduced = self.parts.dtype == torch.bfloat16
        with torch.autocast(features.device.type, torch.bfloat16, enabled=reduced):
            image: Tensor = network(features)
        return image.float()

    def _objective(self, targets: _Targets) -> TermObjective:
        """Return eq. 12: the content loss of the decoded features plus the style loss."""
        content = self.parts.content
        terms = []
        for layer, features in targets.content.items():
            loss = content.at(layer)
            target = loss.statistics(features)
            weight: Tensor | float = content.weight
            if layer != self.layer:
                weight = weight * self.settings.skip_weight
            if self.parts.relative:
                weight = weight / relative_reference(loss, target)
            terms.append(Term("content", layer, loss, weight, target))
        style = self.parts.objective(None, targets.style, self.strength)
        assert isinstance(style, TermObjective)
        return TermObjective(self.parts.features, [*terms, *style.terms])

    @torch.no_grad()
    def _targets(
        self, photographs: Tensor, paintings: Tensor, *, mix: bool, alpha: float = 1.0
    ) -> _Targets:
        """Return the targets of photographs, the last of which take the style of a painting.

        The encoder makes one pass over all pictures. Photographs that take their own style are
        placed between the others and the paintings, so that both halves are slices.
        """
        count, own = len(photographs), len(photographs) - len(paintings)
        pictures = torch.cat([photographs[own:], photographs[:own], paintings])
        features = self.parts.features(pictures, {*self.packing.names, *self.style_layers})
        first = count - own
        encoded = self.packing.pack(features, pictures)
        content = torch.cat([encoded[first:count], encoded[:first]])
        mixture = draw_mixture(
            count, own, self.settings.style_mix if mix else 0.0, photographs.device
        )
        style: dict[str, Statistics] = {}
        for layer in self.style_layers:
            loss = self.parts.style.at(layer)
            style[layer] = mixture.of_statistics(loss, loss.statistics(features[layer][first:]))
        target = self.transform.restyle(content, encoded[first:], mixture)
        if alpha < 1:
            target = content.float().lerp(target, alpha)
        compared = content.float().lerp(target, self.settings.target_alpha)
        names = self.packing.names if self.settings.skip_weight else self.packing.names[:1]
        layers = dict(zip(names, self.packing.unpack(compared), strict=False))
        return _Targets(target, layers, style)

    @torch.no_grad()
    def _features_of_noise(self) -> Tensor:
        """Return packed features of a picture of smooth noise.

        Raises: UsageError if their shape is not the one that the backbone declares.
        """
        features, layer = self.parts.features, self.layer
        info = features.layers[layer]
        coarse = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
        side = MEASURED * info.stride
        noise = F.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)
        noise = noise.to(self.parts.device)
        found = features(noise, self.packing.names)
        declared = (1, info.channels, MEASURED, MEASURED)
        if tuple(found[layer].shape) != declared:
            raise UsageError(
                f"layer {layer} of {features.name} gives features of shape "
                f"{tuple(found[layer].shape)} but declares {declared}, so no decoder fits: "
                f"choose another of {', '.join(buildable_layers(features.layers))}"
            )
        return self.packing.pack(found, noise)
