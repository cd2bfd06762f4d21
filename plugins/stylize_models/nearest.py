"""The network of one painting that paints most like another painting, colours left aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from torch import Tensor

from stylize import ModelFile, bytes_of, load_backbone, resize
from stylize_models.sheet import Styles, demo_file

if TYPE_CHECKING:
    from stylize import PluginHost

__all__ = ["nearest_model"]

BACKBONE = "stylize-nst:vgg16.oxford"
LAYERS = "relu1_1", "relu2_1", "relu3_1", "relu4_1"
# Longer sides of the photograph and of the painting, in pixels. The networks learnt paintings of
# 768, so that their strokes are large in a small photograph: the painting must not be as small.
PHOTOGRAPH, PAINTING = 224, 576
# Below it, a deviation is a rounding error: of a channel that a picture does not wake.
FLAT = 1e-3
# What Rec. 601 makes grey of red, green and blue; the mean and deviation that all pictures get.
GREY = 0.299, 0.587, 0.114
MEAN, DEVIATION = 0.5, 0.2

Strokes: TypeAlias = Mapping[str, Tensor]


def nearest_model(
    host: PluginHost, painting: Tensor, models: Sequence[ModelFile], device: str = "auto"
) -> ModelFile:
    """Return the model whose picture of the demo's photograph has strokes most like a painting's.

    Args:
        painting: (1, 3, H, W) in [0, 1].
        models: of one painting each.
    """
    height, width = painting.shape[-2:]
    scale = PAINTING / max(height, width)
    seen = resize(painting, (max(1, round(height * scale)), max(1, round(width * scale))))
    network = load_backbone(host, BACKBONE, device=device)
    wanted = _measure(network(_without_colours(seen), LAYERS))
    styles, photograph = Styles(host, PHOTOGRAPH, device), demo_file("china.jpg")

    def distance(model: ModelFile) -> float:
        made, _ = styles.apply(model, photograph)
        pixels = bytes_of(made).float() / 255
        return _distance(_measure(network(_without_colours(pixels), LAYERS)), wanted)

    return min(models, key=distance)


def _without_colours(picture: Tensor) -> Tensor:
    """Return a picture (1, 3, H, W) in grey, with a mean and a deviation that all pictures get."""
    grey = (picture * picture.new_tensor(GREY).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    spread = grey.std(correction=0).clamp(min=FLAT)
    grey = ((grey - grey.mean()) / spread * DEVIATION + MEAN).clamp(0, 1)
    return grey.expand(-1, 3, -1, -1)


def _measure(features: Mapping[str, Tensor]) -> Strokes:
    """Return the (C, C) correlations of the channels of features (1, C, H, W), layer by layer.

    They tell which small shapes come together, and neither how strong nor how frequent they are:
    that much depends on what a picture shows.
    """
    strokes = {}
    for name, each in features.items():
        rows = each[0].flatten(1)
        centred = rows - rows.mean(dim=1, keepdim=True)
        deviations = centred.square().mean(dim=1).sqrt()
        unit = centred / (deviations[:, None] + FLAT)
        strokes[name] = unit @ unit.mT / unit.shape[1]
    return strokes


def _distance(one: Strokes, other: Strokes) -> float:
    """Return the sum over layers of |one - other| / |other|."""
    return sum(float((one[name] - other[name]).norm() / other[name].norm()) for name in other)
