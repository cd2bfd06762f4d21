"""How flat the smoothed layers are: entropy and peak over mean, after each smoothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from stylize import (
    Network,
    Plan,
    PluginHost,
    Smoothing,
    build_component,
    load_backbone,
    normalized_entropy,
    read_image,
    to_float64,
)

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["measure_flatness"]


def measure_flatness(host: PluginHost, plan: Plan, images: Sequence[str]) -> list[dict[str, Any]]:
    """Measure the style layers that a plan smooths, after its smoothing, on photographs.

    Features are multiplied by the gains that the run uses.

    Returns: for each layer its name, the entropy of magnitudes (0 for one peak to 1 for a flat
        map) and their peak over their mean (1 for a flat map). The numbers are means over images;
        None if they are not finite.
    """
    import torch

    settings = plan.settings
    network = load_backbone(
        host,
        settings.backbone,
        weights=settings.weights,
        settings=plan.backbone_settings,
        seed=settings.seed,
        device=settings.device,
    )
    smoothing: Smoothing = build_component(host, plan.smoothing, plan.smoothing_settings)
    gains = (network.weights.gains or {}) if settings.gains == "calibrated" else {}
    longest = settings.size if isinstance(settings.size, int) else None
    layers = _smoothed_layers(plan, network)
    measured: dict[str, list[tuple[float, float]]] = {layer: [] for layer in layers}
    with torch.no_grad():
        for image in images if layers else ():
            features = network(read_image(image, size=longest).pixels, layers)
            for layer, values in features.items():
                smoothed = smoothing(values * gains.get(layer, 1.0))
                measured[layer].append((normalized_entropy(smoothed), _peak(smoothed)))
    return [
        {
            "layer": layer,
            "entropy": _mean([entropy for entropy, _ in rows]),
            "peak": _mean([peak for _, peak in rows]),
        }
        for layer, rows in measured.items()
    ]


def _smoothed_layers(plan: Plan, network: Network) -> list[str]:
    """Return the layers that take style and are smoothed, shallow to deep."""
    spec = plan.backbone
    usual = (plan.method.hypercolumns and spec.hypercolumn_layers) or spec.style_layers
    smoothed = network.expand(plan.settings.smooth_layers or spec.smooth_layers)
    return [layer for layer in network.expand(plan.style.layers or usual) if layer in smoothed]


def _peak(values: Tensor) -> float:
    magnitudes = to_float64(values.abs())
    return float(magnitudes.max() / magnitudes.mean())


def _mean(values: Sequence[float]) -> float | None:
    mean = fmean(values)
    return mean if math.isfinite(mean) else None
