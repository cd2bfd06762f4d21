"""Devices without float64, as GPUs of Apple: the default method, and what computes in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from apple_gpu import apple_gpu
from stylize import (
    analyze_activations,
    calibrate_gains,
    normalized_entropy,
    principal_axes,
    stylize_image,
    to_float64,
)
from stylize.pictures.color import match_colors
from stylize_losses.wasserstein import WassersteinLoss
from stylize_measure.analysis import peak_to_mean


def transport(values: Tensor) -> Tensor:
    """Return the gradient of a distance of features."""
    loss = WassersteinLoss()
    features = values.unflatten(1, (1, 3, 5)).movedim(1, 0).requires_grad_()
    target = loss.statistics(features.detach().square())
    loss.distance(loss.statistics(features), target).sum().backward()
    assert features.grad is not None
    return features.grad


USES: dict[str, Callable[[Tensor], Tensor | float]] = {
    "axes": lambda values: principal_axes(values, 1).abs(),
    "entropy": normalized_entropy,
    "peak": peak_to_mean,
    "colors": lambda values: match_colors(
        values[:3].view(1, 3, 3, 5).sigmoid(), values[3:6].view(1, 3, 3, 5).sigmoid()
    ),
    "transport": transport,
    "wide": lambda values: to_float64(values).mean(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_what_computes_in_float64_does_so_on_the_cpu_there(use):
    values = torch.randn(8, 15, generator=torch.Generator().manual_seed(0))
    expected = use(values.clone())
    with apple_gpu() as device:
        there = values.to(device)
        with pytest.raises(TypeError, match="float64"):
            there.double()
        with pytest.raises(NotImplementedError, match="eigh"):
            torch.linalg.eigh(there @ there.mT)
        found = use(there)
        found = found.cpu() if isinstance(found, Tensor) else found
    assert torch.allclose(torch.as_tensor(found), torch.as_tensor(expected), atol=1e-4)


def test_the_default_method_works_there(photo, painting):
    with apple_gpu() as device:
        made = stylize_image(photo, painting, size=32, quality="draft", time="1s", device=device)
    assert made.record["device"] == device
    assert made.record["settings"]["method"] == "neighbors"


def test_networks_are_measured_there(photo):
    layers = ("conv1", "layer1.2")
    with apple_gpu() as device:
        gains = calibrate_gains("resnet50_thin", [photo], layers=layers, size=64, device=device)
        (row, *_) = analyze_activations(
            [photo], ["resnet50_thin"], ["tanh"], layers=layers, size=64, device=device
        )
    here = calibrate_gains("resnet50_thin", [photo], layers=layers, size=64, device="cpu")
    assert gains.gains == pytest.approx(here.gains, rel=1e-3)
    assert 0 < row.entropy < 1
