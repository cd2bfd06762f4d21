"""Gains: the factors that bring each layer of a backbone to unit size before it is smoothed.

tanh, softsign and softmax depend on the scale of features, which differs by thousands between
networks. A gain makes it the same for all: features times the gain have a root mean square of 1
on photographs. For a network of ReLUs that is an exact reparametrisation, as the one of Gatys et
al.'s "normalised" VGG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stylize import PluginHost, Progress, load_backbone, read_image, to_float64
from stylize.errors import ImageError, StylizeError, UsageError

if TYPE_CHECKING:
    from stylize import ImageSource, Observer

__all__ = ["CALIBRATION_SIZE", "Calibration", "calibrate_gains"]

CALIBRATION_SIZE = 512
DIGITS = 4


@dataclass(frozen=True)
class Calibration:
    """The result of a calibration.

    Args:
        backbone: with the tag of its weights, or the file of them.
        gains: 1 / root mean square, layer by layer, to four significant digits; ready for
            `WeightsSpec(gains=...)`.
        images: how many were used.
        size: the longer side that larger images were shrunk to.
        skipped: why others were not used.
    """

    backbone: str
    gains: Mapping[str, float]
    images: int
    size: int
    skipped: tuple[str, ...] = ()


def calibrate_gains(
    backbone: str,
    images: Sequence[ImageSource],
    *,
    layers: Sequence[str] = ("*",),
    size: int = CALIBRATION_SIZE,
    weights: str | Path | None = None,
    host: PluginHost | None = None,
    device: str = "auto",
    observers: Sequence[Observer] = (),
) -> Calibration:
    """Measure the gains of a backbone's layers on photographs, each of which counts the same.

    Args:
        backbone: as "vgg16" or "vgg16.oxford".
        images: a hundred of all sorts is plenty. Those that cannot be read, or are too small for
            a layer, are skipped.
        layers: names or shell patterns.
        size: longer side of the photographs in pixels; smaller ones are not enlarged.
        weights: a file to read the weights from instead.
        observers: are notified of the progress.

    Raises: UsageError if no image is left; StylizeError if a layer is zero on all of them.
    """
    network = load_backbone(host or PluginHost.discover(), backbone, weights=weights, device=device)
    sums = dict.fromkeys(network.expand(layers), 0.0)
    used, skipped = 0, []
    for number, source in enumerate(images, 1):
        try:
            features = network(read_image(source, size=size).pixels, sums)
        except ImageError as error:
            skipped.append(str(error))
        else:
            used += 1
            for layer, tensor in features.items():
                sums[layer] += to_float64(tensor.square()).mean().item()
        for observer in observers:
            observer.progressed(Progress(number / len(images), number, len(images), {}, "photo"))
    if not used:
        raise UsageError(f"none of {len(images)} images can be used: {'; '.join(skipped[:3])}")
    for layer, total in sums.items():
        if not total:
            raise StylizeError(
                f"{layer} of {network.name} is zero on all {used} images and has no gain: "
                f"give other photographs, or leave it out with --layers"
            )
    gains = {layer: _round((used / total) ** 0.5) for layer, total in sums.items()}
    return Calibration(network.name, gains, used, size, tuple(skipped))


def _round(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
