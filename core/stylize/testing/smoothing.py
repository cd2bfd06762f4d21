"""The promises of every smoothing."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from stylize.building.backbones import load_backbone
from stylize.contract.protocols import Smoothing
from stylize.contract.spec import Kind, SmoothingSpec
from stylize.entropy import normalized_entropy
from stylize.testing.compose import assert_composes
from stylize.testing.hosts import builtin_host
from stylize.testing.partcontract import PartContract
from stylize.testing.pictures import gaussian_features, image_pair

__all__ = ["SmoothingContract"]

# Real networks, whose features differ a thousandfold in scale, and their smoothed layers.
NETWORKS = {
    "vgg16.oxford": ("conv3_1", "relu4_1"),
    "resnet50_thin.open_nsfw": ("layer3.0", "layer4.2"),
}
SIZE = 96
# Least share of active units (not zeroed by a ReLU) whose gradient is not zero.
ALIVE = 0.9


class SmoothingContract(PartContract):
    """A function of features (N, C, H, W): same shape, dtype and device, each sample on its own."""

    kind = Kind.SMOOTHING

    @property
    def smoothing(self) -> Smoothing:
        """The smoothing under test."""
        made: Smoothing = self.once("smoothing", self.key, self.build)
        return made

    def exercise(self) -> None:
        self.smooth(gaussian_features(1, 4, 5, 6))

    def smooth(self, features: Tensor) -> Tensor:
        """Call the smoothing, and require a tensor of the features' shape."""
        with self.calls("smoothing(features)"):
            smoothed: object = self.smoothing(features)
        self.require(
            isinstance(smoothed, Tensor),
            f"it returns {type(smoothed).__name__}, not a tensor",
            "return the smoothed features as a tensor",
        )
        assert isinstance(smoothed, Tensor)
        self.require(
            smoothed.shape == features.shape,
            f"features of {tuple(features.shape)} come out as {tuple(smoothed.shape)}",
            "return the shape that came in",
        )
        return smoothed

    def gradient(self, features: Tensor, weights: Tensor) -> Tensor:
        """Return the gradient of `(weights * smoothing(features)).sum()` at the features."""
        start = features.detach().clone().requires_grad_()
        smoothed = self.smooth(start)
        self.require(
            smoothed.requires_grad,
            "no gradient reaches the features",
            "use torch functions throughout, without detach, no_grad, numpy or .data",
        )
        with self.calls("its gradient"):
            (gradient,) = torch.autograd.grad(
                (weights * smoothed.to(weights.dtype)).sum(), start, allow_unused=True
            )
        self.require(
            gradient is not None,
            "no gradient reaches the features",
            "let the output depend on the features",
        )
        found: Tensor = gradient
        return found

    def test_is_declared_as_a_smoothing(self) -> None:
        self.require_spec(SmoothingSpec)

    def test_keeps_shape_dtype_and_device(self) -> None:
        for dtype in (torch.float32, torch.bfloat16, torch.float64):
            features = gaussian_features(2, 6, 5, 7, dtype=dtype)
            smoothed = self.smooth(features)
            self.require(
                (smoothed.dtype, smoothed.device) == (dtype, features.device),
                f"{dtype} on {features.device} comes out as {smoothed.dtype} on {smoothed.device}",
                "return features in the dtype and on the device that they came in",
            )

    def test_leaves_its_input_as_it_was(self) -> None:
        features = gaussian_features(2, 6, 5, 7)
        before = features.clone()
        self.smooth(features)
        self.require(
            torch.equal(features, before),
            "it writes to its input",
            "return a new tensor: use no in-place operation (relu_, mul_, out=) on the features",
        )

    def test_gives_the_same_twice(self) -> None:
        features = gaussian_features(2, 6, 5, 7)
        self.require(
            torch.equal(self.smooth(features), self.smooth(features)),
            "the same features come out differently the second time",
            "draw no random numbers and keep no state between calls",
        )

    def test_smooths_each_sample_alone(self) -> None:
        batch = gaussian_features(3, 6, 5, 7)
        together = self.smooth(batch)
        for index in range(len(batch)):
            alone = self.smooth(batch[index : index + 1])
            self.require(
                _close(together[index : index + 1], alone),
                f"sample {index + 1} of 3 comes out differently alone and in a batch, "
                f"by up to {_difference(together[index : index + 1], alone):.2g}",
                "reduce over the dimensions of one sample only (1, 2, 3), never over dimension 0; "
                "do not flatten the batch",
            )

    def test_is_finite_on_blank_and_extreme_features(self) -> None:
        for dtype in (torch.float32, torch.bfloat16):
            for value in (0.0, 1e4, -1e4):
                blank = torch.full((2, 6, 5, 7), value, dtype=dtype)
                peaked = blank.clone()
                peaked[0, 0, 0, 0] += 1 + abs(value) / 10
                for what, features in (("all", blank), ("nearly all", peaked)):
                    gradient = self.gradient(features, gaussian_features(2, 6, 5, 7, seed=1))
                    for name, tensor in (
                        ("features", self.smooth(features)),
                        ("gradients", gradient),
                    ):
                        self.require(
                            tensor.isfinite().all(),
                            f"{name} are not finite where {what} inputs are {value:g} in {dtype}",
                            "guard divisions, roots, logarithms and exponentials: add an epsilon, "
                            "subtract the maximum",
                        )

    def test_gradient_is_that_of_its_values(self) -> None:
        features = gaussian_features(2, 2, 3, 3, dtype=torch.float64)
        self.gradient(features, torch.ones(1))  # reports a missing gradient more clearly
        # Wide enough for functions that compute in float32.
        agrees = torch.autograd.gradcheck(
            self.smooth, features.requires_grad_(), eps=1e-4, atol=1e-3, raise_exception=False
        )
        self.require(
            agrees,
            "its gradient is not the slope of its values (finite differences in float64 differ)",
            "detach no factor of the result, and check a custom backward",
        )

    def test_pointwise_is_declared_truly(self) -> None:
        features = gaussian_features(1, 4, 5, 6, dtype=torch.float64)
        changed = features.clone()
        changed[0, 1, 2, 3] += 1
        unequal = self.smooth(changed) != self.smooth(features)
        unequal[0, 1, 2, 3] = False
        spreads = bool(unequal.any())
        depends_on_place = not _close(
            self.smooth(features[..., :3]), self.smooth(features)[..., :3]
        )
        pointwise = not (spreads or depends_on_place)
        self.require(
            not (self.spec.pointwise and not pointwise),
            "pointwise=True is declared, but an output "
            + ("changes with other inputs" if spreads else "depends on its place in the map"),
            "declare pointwise=False in its SmoothingSpec, or let each output depend on one input",
        )
        self.require(
            not (pointwise and not self.spec.pointwise),
            "pointwise=False is declared, but each output depends on one input only",
            "declare pointwise=True in its SmoothingSpec, so that large pictures can be tiled",
        )

    def test_keeps_gradients_alive_on_real_features(self) -> None:
        for where, features in _real_features().items():
            weights = gaussian_features(*features.shape, seed=1)
            gradient = self.gradient(features, weights)
            alive = (gradient[features != 0] != 0).float().mean().item()
            self.require(
                alive >= ALIVE,
                f"on {where} of a photograph only {alive:.0%} of active units have a gradient",
                f"saturate less: {ALIVE:.0%} must have one on features of unit root mean square "
                f"with peaks of ten to thirty",
            )

    def test_entropy_is_strictly_between_0_and_1_on_real_features(self) -> None:
        for where, features in _real_features().items():
            entropy = normalized_entropy(self.smooth(features))
            self.require(
                0.01 < entropy < 0.9999,
                f"on {where} of a photograph its output has an entropy of {entropy:.4f} "
                f"({'one peak' if entropy < 0.5 else 'a flat map'})",
                "keep the features apart: soften it (a higher temperature, a smaller gain) if one "
                "unit takes all, sharpen it if all come out alike",
            )

    def test_composes_with_the_built_in_parts(self) -> None:
        assert_composes(self.host, self.kind, self.host.key(self.spec), self.settings)


def _close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=1e-5, atol=1e-6 * float(other.abs().max()))


def _difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


@cache
def _real_features() -> dict[str, Tensor]:
    """Return features of a photograph, times their gains, as smoothings receive them."""
    photo, _ = image_pair(SIZE)
    found: dict[str, Tensor] = {}
    for name, layers in NETWORKS.items():
        network = load_backbone(builtin_host(), name, device="cpu")
        gains = network.weights.gains or {}
        for layer, features in network(photo, layers).items():
            found[f"{layer} of {name}"] = features * gains.get(layer, 1.0)
    return found
