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

from stylize.building.backbones import load_backbone
from stylize.errors import ImageTooSmallError
from stylize.pictures.tensors import resize

if TYPE_CHECKING:
    from stylize.discovery.host import PluginHost

__all__ = ["JUDGE_BACKBONE", "JUDGE_SIZE", "Judge", "Verdict", "judged_size"]

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
        means, deviations: |m - ms| / |ms| of the channels' means, and of their standard
            deviations, over positions; layer by layer. No part of the style distance.
    """

    content: float
    style: float
    layers: dict[str, float]
    means: dict[str, float]
    deviations: dict[str, float]


class Judge:
    """Compares pictures in float32 on `vgg16.oxford`, at a longer side of 512 pixels.

    Args:
        host: the plugins; all that are installed by default.
        device: by torch's name.
    """

    def __init__(self, host: PluginHost | None = None, device: str = "auto") -> None:
        from stylize.discovery.host import PluginHost

        self.network = load_backbone(host or PluginHost.discover(), JUDGE_BACKBONE, device=device)

    @torch.no_grad()
    def __call__(self, output: Tensor, content: Tensor, style: Tensor) -> Verdict:
        """Judge a picture (1, 3, H, W) in [0, 1] against a content and a style of any sizes.

        Raises: ImageTooSmallError for a strip: more than 32 times as long as wide.
        """
        size, style_size = judged_size(content), judged_size(style)
        least = self.network.features.least_size(STYLE_LAYERS)
        for height, width in (size, style_size):
            if min(height, width) < least:
                raise ImageTooSmallError(
                    f"an image is {width}x{height} at the judge's size of {JUDGE_SIZE}, and needs "
                    f"{least} pixels each way: it is too narrow a strip to judge",
                    (width, height),
                )
        now = self.network(resize(output, size), (*STYLE_LAYERS, CONTENT_LAYER))
        of_content = self.network(resize(content, size), (CONTENT_LAYER,))
        of_style = self.network(resize(style, style_size), STYLE_LAYERS)
        layers = {name: _relative(_gram(now[name]), _gram(of_style[name])) for name in STYLE_LAYERS}
        return Verdict(
            _relative(now[CONTENT_LAYER], of_content[CONTENT_LAYER]),
            _mean(list(layers.values())),
            layers,
            {name: _relative(_means(now[name]), _means(of_style[name])) for name in STYLE_LAYERS},
            {
                name: _relative(_deviations(now[name]), _deviations(of_style[name]))
                for name in STYLE_LAYERS
            },
        )

    def is_own(self, weights: str) -> bool:
        """Whether weights with this fingerprint are the judge's own.

        A picture that was optimised on them looks better to the judge than it is.
        """
        return weights == self.network.weights.fingerprint


def judged_size(image: Tensor) -> tuple[int, int]:
    """Return the (height, width) at which an image (N, C, H, W) is judged."""
    height, width = image.shape[-2:]
    scale = JUDGE_SIZE / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _gram(features: Tensor) -> Tensor:
    flat = features.flatten(2)
    return flat @ flat.mT / flat.shape[-1]


def _means(features: Tensor) -> Tensor:
    return features.mean(dim=(2, 3))


def _deviations(features: Tensor) -> Tensor:
    return features.std(dim=(2, 3), correction=0)


def _relative(current: Tensor, target: Tensor) -> float:
    return float((current - target).norm() / target.norm())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
