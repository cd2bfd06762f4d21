"""Losses against independent float64 formulas; what all promise is in test_contracts."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from stylize import Role, create_loss, list_losses, relative_reference

LOSSES = list_losses()


def features(seed: int, size: tuple[int, int] = (5, 7), channels: int = 4) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, channels, *size, generator=generator, dtype=torch.float64)


def distance(name: str, output: torch.Tensor, target: torch.Tensor, **settings: object):
    loss = create_loss(name, **settings)
    return loss.distance(loss.statistics(output), loss.statistics(target))


def flat(tensor: torch.Tensor) -> list[np.ndarray]:
    return [sample.reshape(sample.shape[0], -1) for sample in tensor.numpy()]


@pytest.mark.parametrize(
    ("form", "formula"),
    [
        ("sum", lambda f, c: np.sum((c - f) ** 2)),  # eq. 2
        ("mean", lambda f, c: np.sum((f - c) ** 2) / f.size),  # eq. 5
        ("half", lambda f, c: 0.5 * np.sum((f - c) ** 2)),  # eq. 13
    ],
)
def test_feature_loss_is_the_printed_equation(form, formula):
    output, target = features(0), features(1)
    expected = [formula(f, c) for f, c in zip(flat(output), flat(target), strict=True)]
    np.testing.assert_allclose(distance("feature", output, target, form=form), expected)


def gram_sum(f: np.ndarray, s: np.ndarray) -> float:  # eq. 3 and 4
    return np.sum((f @ f.T - s @ s.T) ** 2)


def gram_size(f: np.ndarray, s: np.ndarray) -> float:  # eq. 6 and 7
    return np.sum((f @ f.T / f.size - s @ s.T / s.size) ** 2)


def gram_swag(f: np.ndarray, s: np.ndarray) -> float:  # eq. 14
    channels, positions = f.shape
    return np.sum((f @ f.T - s @ s.T) ** 2) / (4 * channels**2 * positions**2)


def gram_norm(f: np.ndarray, s: np.ndarray) -> float:  # as stylize evaluate, unsquared
    positions = f.shape[1]
    return np.linalg.norm(f @ f.T / positions - s @ s.T / positions)


@pytest.mark.parametrize(
    ("form", "formula"),
    [("sum", gram_sum), ("size", gram_size), ("swag", gram_swag), ("norm", gram_norm)],
)
def test_gram_loss_is_the_printed_equation(form, formula):
    output, target = features(0), features(1)
    expected = [formula(f, s) for f, s in zip(flat(output), flat(target), strict=True)]
    np.testing.assert_allclose(distance("gram", output, target, form=form), expected)


def test_gram_loss_of_eq_7_compares_images_of_different_sizes():
    output, target = features(0), features(1, (3, 11))
    expected = [gram_size(f, s) for f, s in zip(flat(output), flat(target), strict=True)]
    np.testing.assert_allclose(distance("gram", output, target, form="size"), expected)


def test_moments_loss_is_equation_11():
    output, target = features(0), features(1, (3, 11))
    expected = [
        np.linalg.norm(f.mean(1) - s.mean(1)) + np.linalg.norm(f.std(1) - s.std(1))
        for f, s in zip(flat(output), flat(target), strict=True)
    ]
    np.testing.assert_allclose(distance("moments", output, target, form="norm"), expected)


def test_squared_moments_loss_squares_both_norms():
    output, target = features(0), features(1, (3, 11))
    expected = [
        np.sum((f.mean(1) - s.mean(1)) ** 2) + np.sum((f.std(1) - s.std(1)) ** 2)
        for f, s in zip(flat(output), flat(target), strict=True)
    ]
    np.testing.assert_allclose(distance("moments", output, target), expected)


def test_wasserstein_loss_is_the_distance_of_gaussians():
    output, target = features(0, (9, 9)), features(1, (8, 11))

    def formula(f: np.ndarray, s: np.ndarray) -> float:
        one, two = np.cov(f, bias=True), np.cov(s, bias=True)
        root = scipy.linalg.sqrtm(one)
        cross = scipy.linalg.sqrtm(root @ two @ root).real
        means = np.sum((f.mean(1) - s.mean(1)) ** 2)
        return means + np.trace(one) + np.trace(two) - 2 * np.trace(cross)

    expected = [formula(f, s) for f, s in zip(flat(output), flat(target), strict=True)]
    np.testing.assert_allclose(distance("wasserstein", output, target), expected, rtol=1e-6)


def test_wasserstein_loss_holds_for_fewer_positions_than_channels():
    output = features(0, (3, 3), channels=32).float().requires_grad_()
    found = distance("wasserstein", output, features(1, (3, 3), channels=32).float())
    found.sum().backward()
    assert (found > 0).all()
    assert output.grad is not None
    assert output.grad.isfinite().all()


@pytest.mark.parametrize("power", [1, 2])
def test_total_variation_is_the_mean_difference_of_neighbours(power):
    image = torch.rand(1, 3, 4, 6, dtype=torch.float64)
    pixels = image.numpy()
    expected = (np.abs(np.diff(pixels, axis=2)) ** power).mean() + (
        np.abs(np.diff(pixels, axis=3)) ** power
    ).mean()
    loss = create_loss("total_variation", power=power)
    statistics = loss.statistics(image)
    assert loss.distance(statistics, statistics).item() == pytest.approx(expected)


REFERENCES = {
    "feature": lambda f: np.mean(f**2),
    "gram": lambda f: np.sum((f @ f.T / f.shape[1]) ** 2),
    "moments": lambda f: np.sum(f.mean(1) ** 2) + np.sum(f.var(1)),
    "wasserstein": lambda f: np.sum(f.mean(1) ** 2) + np.trace(np.cov(f, bias=True)),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_relative_balance_divides_by_the_size_of_the_target(name):
    target = features(1, (9, 9))
    loss = create_loss(name)
    found = relative_reference(loss, loss.statistics(target))
    expected = [REFERENCES[name](f) for f in flat(target)]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_relative_distances_do_not_depend_on_the_scale_of_features(name, scale):
    output, target = features(0).float(), features(1).float()
    loss = create_loss(name)

    def relative(factor: float) -> torch.Tensor:
        goal = loss.statistics(target * factor)
        current = loss.statistics(output * factor)
        return loss.distance(current, goal) / relative_reference(loss, goal)

    torch.testing.assert_close(relative(scale), relative(1.0), rtol=1e-3, atol=1e-5)


def test_a_blank_target_has_a_finite_relative_distance():
    loss = create_loss("gram")
    goal = loss.statistics(torch.zeros(1, 4, 5, 5))
    assert relative_reference(loss, goal).tolist() == [1.0]


@pytest.mark.parametrize("name", LOSSES)
def test_our_style_losses_add_up_over_tiles(name):
    loss = create_loss(name)
    assert loss.additive == (loss.role is Role.STYLE)


@pytest.mark.parametrize("name", ["gram", "moments", "wasserstein"])
def test_gradients_agree_with_finite_differences(name):
    loss = create_loss(name)
    target = loss.statistics(features(1, (4, 4), channels=3))
    start = features(0, (4, 4), channels=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: loss.distance(loss.statistics(f), target), start)
