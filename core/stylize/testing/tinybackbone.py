"""The smallest backbone that keeps all promises: for tests of other parts."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

from stylize.errors import UnknownNameError
from stylize.protocols import LayerInfo
from stylize.spec import IMAGENET_MEAN, IMAGENET_STD

__all__ = ["TinyBackbone"]


class TinyBackbone(nn.Module):
    """Two convolutions: `block1` (8 channels, stride 2) and `block2` (16 channels, stride 4)."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.layers = {"block1": LayerInfo(8, 2, 2), "block2": LayerInfo(16, 4, 4)}
        self.steps = nn.ModuleList(nn.Conv2d(i, o, 2, stride=2) for i, o in ((3, 8), (8, 16)))
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                fan_in = max(parameter[0].numel(), 1)
                parameter.normal_(0.0, (2 / fan_in) ** 0.5, generator=generator)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the asked layers' features of images (N, 3, H, W) in [0, 1]."""
        if unknown := set(layers) - self.layers.keys():
            raise UnknownNameError("layer of the tiny backbone", min(unknown), self.layers)
        mean = image.new_tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
        std = image.new_tensor(IMAGENET_STD).view(1, 3, 1, 1)
        x = ((image - mean) / std).to(next(self.parameters()).dtype)
        features: dict[str, Tensor] = {}
        for name, step in zip(self.layers, self.steps, strict=True):
            if len(features) == len(set(layers)):
                break
            x = step(x).relu()
            if name in layers:
                features[name] = x
        return features
