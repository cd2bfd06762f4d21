"""What every loss promises."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stylize.building.objective import blend_statistics
from stylize.contract.protocols import Loss, Statistics
from stylize.contract.spec import Kind, LossSpec, Role
from stylize.testing.compose import assert_composes
from stylize.testing.partcontract import PartContract
from stylize.testing.pictures import gaussian_features

__all__ = ["LossContract"]

# Distance of equals, as a share of the distance of unrelated features: what rounding leaves.
ZERO = 1e-4


class LossContract(PartContract):
    """What is matched (statistics of features), and how far off it is (their distance).

    An image loss, as total variation, sees the image itself and has no target.
    """

    kind = Kind.LOSS

    @property
    def loss(self) -> Loss:
        """The loss under test."""
        made: Loss = self.once("loss", self.key, self.build)
        return made

    @property
    def is_image_loss(self) -> bool:
        return self.spec.role is Role.IMAGE

    def sample(self, seed: int = 0, *, samples: int = 2) -> Tensor:
        """Return what the loss sees: images in [0, 1], or features of either sign."""
        if self.is_image_loss:
            return gaussian_features(samples, 3, 8, 9, seed=seed).sigmoid()
        return gaussian_features(samples, 4, 8, 9, seed=seed)

    def statistics(self, features: Tensor) -> Statistics:
        """Call the loss's `statistics`, and require Statistics of tensors, batch first."""
        with self.calls("statistics(features)"):
            found: object = self.loss.statistics(features)
        self.require(
            isinstance(found, Statistics),
            f"statistics returns {type(found).__name__}",
            "return stylize.Statistics({name: tensor}, positions)",
        )
        assert isinstance(found, Statistics)
        for name, value in found.values.items():
            self.require(
                isinstance(value, Tensor) and value.shape[:1] == features.shape[:1],
                f"statistic {name} of {len(features)} samples is {_describe(value)}",
                "keep the batch as the first dimension",
            )
        return found

    def distance(self, current: Tensor, target: Tensor) -> Tensor:
        """Return the distances of features, and require (N,) finite numbers."""
        return self._distance(self.statistics(current), self.statistics(target))

    def _distance(self, current: Statistics, target: Statistics) -> Tensor:
        with self.calls("distance(current, target)"):
            found: object = self.loss.distance(current, target)
        samples = len(next(iter(current.values.values())))
        self.require(
            isinstance(found, Tensor) and tuple(found.shape) == (samples,),
            f"distance of {samples} samples is {_describe(found)}",
            "return one number a sample, shape (N,): sum or average over all other dimensions",
        )
        assert isinstance(found, Tensor)
        self.require(
            found.isfinite().all(),
            f"distance is {found.detach().tolist()}",
            "guard roots, logarithms and divisions",
        )
        return found

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
                continue  # images are float32 always
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
        self._skip_image_loss("has no target, so nothing to be equal to")
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
        self._skip_image_loss("has no target")
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
        for what in ("", " where channels are dead"):
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
        self._skip_image_loss("sees pixels, whose scale is fixed")
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
        self._skip_image_loss("has no target")
        target = self.statistics(self.sample(1))
        zeros = {name: torch.zeros_like(value) for name, value in target.values.items()}
        reference = self._distance(Statistics(zeros, target.positions), target)
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
        joined = blend_statistics(parts, [part.positions for part in parts])
        for name, value in whole.values.items():
            self.require(
                joined.values[name].shape == value.shape
                and torch.allclose(joined.values[name], value, rtol=1e-4, atol=1e-5),
                f"additive = True, but {name} is not the position-weighted mean over tiles",
                "keep raw means over positions as statistics and take deviations and roots in "
                "distance, or set additive = False",
            )

    def test_leaves_its_input_as_it_was(self) -> None:
        current = self.sample(0)
        before = current.clone()
        statistics = self.statistics(current)
        kept = {name: value.clone() for name, value in statistics.values.items()}
        self._distance(statistics, statistics)
        self.require(
            torch.equal(current, before)
            and all(torch.equal(statistics.values[name], value) for name, value in kept.items()),
            "it writes to its features or statistics",
            "return new tensors: targets are used again at every step",
        )

    def test_composes_with_the_built_in_parts(self) -> None:
        assert_composes(self.host, self.kind, self.host.key(self.spec), self.settings)

    def _skip_image_loss(self, why: str) -> None:
        if self.is_image_loss:
            pytest.skip(f"an image loss {why}")


def _describe(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return type(value).__name__
