"""A critic that learns to tell a network's pictures from the painting, by their features.

Gram matrices ask for the right features in the right number. The critic looks at each place, and
asks for strokes that continue as the painter's do.

Source: Li and Wand 2016, "Precomputed Real-Time Texture Synthesis with Markovian GANs": a critic
of a pretrained network's features, one per position. The objective is the hinge loss (Lim and Ye
2017); its share of the gradient is set as in VQGAN (Esser et al. 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylize import Parts

__all__ = ["Critic"]

WIDTH = 64
LEARNING_RATE, BETAS = 1e-3, (0.5, 0.9)
# The range of the scales of the painting's parts, so that they are many.
SCALES = 0.8, 1.25
TINY = 1e-20


class Critic:
    """Judges the features of pictures against those of random parts of paintings.

    Args:
        paintings: (1, 3, H, W) each, in [0, 1]; parts are taken in proportion to the weights.
    """

    def __init__(self, paintings: list[Tensor], weights: list[float], parts: Parts) -> None:
        self.parts = parts
        self.paintings = paintings
        self.shares = torch.tensor(weights, device=parts.device)
        infos, chosen = parts.features.layers, parts.style.layers
        # Without the finest layers, whose convolutions would take longer than all the others.
        self.layers = [layer for layer in chosen if infos[layer].stride > 1] or list(chosen)
        with torch.no_grad():
            seen = [parts.features(painting, self.layers) for painting in paintings]
        self.units = {
            layer: sum(each[layer].float().square().mean() for each in seen).sqrt()  # type: ignore[union-attr]
            for layer in self.layers
        }
        self.judges = nn.ModuleDict(
            {layer.replace(".", "_"): _judge(infos[layer].channels) for layer in self.layers}
        ).to(parts.device)
        on_gpu = parts.device.type == "cuda"
        self.optimizer = torch.optim.Adam(
            self.judges.parameters(), LEARNING_RATE, BETAS, fused=on_gpu, capturable=on_gpu
        )

    def blame(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return how much less the pictures of these features pass for the painting; a number."""
        return -sum(score.mean() for score in self._scores(features))  # type: ignore[return-value]

    def learn(self, features: Mapping[str, Tensor], side: int) -> Tensor:
        """Take a step on pictures' features and as many parts of paintings, and return its loss.

        Args:
            side: of the pictures, in pixels.
        """
        count = len(features[self.layers[0]])
        with torch.no_grad():
            painted = self.parts.features(self._draw(count, side), self.layers)
        made = {layer: features[layer].detach() for layer in self.layers}
        with torch.enable_grad():
            loss = sum(
                F.relu(1 - real).mean() + F.relu(1 + fake).mean()
                for real, fake in zip(self._scores(painted), self._scores(made), strict=True)
            )
            assert isinstance(loss, Tensor)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        return loss.detach()

    def state(self) -> dict[str, Any]:
        """Return what it has learnt, for a checkpoint."""
        return {"judges": self.judges.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.judges.load_state_dict(state["judges"])
        self.optimizer.load_state_dict(state["optimizer"])

    def _scores(self, features: Mapping[str, Tensor]) -> list[Tensor]:
        return [
            judge(features[layer].float() / self.units[layer])
            for layer, judge in zip(self.layers, self.judges.values(), strict=True)
        ]

    def _draw(self, count: int, side: int) -> Tensor:
        """Return (count, 3, side, side): parts of paintings, scaled and half of them mirrored."""
        drawn = torch.stack([_parts_of(painting, count, side) for painting in self.paintings])
        if len(drawn) == 1:
            return drawn[0]
        chosen = torch.multinomial(self.shares, count, replacement=True)
        return drawn[chosen, torch.arange(count, device=chosen.device)]


def _judge(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, WIDTH, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(WIDTH, 1, 1),
    )


def _parts_of(painting: Tensor, count: int, side: int) -> Tensor:
    height, width = painting.shape[-2:]
    device = painting.device
    scale, across, down, mirror = torch.rand(4, count, device=device)
    least, most = SCALES
    cut = (side * (least + (most - least) * scale)).clamp(max=min(height, width))
    x, y = cut / width, cut / height
    sign = torch.where(mirror < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(x)
    theta = torch.stack(
        [sign * x, zero, (1 - x) * (2 * across - 1), zero, y, (1 - y) * (2 * down - 1)], dim=1
    ).view(count, 2, 3)
    grid = F.affine_grid(theta, [count, 3, side, side], align_corners=False)
    every = painting.expand(count, -1, -1, -1)
    return F.grid_sample(every, grid, padding_mode="reflection", align_corners=False)
