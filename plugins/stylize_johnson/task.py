"""The training objective: the perceptual losses of eq. 5-7, for one painting or for pairs.

A pair is a photograph and the picture that a slower method made of it. The positions of its
strokes are random, so a mean over pixels would blur them. Pixels therefore teach colours and
shapes, and each picture's own style loss teaches strokes (like the texture matching of EnhanceNet,
Sajjadi et al. 2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylize import Parts, StyleImage
from stylize_johnson.network import TransformationNetwork
from stylize_johnson.settings import JohnsonSettings

# Weight of the mean squared excess of pixels beyond [0, 1], which clamping would hide.
RANGE = 100.0
# For pairs: side in pixels of the squares whose mean colours are compared. Larger than strokes.
PATCH = 8


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
        self.network: nn.Module = TransformationNetwork(settings).to(parts.device)
        self.styles = images, weights
        self._take_colours()
        self.settings = settings
        self.parts = parts
        self.strength = strength
        self.targets = parts.style_targets(images, weights)

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
        """Return the (N,) objective of photographs, and its terms."""
        image = self.preview(network, batch)
        total, terms = self._compare(image, batch)
        excess = (image - image.clamp(0, 1)).square().flatten(1).mean(dim=1)
        terms["range"] = RANGE * excess.detach()
        return total + RANGE * excess, terms

    def _compare(
        self, image: Tensor, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the losses of pictures against photographs and painting, or against pairs."""
        picture = batch.get("picture")
        if picture is None:
            content = self.parts.content_targets(batch["content"])
            return self.parts.objective(content, self.targets, self.strength)(image)
        style = self.parts.style_targets([picture], [1.0])
        total, terms = self.parts.objective(None, style, self.strength)(image)
        difference = image - picture
        weights = {"pixels": self.settings.pixel_weight, "colours": self.settings.colour_weight}
        for name, seen in (("pixels", difference), ("colours", F.avg_pool2d(difference, PATCH))):
            term = weights[name] * seen.abs().flatten(1).mean(dim=1)
            total, terms[name] = total + term, term.detach()
        return total, terms

    def preview(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the stylised photographs (N, 3, S, S), in float32, not clamped."""
        photographs = batch["content"]
        with torch.autocast(
            photographs.device.type, torch.bfloat16, enabled=self.parts.dtype == torch.bfloat16
        ):
            image: Tensor = network(photographs)
        return image.float()
