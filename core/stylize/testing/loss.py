"""The promises of every loss."""

from __future__ import annotations

import math

import pytest
import torch

from stylize.building.objective import blend_statistics
from stylize.contract.protocols import Statistics
from stylize.contract.spec import LossSpec, Role
from stylize.testing.compose import assert_composes
from stylize.testing.lossundertest import LossUnderTest
from stylize.testing.pictures import gaussian_features

__all__ = ["LossContract"]

# Rounding error: distance of equals, as a share of the distance of unrelated features.
ZERO = 1e-4


class LossContract(LossUnderTest):
    """A loss: the statistics of features that it matches, and the distance between them.

    An image loss, such as total variation, sees the image itself and has no target.
    """

    def test_is_declared_as_a_loss_of_its_role(self) -> None:
        self.require_spec(LossSpec)
        role: object = getattr(self.loss, "role", None)
        self.require(
            role is self.spec.role,
            f"its LossSpec says role {self.spec.role}, the loss itself {role}",
            "say the same role in both",
        )
        additive: object = getattr(self.loss, "additive", None)
        self.require(
            isinstance(additive, bool),
            f"its `additive` is {additive!r}",
            "set additive = True or False on the class",
        )

    def test_gives_a_finite_number_a_sample(self) -> None:
        found = self.distance(self.sample(0), self.sample(1))
        self.require(
            (found >= 0).all(),
            f"distance is negative: {found.tolist()}",
            "return a distance: zero for equals, positive otherwise",
        )

    def test_statistics_are_float32_and_say_their_positions(self) -> None:
        for dtype in (torch.float32, torch.bfloat16):
            if self.is_image_loss and dtype is torch.bfloat16:
                continue  # images are always float32
            found = self.statistics(self.sample().to(dtype))
            wrong = [
                f"{k} is {v.dtype}" for k, v in found.values.items() if v.dtype != torch.float32
            ]
            self.require(
                not wrong,
                f"statistics of {dtype} features: {', '.join(wrong)}",
                "convert features to float32 before summing",
            )
            self.require(
                found.positions == 72,
                f"positions of an 8x9 map are {found.positions!r}",
                "say height times width",
            )

    def test_distance_of_identical_statistics_is_zero(self) -> None:
        self.skip_image_loss("has no target, so nothing to be equal to")
        same, other = self.sample(0), self.sample(1)
        apart = self.distance(same, other)
        equal = self.distance(same, same.clone())
        self.require(
            (apart > 0).all(),
            "distance is zero even for unrelated features",
            "compare the statistics of both",
        )
        self.require(
            (equal.abs() <= ZERO * apart).all(),
            f"distance of identical statistics is {equal.max():.3g}, not zero "
            f"(of unrelated ones {apart.max():.3g})",
            "subtract the target's statistics, and add no constant",
        )

    def test_treats_each_sample_alone(self) -> None:
        current, target = self.sample(0, samples=3), self.sample(1, samples=3)
        together = self.distance(current, target)
        for index in range(3):
            alone = self.distance(current[index : index + 1], target[index : index + 1])
            self.require(
                torch.allclose(together[index : index + 1], alone, rtol=1e-4, atol=0),
                f"distance of sample {index + 1} of 3 is {together[index]:.4g} in a batch "
                f"and {alone.item():.4g} alone",
                "reduce over the dimensions of one sample only, never over the batch",
            )

    def test_takes_one_target_for_a_batch(self) -> None:
        self.skip_image_loss("has no target")
        current, target = self.sample(0, samples=3), self.sample(1, samples=1)
        one = self.distance(current, target)
        several = self.distance(current, target.repeat(3, 1, 1, 1))
        self.require(
            torch.allclose(one, several, rtol=1e-4),
            f"against one target distances are {one.tolist()}, against the same three times "
            f"{several.tolist()}",
            "let a target with a batch of one broadcast",
        )

    def test_compares_with_a_style_of_another_size(self) -> None:
        if self.spec.role is not Role.STYLE:
            pytest.skip(f"no loss of role {self.spec.role} meets another size")
        self.distance(self.sample(0), gaussian_features(1, 4, 11, 5, seed=1))

    def test_gradient_reaches_the_image(self) -> None:
        for what in ("", " with dead channels"):
            current = self.sample(0)
            if what and not self.is_image_loss:
                current[:, 1], current[:, 2] = 0, 3
            current.requires_grad_()
            found = self.distance(current, self.sample(1))
            self.require(
                found.requires_grad,
                "no gradient reaches the image",
                "use torch functions throughout, without detach, no_grad, numpy or .item()",
            )
            with self.calls("its gradient"):
                (gradient,) = torch.autograd.grad(found.sum(), current, allow_unused=True)
            self.require(
                gradient is not None and (gradient != 0).any(),
                "no gradient reaches the image",
                "let the distance depend on the current statistics",
            )
            self.require(
                gradient.isfinite().all(),
                f"its gradient is not finite{what}",
                "keep roots away from zero, where their slope is infinite",
            )

    def test_distance_grows_by_a_fixed_power_of_the_scale(self) -> None:
        self.skip_image_loss("sees pixels, whose scale is fixed")
        current, target = self.sample(0).double(), self.sample(1).double()
        base = self.distance(current, target).sum().item()
        self.require(base > 0, "distance of unrelated features is zero", "compare both")
        powers = [
            math.log2(self.distance(k * current, k * target).sum().item() / base) / math.log2(k)
            for k in (0.25, 4, 16)
        ]
        self.require(
            max(powers) - min(powers) < 0.02,
            f"distance is not homogeneous: scaling all features by 1/4, 4 and 16 raises it to "
            f"powers {', '.join(f'{power:.2f}' for power in powers)}",
            "use the same degree throughout, or `--balance relative` cannot divide the scale out",
        )

    def test_distance_from_nothing_is_a_reference(self) -> None:
        self.skip_image_loss("has no target")
        target = self.statistics(self.sample(1))
        zeros = {name: torch.zeros_like(value) for name, value in target.values.items()}
        reference = self.distance_of(Statistics(zeros, target.positions), target)
        self.require(
            (reference > 0).all(),
            f"distance from all-zero statistics is {reference.tolist()}",
            "let it grow with the target: `--balance relative` divides by it",
        )

    def test_additive_is_declared_truly(self) -> None:
        if not self.loss.additive:
            pytest.skip("declares additive = False")
        image = self.sample(0)
        whole = self.statistics(image)
        tiles = [image[..., :2, :], image[..., 2:, :4], image[..., 2:, 4:]]
        parts = [self.statistics(tile) for tile in tiles]
        joined = blend_statistics(self.loss, parts, [part.positions for part in parts])
        for name, value in whole.values.items():
            self.require(
                joined.values[name].shape == value.shape
                and torch.allclose(joined.values[name], value, rtol=1e-4, atol=1e-5),
                f"additive = True, but {name} is not the position-weighted mean over tiles",
                "keep raw means over positions as statistics and take deviations and roots in "
                "distance, or set additive = False",
            )

    def test_gives_the_same_twice(self) -> None:
        features, target = self.sample(0), self.sample(1)
        first = self.distance(features, target)
        self.require(
            torch.equal(self.distance(features, target), first),
            "distances of the same features differ from call to call",
            "draw the same random numbers at every call: make the generator again, of one seed",
        )
        again = self.build_loss()
        with self.calls("distance(current, target) of a second one of the same seed"):
            found = again.distance(again.statistics(features), again.statistics(target))
        self.require(
            torch.equal(found, first),
            "two that are built alike give different distances of the same features",
            "declare it seeded=True, and draw random numbers with the seed that its factory gets",
        )

    def test_blends_by_shares(self) -> None:
        self.skip_without_blend()
        one, other = self.statistics(self.sample(0)), self.statistics(self.sample(1))
        apart = self.distance_of(one, other)
        for several, weights, wanted in (
            ((one, one), (1, 3), one),
            ((one, other), (2, 0), one),
            ((one, other), (0, 2), other),
        ):
            same = "itself" if several[0] is several[1] else "another"
            blended = self.blend(several, weights)
            off = self.distance_of(wanted, blended)
            self.require(
                (off <= ZERO * apart).all(),
                f"statistics blended with {same} by weights {weights} are {off.max():.3g} off "
                f"(unrelated ones {apart.max():.3g})",
                "let each give its share: all of it if its weight is the only one",
            )

    def test_blends_each_sample_alone(self) -> None:
        self.skip_without_blend()
        several = [self.sample(0, samples=3), self.sample(1, samples=3)]
        together = self.blend([self.statistics(each) for each in several], (1, 1))
        for index in range(3):
            parts = [self.statistics(each[index : index + 1]) for each in several]
            alone = self.blend(parts, (1, 1))
            for name, value in together.values.items():
                self.require(
                    torch.allclose(value[index : index + 1], alone.values[name], rtol=1e-4),
                    f"statistic {name} of sample {index + 1} of 3 blends differently in a batch",
                    "keep the batch as the first dimension, and blend along others",
                )

    def test_leaves_its_input_as_it_was(self) -> None:
        current = self.sample(0)
        before = current.clone()
        statistics = self.statistics(current)
        kept = {name: value.clone() for name, value in statistics.values.items()}
        self.distance_of(statistics, statistics)
        self.require(
            torch.equal(current, before)
            and all(torch.equal(statistics.values[name], value) for name, value in kept.items()),
            "it writes to its features or statistics",
            "return new tensors: targets are used again at every step",
        )

    def test_composes_with_the_built_in_parts(self) -> None:
        assert_composes(self.host, self.kind, self.host.key(self.spec), self.settings)
