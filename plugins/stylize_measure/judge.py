"""The one judge of pictures: a picture's distances from its content and from its style.

All comparisons use the same network, size and layers, whatever made the picture, so that numbers
of different methods, backbones and losses are comparable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stylize import DISTRIBUTION, Kind, full_name, load_backbone, resize
from stylize.errors import ImageTooSmallError
from stylize_measure.distances import (
    deviations,
    draw_positions,
    gram,
    means,
    relative_distance,
    self_similarity,
    transport_distance,
)

if TYPE_CHECKING:
    from stylize import PluginHost

__all__ = [
    "JUDGE_BACKBONE",
    "JUDGE_SIZE",
    "ContentMeasures",
    "Judge",
    "StyleMeasures",
    "Verdict",
    "judged_size",
]

JUDGE_BACKBONE = "vgg16.oxford"
JUDGE_SIZE = 512
CONTENT_LAYER = "relu4_1"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
STRUCTURE_LAYERS = STYLE_LAYERS[2:4]
STROKE_LAYERS = STYLE_LAYERS[:4]
# Number of positions sampled per layer, and the seed that draws them.
STRUCTURE_DRAW = 1024, 1
STROKE_DRAW = 4096, 0


@dataclass(frozen=True)
class Verdict:
    """Distances, 0 for equal; they are never added up.

    Args:
        content: |F - Fc| / |Fc| at relu4_1.
        style: mean over relu1_1 ... relu5_1 of |G - Gs| / |Gs|, G = F F^T / M.
        structure: mean over relu3_1 and relu4_1 of the mean absolute difference of the two
            pictures' self-similarities: cosine distances among 1,024 positions, each row divided
            by its mean. Lost shapes cost; new colours and strokes hardly do.
        strokes: mean over relu1_1 ... relu4_1 of the relaxed earth mover's distance: the larger
            of the two mean cosine distances to the nearest of the other picture, at 4,096
            positions of each, with the style's mean subtracted from the features. Low only if
            the features of the picture are in the style, and the other way round.
        layers: the style distance, layer by layer.
        means, deviations: |m - ms| / |ms| of the channels' means, and of their standard
            deviations, over positions; layer by layer. Not part of the style distance.
        stroke_layers: the strokes distance, layer by layer.
        judge_size: longer side in pixels at which pictures were judged; numbers of different
            sizes are not comparable.

    Source: Kolkin et al. 2019 (STROTSS), for structure and strokes.
    """

    content: float
    style: float
    structure: float
    strokes: float
    layers: dict[str, float]
    means: dict[str, float]
    deviations: dict[str, float]
    stroke_layers: dict[str, float]
    judge_size: int


@dataclass(frozen=True)
class ContentMeasures:
    """A content's measures, to judge many pictures against; up to 16 MB.

    Args:
        size: (height, width) at which the pictures are judged.
        features: (1, C, H, W) at relu4_1.
        similarities: (M, M), by layer.
    """

    size: tuple[int, int]
    features: Tensor
    similarities: Mapping[str, Tensor]


@dataclass(frozen=True)
class StyleMeasures:
    """A style's measures, to judge many pictures against; up to 20 MB.

    Args:
        grams, means, deviations: (1, C, C), (1, C) and (1, C), by layer.
        strokes: (M, C) at the positions drawn, less the mean, by layer.
    """

    grams: Mapping[str, Tensor]
    means: Mapping[str, Tensor]
    deviations: Mapping[str, Tensor]
    strokes: Mapping[str, Tensor]


class Judge:
    """Compares pictures in float32 on `vgg16.oxford`.

    Args:
        host: the plugins; all that are installed by default.
        device: by torch's name.
        size: longer side in pixels, to which all pictures are brought.
    """

    def __init__(
        self, host: PluginHost | None = None, device: str = "auto", *, size: int = JUDGE_SIZE
    ) -> None:
        from stylize import PluginHost

        self.size = size
        host = host or PluginHost.discover()
        name = full_name(host, Kind.BACKBONE, JUDGE_BACKBONE, DISTRIBUTION)
        self.network = load_backbone(host, name, device=device)

    @torch.no_grad()
    def __call__(
        self, output: Tensor, content: Tensor | ContentMeasures, style: Tensor | StyleMeasures
    ) -> Verdict:
        """Judge a picture (1, 3, H, W) in [0, 1] against a content and a style of any sizes.

        Args:
            content, style: such pictures too, or this judge's measures of them.

        Raises: ImageTooSmallError for a strip: more than 32 times as long as wide at 512 pixels.
        """
        if isinstance(content, Tensor):
            content = self.measure_content(content)
        if isinstance(style, Tensor):
            style = self.measure_style(style)
        now = self.network(resize(output, content.size), STYLE_LAYERS)
        by_layer = {
            name: relative_distance(gram(now[name]), style.grams[name]) for name in STYLE_LAYERS
        }
        structures = [
            float(
                (self_similarity(draw_positions(now[name], *STRUCTURE_DRAW)) - before).abs().mean()
            )
            for name, before in content.similarities.items()
        ]
        strokes = {
            name: transport_distance(
                draw_positions(now[name], *STROKE_DRAW) - style.means[name], painted
            )
            for name, painted in style.strokes.items()
        }
        return Verdict(
            content=relative_distance(now[CONTENT_LAYER], content.features),
            style=fmean(by_layer.values()),
            structure=fmean(structures),
            strokes=fmean(strokes.values()),
            layers=by_layer,
            means={
                name: relative_distance(means(now[name]), before)
                for name, before in style.means.items()
            },
            deviations={
                name: relative_distance(deviations(now[name]), before)
                for name, before in style.deviations.items()
            },
            stroke_layers=strokes,
            judge_size=self.size,
        )

    @torch.no_grad()
    def measure_content(self, image: Tensor) -> ContentMeasures:
        """Measure a content (1, 3, H, W) in [0, 1] once, to judge many pictures of it.

        Raises: ImageTooSmallError for a strip.
        """
        size = self._seen_size(image)
        seen = self.network(resize(image, size), (*STRUCTURE_LAYERS, CONTENT_LAYER))
        return ContentMeasures(
            size,
            seen[CONTENT_LAYER],
            {
                name: self_similarity(draw_positions(seen[name], *STRUCTURE_DRAW))
                for name in STRUCTURE_LAYERS
            },
        )

    @torch.no_grad()
    def measure_style(self, image: Tensor) -> StyleMeasures:
        """Measure a style (1, 3, H, W) in [0, 1] once, to judge many pictures against it.

        Raises: ImageTooSmallError for a strip.
        """
        seen = self.network(resize(image, self._seen_size(image)), STYLE_LAYERS)
        centres = {name: means(features) for name, features in seen.items()}
        return StyleMeasures(
            {name: gram(features) for name, features in seen.items()},
            centres,
            {name: deviations(features) for name, features in seen.items()},
            {
                name: draw_positions(seen[name], *STROKE_DRAW) - centres[name]
                for name in STROKE_LAYERS
            },
        )

    def is_own(self, weights: str) -> bool:
        """Whether weights with this fingerprint are the judge's own.

        A picture that was optimised on them looks better to the judge than it is.
        """
        return weights == self.network.weights.fingerprint

    def _seen_size(self, image: Tensor) -> tuple[int, int]:
        """Return `judged_size`. Raises: ImageTooSmallError if the layers could not see it."""
        height, width = judged_size(image, self.size)
        least = self.network.features.least_size(STYLE_LAYERS)
        if min(height, width) < least:
            raise ImageTooSmallError(
                f"an image is {width}x{height} at the judge's size of {self.size}, and needs "
                f"{least} pixels each way: it is too narrow a strip to judge: use a larger "
                f"--judge-size, or crop it",
                (width, height),
            )
        return height, width


def judged_size(image: Tensor, size: int = JUDGE_SIZE) -> tuple[int, int]:
    """Return the (height, width) at which an image (N, C, H, W) is judged.

    Args:
        size: of the judge.
    """
    height, width = image.shape[-2:]
    scale = size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
