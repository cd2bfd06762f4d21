"""Losses against independent float64 formulas; test_contracts covers their common promises."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from stylize import (
    Role,
    Statistics,
    blend_statistics,
    create_loss,
    list_losses,
    relative_reference,
)
from stylize_measure.distances import self_similarity

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
def test_our_style_losses_add_up_over_tiles_but_where_they_keep_sets(name):
    loss = create_loss(name)
    keeps_means = loss.role is Role.STYLE and not hasattr(loss, "blend")
    assert loss.additive == keeps_means


@pytest.mark.parametrize(
    "name", ["gram", "moments", "wasserstein", "nearest_neighbor", "self_similarity"]
)
def test_gradients_agree_with_finite_differences(name):
    loss = create_loss(name)
    target = loss.statistics(features(1, (4, 4), channels=3))
    start = features(0, (4, 4), channels=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda f: loss.distance(loss.statistics(f), target), start)


# Nearest neighbours: a set of features, not a mean.


def nearest_by_loop(output: torch.Tensor, target: torch.Tensor) -> list[float]:
    """Return the mean over positions of 1 - cosine with the nearest, feature by feature."""
    distances: list[float] = []
    for f, s in zip(flat(output), flat(target), strict=True):
        total = 0.0
        for one in f.T:
            cosines = [one @ other / (np.linalg.norm(one) * np.linalg.norm(other)) for other in s.T]
            total += 1 - max(cosines)
        distances.append(total / f.shape[1])
    return distances


def test_nearest_neighbor_loss_is_the_mean_distance_from_the_nearest():
    output, target = features(0), features(1, (3, 11))
    found = distance("nearest_neighbor", output, target)
    np.testing.assert_allclose(found, nearest_by_loop(output, target), rtol=1e-6)


def test_nearest_neighbor_loss_forgets_places_and_the_length_of_features():
    output = features(0)
    order = torch.randperm(35, generator=torch.Generator().manual_seed(0))
    moved = 3 * output.flatten(2)[:, :, order].reshape(output.shape)
    assert distance("nearest_neighbor", output, moved).abs().max() < 1e-12


def test_nearest_neighbor_loss_does_not_ask_for_all_that_a_painting_has():
    output = features(0)
    painting = torch.cat([output, features(1)], dim=3)
    assert distance("nearest_neighbor", output, painting).abs().max() < 1e-12
    assert (distance("nearest_neighbor", painting, output) > 0.01).all()


def test_nearest_neighbor_loss_compares_no_more_positions_than_set_and_draws_them_by_seed():
    one, same, other = (create_loss("nearest_neighbor", positions=8, seed=s) for s in (1, 1, 2))
    image = features(0, (9, 7))
    kept = one.statistics(image)
    assert kept.values["features"].shape == (2, 8, 4)
    assert kept.positions == 63
    rows = {tuple(row) for row in image[0].flatten(1).T.tolist()}
    drawn = {tuple(row) for row in kept.values["features"][0].tolist()}
    assert drawn < rows
    assert len(drawn) == 8
    assert torch.equal(kept.values["features"], same.statistics(image).values["features"])
    assert not torch.equal(kept.values["features"], other.statistics(image).values["features"])
    whole = create_loss("nearest_neighbor").statistics(image)
    assert whole.values["features"].shape == (2, 63, 4)


def test_nearest_neighbor_loss_of_reduced_features_is_near_that_of_float32():
    output, target = features(0).float(), features(1).float()
    reduced = distance("nearest_neighbor", output.bfloat16(), target.bfloat16())
    assert reduced.dtype == torch.float32
    torch.testing.assert_close(
        reduced, distance("nearest_neighbor", output, target), rtol=0, atol=0.01
    )


@pytest.mark.parametrize("blank", ["output", "target", "both", "a position"])
def test_nearest_neighbor_loss_of_zeros_has_cosine_0_and_no_gradient_there(blank):
    output, target = features(0).float(), features(1).float()
    if blank == "a position":
        output[:, :, 2, 3] = 0
    if blank in ("output", "both"):
        output = torch.zeros_like(output)
    if blank in ("target", "both"):
        target = torch.zeros_like(target)
    output.requires_grad_()
    found = distance("nearest_neighbor", output, target)
    found.sum().backward()
    assert output.grad is not None
    assert output.grad.isfinite().all()
    if blank == "a position":
        assert (output.grad[:, :, 2, 3] == 0).all()
        assert (output.grad[:, :, 2, 2] != 0).all()
    else:
        assert found.tolist() == [1.0, 1.0]
        assert (output.grad == 0).all()


def test_nearest_neighbor_distances_are_their_own_reference():
    loss = create_loss("nearest_neighbor")
    assert relative_reference(loss, loss.statistics(features(1))).tolist() == [1.0, 1.0]


def rows_of(statistics: Statistics, sample: int = 0) -> set[tuple[float, ...]]:
    return {tuple(row) for row in statistics.values["features"][sample].tolist()}


@pytest.mark.parametrize(
    ("weights", "counts"),
    [
        ((1, 1), (18, 17)),
        ((0.3, 0.1), (26, 9)),
        ((1, 0), (35, 0)),
        ((0, 2), (0, 35)),
        ((1e-6, 1), (1, 34)),
        ((1, 1e-6), (34, 1)),
        ((1e-6, 1, 1e-6), (1, 33, 1)),
        ((1, 0, 1), (18, 0, 17)),
    ],
)
def test_sets_blend_into_a_union_by_shares(weights, counts):
    loss = create_loss("nearest_neighbor")
    several = [loss.statistics(features(seed)) for seed in range(len(weights))]
    blended = blend_statistics(loss, several, weights)
    assert blended.values["features"].shape == (2, 35, 4)
    assert blended.positions == 35
    for sample in range(2):
        found = rows_of(blended, sample)
        assert tuple(len(found & rows_of(each, sample)) for each in several) == counts


def test_a_set_blended_with_itself_is_that_set():
    loss = create_loss("nearest_neighbor")
    one = loss.statistics(features(0))
    assert rows_of(blend_statistics(loss, [one, one, one], (1, 2, 4))) == rows_of(one)


def test_sets_of_several_sizes_blend_by_shares_of_the_largest():
    loss = create_loss("nearest_neighbor")
    small, large = loss.statistics(features(0, (2, 2))), loss.statistics(features(1, (5, 8)))
    blended = blend_statistics(loss, [small, large], (1, 3))
    assert blended.values["features"].shape == (2, 40, 4)
    assert blended.positions == 31
    found = rows_of(blended)
    assert rows_of(small) < found
    assert len(found & rows_of(large)) == 30


def test_more_sets_than_positions_blend_into_a_set_of_as_many():
    loss = create_loss("nearest_neighbor")
    several = [loss.statistics(features(seed, (1, 2))) for seed in range(3)]
    assert blend_statistics(loss, several, (1, 1, 1)).values["features"].shape == (2, 2, 4)


def test_losses_without_a_blend_of_their_own_blend_into_the_weighted_mean():
    loss = create_loss("gram")
    one, other = (loss.statistics(features(seed)) for seed in range(2))
    blended = blend_statistics(loss, [one, other], (3, 1)).values["outer"]
    expected = 0.75 * one.values["outer"] + 0.25 * other.values["outer"]
    torch.testing.assert_close(blended, expected)


# Self-similarity: the positions that look alike.


def self_similarity_by_loop(output: torch.Tensor, target: torch.Tensor) -> list[float]:
    """Return the mean difference of cosine distances over row means, pair by pair."""

    def similarity(f: np.ndarray) -> np.ndarray:
        rows = [[1 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) for b in f.T] for a in f.T]
        return np.array([[one / (sum(row) / len(row)) for one in row] for row in rows])

    pairs = zip(flat(output), flat(target), strict=True)
    return [float(abs(similarity(f) - similarity(s)).mean()) for f, s in pairs]


def test_self_similarity_loss_is_the_mean_difference_of_who_resembles_whom():
    output, target = features(0), features(1)
    found = distance("self_similarity", output, target)
    np.testing.assert_allclose(found, self_similarity_by_loop(output, target), rtol=1e-6)


def test_self_similarity_loss_is_what_the_judge_calls_structure():
    output, target = features(0)[:1], features(1)[:1]
    one, other = (self_similarity(each[0].flatten(1).mT) for each in (output, target))
    expected = (one - other).abs().mean()
    assert torch.allclose(distance("self_similarity", output, target)[0], expected)


def test_self_similarity_loss_does_not_see_a_change_of_colours():
    output = features(0)
    turned = output.flip(1) * 3  # other channels, other lengths: the same angles
    assert distance("self_similarity", output, turned).abs().max() < 1e-12


def test_self_similarity_loss_compares_no_more_positions_than_set():
    loss = create_loss("self_similarity", positions=8)
    assert loss.statistics(features(0, (9, 7))).values["similarity"].shape == (2, 8, 8)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_self_similarity_loss_of_a_flat_picture_is_finite_with_its_gradient(value):
    flat_picture = torch.full((1, 4, 5, 5), value, requires_grad=True)
    found = distance("self_similarity", flat_picture, features(1, (5, 5))[:1].float())
    found.sum().backward()
    assert found.isfinite().all()
    assert flat_picture.grad is not None
    assert flat_picture.grad.isfinite().all()
