"""The one judge of pictures: how far a picture is from its content and from its style.

All comparisons use the same network, size and layers, whatever made the picture, so that numbers
of different methods, backbones and losses can stand beside each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stylize.device import choose_device
from stylize.images import resize
from stylize.protocols import Backbone

if TYPE_CHECKING:
    from stylize.plugins import PluginHost

__all__ = ["JUDGE_BACKBONE", "Judge", "Verdict"]

JUDGE_BACKBONE = "vgg16.oxford"
JUDGE_SIZE = 512
CONTENT_LAYER = "relu4_1"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Verdict:
    """Distances, 0 for equal; the two are never added up.

    Args:
        content: |F - Fc| / |Fc| at relu4_1.
        style: mean over relu1_1 ... relu5_1 of |G - Gs| / |Gs|, G = F F^T / M.
        layers: the style distance, layer by layer.
    """

    content: float
    style: float
    layers: dict[str, float]


class Judge:
    """Compares pictures in float32 on `vgg16.oxford`, at a longer side of 512 pixels.

    Args:
        host: the plugins; all that are installed by default.
        device: by torch's name.
    """

    def __init__(self, host: PluginHost | None = None, device: str = "auto") -> None:
        from stylize.api import create_backbone

        backbone = create_backbone(JUDGE_BACKBONE, host=host)
        assert isinstance(backbone, torch.nn.Module)
        self.device = choose_device(device)
        self.backbone: Backbone = backbone.to(self.device)

    @torch.no_grad()
    def __call__(self, output: Tensor, content: Tensor, style: Tensor) -> Verdict:
        """Judge a picture (1, 3, H, W) in [0, 1] against a content and a style of any sizes."""
        content = self._resize(content)
        output = resize(output.to(self.device), (content.shape[-2], content.shape[-1]))
        layers = (*STYLE_LAYERS, CONTENT_LAYER)
        features = self.backbone(output, layers)
        content_features = self.backbone(content, (CONTENT_LAYER,))
        style_features = self.backbone(self._resize(style), STYLE_LAYERS)
        distances = {
            layer: _relative(_gram(features[layer]), _gram(style_features[layer]))
            for layer in STYLE_LAYERS
        }
        return Verdict(
            _relative(features[CONTENT_LAYER], content_features[CONTENT_LAYER]),
            _mean(list(distances.values())),
            distances,
        )

    def _resize(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        scale = JUDGE_SIZE / max(height, width)
        size = max(1, round(height * scale)), max(1, round(width * scale))
        return resize(image.to(self.device, torch.float32), size)


def _gram(features: Tensor) -> Tensor:
    flat = features.flatten(2)
    return flat @ flat.mT / flat.shape[-1]


def _relative(current: Tensor, target: Tensor) -> float:
    return float((current - target).norm() / target.norm())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
