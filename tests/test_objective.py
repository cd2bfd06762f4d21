"""The objective: weights, balances, blends, and its error messages."""

from __future__ import annotations

import pytest
import torch

from stylize import (
    BuiltParts,
    Parts,
    PluginHost,
    expand_layers,
    make_plan,
    make_settings,
    read_image,
)
from stylize.errors import NonFiniteError, UnknownNameError


def parts_for(host: PluginHost, **settings: object) -> Parts:
    values = {"method": "gatys", "precision": "float32", "device": "cpu", **settings}
    return BuiltParts(host, make_plan(host, make_settings(values)))


@pytest.fixture(scope="module")
def images(photo, painting) -> tuple[torch.Tensor, torch.Tensor]:
    return read_image(photo, size=96).pixels, read_image(painting, size=80).pixels


def test_relative_objective_is_the_weighted_sum_of_relative_distances(host, images):
    content, style = images
    parts = parts_for(
        host, content_layers="conv2_1=2", style_layers="conv1_1=5,conv2_1", strength=1
    )
    objective = parts.objective(
        parts.content_targets(content), parts.style_targets([style], [1.0]), strength=3.0
    )
    image = torch.rand_like(content)
    total, groups = objective(image)

    backbone = parts.features.backbone
    layers = ("conv1_1", "conv2_1")
    now, of_content, of_style = (backbone(x, layers) for x in (image, content, style))

    def gram(features: torch.Tensor) -> torch.Tensor:
        rows = features[0].flatten(1).double()
        return rows @ rows.T / rows.shape[1]

    def apart(current: torch.Tensor, target: torch.Tensor) -> float:
        return ((current - target).square().sum() / target.square().sum()).item()

    expected_content = 2 * apart(now["conv2_1"].double(), of_content["conv2_1"].double())
    expected_style = 3 * sum(
        weight * apart(gram(now[layer]), gram(of_style[layer]))
        for layer, weight in (("conv1_1", 5), ("conv2_1", 1))
    )
    assert groups["content"].item() == pytest.approx(expected_content, rel=1e-4)
    assert groups["style"].item() == pytest.approx(expected_style, rel=1e-4)
    assert total.item() == pytest.approx(expected_content + expected_style, rel=1e-4)


def test_paper_objective_is_equation_1_with_sums(host, images):
    content, style = images[0], images[0].flip(-1) * 0.5
    parts = parts_for(
        host, balance="paper", style_weight=1000, content_layers="conv2_1", style_layers="conv1_1"
    )
    objective = parts.objective(parts.content_targets(content), parts.style_targets([style], [1]))
    image = torch.rand_like(content)
    total, _ = objective(image)
    backbone = parts.features.backbone
    now, of_content, of_style = (
        {k: v.double()[0].flatten(1) for k, v in backbone(x, ("conv1_1", "conv2_1")).items()}
        for x in (image, content, style)
    )
    content_term = (now["conv2_1"] - of_content["conv2_1"]).square().sum()
    grams = (rows["conv1_1"] @ rows["conv1_1"].T for rows in (now, of_style))
    style_term = (next(grams) - next(grams)).square().sum()
    assert total.item() == pytest.approx((content_term + 1000 * style_term).item(), rel=1e-4)


def test_image_losses_are_added_with_their_weight(host, images):
    parts = parts_for(host, image_loss="total_variation=10")
    image = torch.rand(1, 3, 64, 64)
    total, groups = parts.objective(None, None)(image)
    expected = sum(image.diff(dim=axis).square().mean() for axis in (2, 3)) * 10
    assert total.item() == pytest.approx(expected.item(), rel=1e-5)
    assert set(groups) == {"total_variation"}


def test_blended_styles_lie_between_their_styles(host, images):
    content, style = images
    parts = parts_for(host)

    def gram(weights: list[float]) -> torch.Tensor:
        return parts.style_targets([content, style], weights)["conv1_1"].values["outer"]

    torch.testing.assert_close(gram([3, 1]), 0.75 * gram([1, 0]) + 0.25 * gram([0, 1]))


def test_styles_whose_statistics_are_sets_blend_into_their_union(host, images):
    content, style = images
    parts = parts_for(host, style_loss="nearest_neighbor", style_layers="conv1_1")

    def rows(weights: list[float]) -> set[tuple[float, ...]]:
        blended = parts.style_targets([content, style], weights)["conv1_1"]
        assert blended.values["features"].shape == (1, 1024, 64)
        return {tuple(row) for row in blended.values["features"][0].tolist()}

    one, other, both = rows([1, 0]), rows([0, 1]), rows([3, 1])
    assert len(both & one) == pytest.approx(768, abs=20)  # many positions share some features
    assert len(both & other) == pytest.approx(256, abs=20)


def test_a_seeded_loss_gets_the_seed_of_the_run(host, images):
    def drawn(seed: int) -> torch.Tensor:
        parts = parts_for(host, style_loss="nearest_neighbor", style_layers="conv1_1", seed=seed)
        return parts.style_targets([images[1]], [1.0])["conv1_1"].values["features"]

    assert torch.equal(drawn(5), drawn(5))
    assert not torch.equal(drawn(5), drawn(6))


def test_the_scale_smoothing_changes_nothing_under_the_relative_balance(host, images):
    content, style = images
    image = torch.rand_like(content)
    totals = []
    for smooth in ("none", "scale"):
        parts = parts_for(host, smooth=smooth)
        objective = parts.objective(
            parts.content_targets(content), parts.style_targets([style], [1.0])
        )
        totals.append(objective(image)[0].item())
    assert totals[1] == pytest.approx(totals[0], rel=1e-4)


def test_stylize_check_says_that_scale_does_nothing(host):
    plan = make_plan(host, make_settings({"method": "gatys", "smooth": "scale"}))
    assert ["nothing" in problem.message for problem in plan.problems] == [True]
    literal = make_plan(
        host, make_settings({"method": "gatys", "smooth": "scale", "balance": "paper"})
    )
    assert literal.problems == ()


def test_non_finite_features_name_layer_and_smoothing(host, images):
    parts = parts_for(host, smooth="tanh")
    with pytest.raises(NonFiniteError, match="conv1_1"):
        parts.style_targets([images[1] * float("nan")], [1.0])


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("conv2_1",), ("conv2_1",)),
        (("relu*_1", "conv1_1"), ("conv1_1", "relu1_1", "relu2_1")),
        (("stage1",), ("conv1_1",)),
    ],
)
def test_layer_patterns_expand_in_the_network_s_order(patterns, expected):
    known = ("conv1_1", "relu1_1", "conv2_1", "relu2_1")
    assert expand_layers(patterns, known, "net", {"stage1": "conv1_1"}) == expected


def test_a_pattern_that_matches_nothing_suggests_the_nearest_layer():
    with pytest.raises(UnknownNameError, match="did you mean conv2_1"):
        expand_layers(("conv2_2",), ("conv1_1", "conv2_1"), "net")
