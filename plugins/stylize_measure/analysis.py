"""Measure how peaky activations are, and how a smoothing changes that.

SWAG (Wang et al. 2021, figure 3 and equations 5 to 8) explains why residual networks make poor
style: their deep activations and Gram matrices have a few large peaks, that is low entropy. It
measures largest values and entropies over their largest possible. Here peaks are over the mean,
so that networks of different scale can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from stylize import (
    DISTRIBUTION,
    Kind,
    Network,
    PluginHost,
    Smoothing,
    SmoothingSpec,
    build_component,
    full_name,
    load_backbone,
    read_image,
    split_backbone_name,
)
from stylize.errors import UnknownNameError

if TYPE_CHECKING:
    from stylize import ImageSource
from stylize import normalized_entropy, to_float64

__all__ = ["LayerActivations", "analyze_activations", "peak_to_mean"]

SIZE = 512


@dataclass(frozen=True)
class LayerActivations:
    """The measurements of one image's activations at one layer after one smoothing.

    Each number is NaN if all activations are 0.

    Args:
        image: its name.
        backbone: with the tag of its weights.
        peak: largest over mean magnitude: 1 for a flat map.
        entropy: of magnitudes, 0 for one peak to 1 for a flat map.
        gram_entropy: the same for the Gram matrix.
    """

    image: str
    backbone: str
    layer: str
    smoothing: str
    peak: float
    entropy: float
    gram_entropy: float


def peak_to_mean(values: Tensor) -> float:
    """Return max |v| / mean |v| over a tensor of any shape; NaN if all are 0."""
    magnitudes = to_float64(values.abs())
    return float(magnitudes.max() / magnitudes.mean())


@torch.no_grad()
def analyze_activations(
    images: Sequence[ImageSource],
    backbones: Sequence[str],
    smoothings: Sequence[str] | None = None,
    *,
    layers: Sequence[str] | None = None,
    gains: Literal["calibrated", "one"] = "calibrated",
    size: int = SIZE,
    options: Mapping[str, Mapping[str, object]] | None = None,
    host: PluginHost | None = None,
    device: str = "auto",
) -> list[LayerActivations]:
    """Measure activations of images, with a result per backbone, image, layer and smoothing.

    Every smoothing is applied to every layer, also to those that a run would leave alone.

    Args:
        backbones: as "vgg16" or "resnet50_thin.open_nsfw".
        smoothings: by their names; if empty, features as they are.
        layers: names or shell patterns; by default each backbone's style and smoothed layers. A
            pattern may match nothing in some of the backbones, not in all.
        gains: the factors of features before they are smoothed, as in a run.
        size: longer side of the images in pixels; smaller ones are not enlarged.
        options: settings of backbones and smoothings by name, {"softmax": {"temperature": 2}}.

    Raises: UnknownNameError, SettingsError, ImageError, NonFiniteError, WeightsUnavailableError.
    """
    host = host or PluginHost.discover()
    options = options or {}
    smoothings = smoothings or [full_name(host, Kind.SMOOTHING, "none", DISTRIBUTION)]
    shorts = [split_backbone_name(name)[0] for name in backbones]
    for part in options:
        if part not in (*shorts, *smoothings):
            raise UnknownNameError("part of this analysis", part, (*shorts, *smoothings))
    functions: dict[str, Smoothing] = {}
    for name in smoothings:
        spec = host.get(SmoothingSpec, name)
        settings = host.make_settings(spec, options.get(name, {}))
        functions[name] = build_component(host, spec, settings)
    networks = [
        load_backbone(host, name, settings=options.get(short), device=device)
        for name, short in zip(backbones, shorts, strict=True)
    ]
    chosen = _choose_layers(networks, layers)
    pictures = [read_image(image, size=size) for image in images]
    return [
        row
        for network, names in zip(networks, chosen, strict=True)
        for picture in pictures
        for row in _measure(
            network,
            names,
            functions,
            picture.name,
            picture.pixels,
            calibrated=gains == "calibrated",
        )
    ]


def _choose_layers(
    networks: Sequence[Network], patterns: Sequence[str] | None
) -> list[tuple[str, ...]]:
    """Return each network's layers. Raises: UnknownNameError for a pattern without a match."""
    if patterns is None:
        return [
            network.expand((*network.spec.style_layers, *network.spec.smooth_layers))
            for network in networks
        ]
    matched: list[list[str]] = [[] for _ in networks]
    for pattern in patterns:
        failure = None
        for network, found in zip(networks, matched, strict=True):
            try:
                network.expand((pattern,))
            except UnknownNameError as error:
                failure = failure or error
            else:
                found.append(pattern)
        if failure and not any(pattern in found for found in matched):
            raise failure
    return [network.expand(found) for network, found in zip(networks, matched, strict=True)]


def _measure(
    network: Network,
    layers: Sequence[str],
    smoothings: Mapping[str, Smoothing],
    name: str,
    image: Tensor,
    *,
    calibrated: bool,
) -> Iterator[LayerActivations]:
    gains = (network.weights.gains or {}) if calibrated else {}
    for layer, features in network(image, layers).items():
        for smoothing, function in smoothings.items():
            smoothed = function(features * gains.get(layer, 1.0))
            yield LayerActivations(
                name,
                network.name,
                layer,
                smoothing,
                peak_to_mean(smoothed),
                normalized_entropy(smoothed),
                normalized_entropy(_gram(smoothed)),
            )


def _gram(features: Tensor) -> Tensor:
    """Return the Gram matrix of (1, C, H, W), except for a factor: softmax's would underflow."""
    flat = to_float64(features.flatten(2))
    flat = flat / flat.abs().max()
    return flat @ flat.mT / flat.shape[-1]
