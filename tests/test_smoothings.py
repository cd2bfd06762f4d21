"""The functions of the built-in smoothings; test_contracts covers their common promises."""

from __future__ import annotations

import pytest
import torch

from stylize import create_smoothing, list_smoothings

SMOOTHINGS = list_smoothings()


def features(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 6, 5, 7, generator=generator).to(dtype)


@pytest.mark.parametrize("name", SMOOTHINGS)
def test_gradients_agree_with_finite_differences(name):
    smoothing = create_smoothing(name)
    start = features(torch.float64)[:1, :2, :3, :3].clone().requires_grad_()
    assert torch.autograd.gradcheck(smoothing, start)


@pytest.mark.parametrize(
    ("over", "axes"), [("map", (1, 2, 3)), ("channels", (1,)), ("positions", (2, 3))]
)
def test_softmax_sums_to_one_over_what_was_asked(over, axes):
    smoothed = create_smoothing("softmax", over=over, scale="sum")(features())
    sums = smoothed.sum(dim=axes)
    torch.testing.assert_close(sums, torch.ones_like(sums))


@pytest.mark.parametrize("over", ["map", "channels", "positions"])
def test_softmax_averages_one_by_default_so_that_size_drops_out(over):
    assert create_smoothing("softmax", over=over)(features()).mean().item() == pytest.approx(1)


def test_literal_softmax_is_equation_11_of_swag():
    start = features(torch.float64)
    smoothed = create_smoothing("softmax", temperature=1, scale="sum")(start)
    for sample, expected in zip(smoothed, start.exp(), strict=True):
        torch.testing.assert_close(sample, expected / expected.sum())


def test_softmax_of_a_large_map_sums_to_one_in_bfloat16():
    softmax = create_smoothing("softmax", scale="sum")
    smoothed = softmax(torch.zeros(1, 64, 128, 128, dtype=torch.bfloat16))
    assert smoothed.double().sum().item() == pytest.approx(1, rel=5e-3)


def test_temperature_smooths():
    def largest(temperature: float) -> float:
        return create_smoothing("softmax", temperature=temperature)(features()).max().item()

    assert largest(10) < largest(1) < largest(0.1)


def test_tanh_and_softsign_saturate_at_one_and_have_slope_gain():
    for name in ("tanh", "softsign"):
        smoothing = create_smoothing(name, gain=2.0)
        assert smoothing(torch.full((1, 1, 1, 1), 1e6)).item() == pytest.approx(1, rel=1e-5)
        assert smoothing(torch.full((1, 1, 1, 1), 1e-6)).item() == pytest.approx(2e-6, rel=1e-4)


def test_scale_multiplies_by_the_paper_s_constant():
    torch.testing.assert_close(create_smoothing("scale")(features()), 0.001 * features())


@pytest.mark.parametrize("name", [name for name in SMOOTHINGS if name != "none"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("pixels", [64, 512, 2048])
def test_unit_features_of_any_size_keep_useful_gradients(name, dtype, pixels):
    """As in stage 3 of a ResNet: 16 pixels per position, peaks far above the mean."""
    side = pixels // 16
    generator = torch.Generator().manual_seed(0)
    peaky = torch.empty(1, 256, side, side).exponential_(generator=generator) ** 2 / 24**0.5
    start = peaky.to(dtype).requires_grad_()
    smoothed = create_smoothing(name)(start)
    (gradient,) = torch.autograd.grad((smoothed.float() * peaky).sum(), start)
    assert smoothed.isfinite().all()
    assert gradient.isfinite().all()
    assert (gradient != 0).float().mean() > 0.95
