"""The training objective: the perceptual losses of eq. 5-7, for one painting or for pairs.

A pair is a photograph and the picture that a slower method made of it. The positions of its
strokes are random, so a mean over pixels would blur them. Pixels therefore teach colours and
shapes, and each picture's own style loss teaches strokes (like the texture matching of EnhanceNet,
Sajjadi et al. 2017).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylize import Parts, Statistics, StyleImage, TermObjective
from stylize.errors import UsageError
from stylize_johnson.critic import Critic
from stylize_johnson.lattice import measure_lattice
from stylize_johnson.network import TransformationNetwork
from stylize_johnson.settings import JohnsonSettings

# Weight of the mean squared excess of pixels beyond [0, 1], which clamping would hide.
RANGE = 100.0
# Weight of the energy of detail that repeats with the network's grid.
LATTICE = 3000.0
# For pairs: side in pixels of the squares whose mean colours are compared. Larger than strokes.
PATCH = 8
TINY = 1e-20


class JohnsonTask:
    """A network to train on the losses of the parts, with the targets of the paintings."""

    learns_pairs = True

    def __init__(
        self,
        settings: JohnsonSettings,
        styles: Sequence[StyleImage],
        parts: Parts,
        strength: float,
    ) -> None:
        images = [style.image for style in styles]
        weights = [style.weight for style in styles]
        self.settings = settings
        self.parts = parts
        self.strength = strength
        for style in styles:
            self._check_size(style.image, style.name, "--style-size")
        self.targets = [
            parts.style_targets([_shrink(image, scale) for image in images], weights)
            for scale in range(settings.scales)
        ]
        self.network: nn.Module = TransformationNetwork(settings).to(parts.device)
        self.styles = images, weights
        self._take_colours()
        self.critic = Critic(images, weights, parts) if settings.critic else None

    def start_from(self, tensors: Mapping[str, Tensor], *, same_styles: bool) -> None:
        """Load a model into the network; for another painting, everything but the colours.

        Raises: RuntimeError if the tensors belong to another network.
        """
        self.network.load_state_dict(dict(tensors))
        if not same_styles:
            self._take_colours()

    def _take_colours(self) -> None:
        assert isinstance(self.network, TransformationNetwork)
        self.network.start_from_colours(*self.styles)

    def loss(
        self, network: nn.Module, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the (N,) objective of photographs, and its terms.

        With a critic, and in training, the objective's gradient is right, but not its value.
        """
        if self.settings.scales > 1:
            self._check_size(batch["content"], "a crop", "--crop")
        image = self.preview(network, batch)
        if self.critic is None or not network.training:
            total, terms, _ = self._compare(image, batch)
            return total, terms
        critic, seen = self.critic, image.detach().requires_grad_()
        total, terms, features = self._compare(seen, batch)
        (pull,) = torch.autograd.grad(total.sum(), seen, retain_graph=True)
        (blamed,) = torch.autograd.grad(critic.blame(features) * len(seen), seen)
        share = self.settings.critic * pull.norm() / blamed.norm().clamp_min(TINY)
        terms["critic"] = critic.learn(features, seen.shape[-1]).expand(len(seen))
        return ((pull + share * blamed) * image).flatten(1).sum(dim=1), terms

    def _check_size(self, picture: Tensor, name: str, option: str) -> None:
        """Raise UsageError if a picture is too small to be compared at all sizes."""
        scales, least = self.settings.scales, self.parts.least_size(content=False)
        height, width = picture.shape[-2:]
        if min(height, width) >> (scales - 1) >= least:
            return
        seen = f", and johnson.scales={scales} compares it at 1/{2 ** (scales - 1)} of that"
        raise UsageError(
            f"{name} is {width}x{height}{seen if scales > 1 else ''}, but the style layers need "
            f"{least}x{least}: use a larger one or a larger {option}"
            f"{', or fewer scales' if scales > 1 else ''}"
        )

    def state(self) -> Mapping[str, Any]:
        """Return what else is learnt, for a checkpoint: the critic."""
        return self.critic.state() if self.critic else {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        if self.critic and state:
            self.critic.load_state(state)

    def _compare(
        self, image: Tensor, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Return the losses of pictures, their terms, and the features that they were taken from.

        Pictures are compared with photographs and paintings, or with pairs.
        """
        picture = batch.get("picture")
        content, targets = None, self.targets
        if picture is None:
            content = self._content(batch["content"])
        else:
            targets = [
                self.parts.style_targets([_shrink(picture, scale)], [1.0])
                for scale in range(len(targets))
            ]
        # The style's weight is shared by all sizes.
        strength = self.strength / len(targets)
        objective = self.parts.objective(content, targets[0], strength)
        assert isinstance(objective, TermObjective)
        layers = {*objective.layers, *(self.critic.layers if self.critic else ())}
        features = self.parts.features(image, layers)
        total, terms = TermObjective(_Known(features), objective.terms)(image)  # type: ignore[arg-type]
        for scale, target in enumerate(targets[1:], 1):
            more, style = self._style_alone(target, strength)(_shrink(image, scale))
            total, terms["style"] = total + more, terms["style"] + style["style"]
        excess = RANGE * (image - image.clamp(0, 1)).square().flatten(1).mean(dim=1)
        total, terms["range"] = total + excess, excess.detach()
        assert isinstance(self.network, TransformationNetwork)
        lattice = LATTICE * measure_lattice(image, self.network.stride)
        total, terms["lattice"] = total + lattice, lattice.detach()
        if picture is not None:
            difference = image - picture
            settings = self.settings
            weights = {"pixels": settings.pixel_weight, "colours": settings.colour_weight}
            for name, seen in (
                ("pixels", difference),
                ("colours", F.avg_pool2d(difference, PATCH)),
            ):
                term = weights[name] * seen.abs().flatten(1).mean(dim=1)
                total, terms[name] = total + term, term.detach()
        return total, terms, features

    def _style_alone(self, target: Mapping[str, Statistics], strength: float) -> TermObjective:
        """Return the objective of the style, without the losses of the picture itself."""
        objective = self.parts.objective(None, target, strength)
        assert isinstance(objective, TermObjective)
        terms = [term for term in objective.terms if term.group == "style"]
        return TermObjective(self.parts.features, terms)

    @torch.no_grad()
    def _content(self, photographs: Tensor) -> dict[str, Statistics]:
        """Return the content's targets. They are not looked at, for which a GPU would wait."""
        content = self.parts.content
        features = self.parts.features(photographs, tuple(content.layers))
        return {layer: content.at(layer).statistics(features[layer]) for layer in content.layers}

    def preview(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the stylised photographs (N, 3, S, S), in float32, not clamped."""
        photographs = batch["content"]
        height, width = photographs.shape[-2:]
        assert isinstance(self.network, TransformationNetwork)
        down, across = -height % self.network.stride, -width % self.network.stride
        photographs = F.pad(photographs, (0, across, 0, down), mode="replicate")
        with torch.autocast(
            photographs.device.type, torch.bfloat16, enabled=self.parts.dtype == torch.bfloat16
        ):
            image: Tensor = network(photographs)
        return image[..., :height, :width].float()


def _shrink(picture: Tensor, scale: int) -> Tensor:
    """Return a picture at 1 / 2^scale of its size."""
    return F.avg_pool2d(picture, 2**scale) if scale else picture


class _Known:
    """Features that are already known, in place of a network."""

    def __init__(self, features: Mapping[str, Tensor]) -> None:
        self.features = features

    def __call__(self, _: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        return {layer: self.features[layer] for layer in layers}
