"""The loss under test: built, called, and checked for results of the right form."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from torch import Tensor

from stylize.building.objective import blend_statistics
from stylize.contract.protocols import Loss, Statistics
from stylize.contract.spec import Kind, Role
from stylize.testing.partcontract import PartContract
from stylize.testing.pictures import gaussian_features

__all__ = ["LossUnderTest"]

# The seed for losses that are declared as seeded.
SEED = 7


class LossUnderTest(PartContract):
    """The subject of the tests of `LossContract`."""

    kind = Kind.LOSS

    @property
    def loss(self) -> Loss:
        """The loss, built once."""
        return self.once("loss", self.key, self.build_loss)

    def build_loss(self) -> Loss:
        made: Loss = self.build(*([SEED] if self.spec.seeded else []))
        return made

    @property
    def is_image_loss(self) -> bool:
        return self.spec.role is Role.IMAGE

    def sample(self, seed: int = 0, *, samples: int = 2) -> Tensor:
        """Return inputs for the loss: images in [0, 1], or features of either sign."""
        if self.is_image_loss:
            return gaussian_features(samples, 3, 8, 9, seed=seed).sigmoid()
        return gaussian_features(samples, 4, 8, 9, seed=seed)

    def exercise(self) -> None:
        self.distance(self.sample(0), self.sample(1))

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
        return self.distance_of(self.statistics(current), self.statistics(target))

    def distance_of(self, current: Statistics, target: Statistics) -> Tensor:
        with self.calls("distance(current, target)"):
            found: object = self.loss.distance(current, target)
        samples = len(next(iter(current.values.values())))
        self.require(
            isinstance(found, Tensor) and tuple(found.shape) == (samples,),
            f"distance of {samples} samples is {_describe(found)}",
            "return one number per sample, shape (N,): sum or average over all other dimensions",
        )
        assert isinstance(found, Tensor)
        self.require(
            found.isfinite().all(),
            f"distance is {found.detach().tolist()}",
            "guard roots, logarithms and divisions",
        )
        return found

    def blend(self, several: Sequence[Statistics], weights: Sequence[float]) -> Statistics:
        """Blend statistics of one shape, and require the same shape."""
        with self.calls("blend(statistics, weights)"):
            found: object = blend_statistics(self.loss, several, weights)
        self.require(
            isinstance(found, Statistics),
            f"blend returns {type(found).__name__}",
            "return stylize.Statistics({name: tensor}, positions)",
        )
        assert isinstance(found, Statistics)
        for name, value in several[0].values.items():
            self.require(
                name in found.values and found.values[name].shape == value.shape,
                f"statistic {name}, {_describe(value)}, blends into "
                f"{_describe(found.values.get(name))}",
                "blend statistics of one shape into that shape: training blends within a batch",
            )
        return found

    def skip_without_blend(self) -> None:
        if not hasattr(self.loss, "blend"):
            pytest.skip("has no blend: the weighted mean is taken")

    def skip_image_loss(self, why: str) -> None:
        if self.is_image_loss:
            pytest.skip(f"an image loss {why}")


def _describe(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    return type(value).__name__
