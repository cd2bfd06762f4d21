"""The smallest backbone that keeps all promises: for tests of other parts."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor, nn

from stylize.contract.protocols import LayerInfo
from stylize.contract.weights import Weights
from stylize.errors import UnknownNameError

__all__ = ["TinyBackbone"]


class TinyBackbone(nn.Module):
    """Two convolutions: `block1` (8 channels, stride 2) and `block2` (16 channels, stride 4).

    Args:
        weights: seeded random ones by default.
    """

    def __init__(self, settings: None = None, weights: Weights | None = None) -> None:
        super().__init__()
        del settings
        weights = weights or Weights("tiny.random", None)
        self.layers = {"block1": LayerInfo(8, 2, 2), "block2": LayerInfo(16, 4, 4)}
        self.steps = nn.ModuleList([nn.Conv2d(3, 8, 2, stride=2), nn.Conv2d(8, 16, 2, stride=2)])
        weights.load_into(self)
        self.mean, self.std = weights.mean, weights.std
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the requested layers' features of images (N, 3, H, W) in [0, 1]."""
        if unknown := set(layers) - self.layers.keys():
            raise UnknownNameError("layer of the tiny backbone", min(unknown), self.layers)
        x = self.normalise(image).to(next(self.parameters()).dtype)
        features: dict[str, Tensor] = {}
        for name, step in zip(self.layers, self.steps, strict=True):
            if len(features) == len(set(layers)):
                break
            x = step(x).relu()
            if name in layers:
                features[name] = x
        return features

    def normalise(self, image: Tensor) -> Tensor:
        """Subtract the mean of the weights and divide by their deviation."""
        mean = image.new_tensor(self.mean).view(1, 3, 1, 1)
        std = image.new_tensor(self.std).view(1, 3, 1, 1)
        return (image - mean) / std
