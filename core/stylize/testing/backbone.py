"""The promises of every backbone."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from stylize.building.features import expand_layers
from stylize.contract.spec import BackboneSpec
from stylize.errors import UnknownNameError
from stylize.testing.backboneundertest import BackboneUnderTest
from stylize.testing.compose import assert_composes
from stylize.testing.pictures import noise_image

__all__ = ["BackboneContract"]

# Different from the normalisation of any known weights.
OTHER_MEAN, OTHER_STD = (0.2, 0.3, 0.45), (0.5, 0.3, 0.2)
# Tolerance for float32 results computed in another order.
ROUNDING = 1e-4


class BackboneContract(BackboneUnderTest):
    """A frozen network in eval mode with named layers, which owns its preprocessing.

    Attributes:
        name: may have a tag of weights, such as "vgg16.oxford". Without one, the test uses the
            package's own weights, or else random ones; it downloads nothing.
        weights: a file to read them from instead.
        size: (height, width) of the images, both multiples of every layer's stride.
    """

    def test_is_declared_as_a_backbone(self) -> None:
        spec = self.spec
        self.require_spec(BackboneSpec)
        self.require(
            isinstance(self.network, nn.Module),
            f"its factory returns {type(self.network).__name__}",
            "return a torch.nn.Module, so that it can be moved to a device",
        )
        for what in ("content_layers", "style_layers", "smooth_layers"):
            self._require_layers(f"{what} of its BackboneSpec", getattr(spec, what))
        self._require_layers("aliases of its BackboneSpec", spec.aliases.values())
        for weights in spec.weights:
            self._require_layers(f"gains of {weights.tag}", weights.gains)

    def _require_layers(self, what: str, patterns: Collection[str]) -> None:
        self.require(
            patterns or not what.startswith(("content", "style")),
            f"{what} are empty",
            "name the layers that a run takes by default",
        )
        try:
            expand_layers(patterns, self.layers, self.name, self.spec.aliases)
        except UnknownNameError as error:
            self.require(False, f"{what}: {error}", "name layers that the network has")

    def test_declared_channels_and_strides_are_the_real_ones(self) -> None:
        height, width = self.size
        for layer, tensor in self.features(self.image(samples=2), list(self.layers)).items():
            info = self.layers[layer]
            declared = (2, info.channels, height // info.stride, width // info.stride)
            self.require(
                tuple(tensor.shape) == declared,
                f"{layer} of images {height}x{width} is {tuple(tensor.shape)}; its LayerInfo "
                f"(channels {info.channels}, stride {info.stride}) says {declared}",
                "declare what the network gives",
            )
            self.require(
                tensor.dtype == torch.float32,
                f"{layer} of a float32 image is {tensor.dtype}",
                "keep to the dtype of the parameters",
            )

    def test_layers_are_listed_shallow_to_deep(self) -> None:
        for what in ("stride", "min_size"):
            values = [getattr(info, what) for info in self.layers.values()]
            self.require(
                values == sorted(values),
                f"its layers are not in order: {what} is {values}",
                "list layers from the shallowest to the deepest",
            )

    def test_least_size_is_true(self) -> None:
        for least in sorted({info.min_size for info in self.layers.values()}):
            layers = [name for name, info in self.layers.items() if info.min_size == least]
            for height, width in ((least, least), (least, 3 * least)):
                trouble = self._trouble_with(layers, noise_image(height, width))
                self.require(
                    not trouble,
                    f"{layers[-1]} declares min_size {least}, but with {height}x{width} {trouble}",
                    "declare the least height and width that give a position",
                )
            for layer in layers if least > 1 else ():
                self.require(
                    self._trouble_with([layer], noise_image(least, least - 1)),
                    f"{layer} declares min_size {least}, but {least - 1} pixels give a position "
                    f"too",
                    "declare the least height and width that give a position",
                )

    def _trouble_with(self, layers: Collection[str], image: Tensor) -> str:
        """Return why an image gives a layer no position, or "" if each layer has one."""
        try:
            with torch.no_grad():
                found = self.network(image, layers)
                empty = [layer for layer in layers if not found[layer].numel()]
        except Exception as error:  # raised if a pooling layer has no window left
            return " ".join(f"it raises {type(error).__name__}: {error}".split())[:300]
        return f"{empty[0]} has no position" if empty else ""

    def test_is_frozen_and_in_eval_mode(self) -> None:
        training = [name for name, module in self.network.named_modules() if module.training]
        self.require(
            not training,
            f"it is in train mode (module {training[0] or 'itself'})" if training else "",
            "call .eval() at the end of the constructor: batch norm and dropout would mix samples",
        )
        learning = [name for name, value in self.network.named_parameters() if value.requires_grad]
        self.require(
            not learning,
            f"its parameters are not frozen ({learning[0]})" if learning else "",
            "call .requires_grad_(False) at the end of the constructor: gradients of weights cost "
            "time and memory",
        )

    def test_normalises_by_the_mean_and_deviation_of_its_weights(self) -> None:
        weights, image = self.loaded_weights, self.image()
        other = self.build(replace(weights, mean=OTHER_MEAN, std=OTHER_STD))
        mean, std, other_mean, other_std = (
            torch.tensor(triple).view(1, 3, 1, 1)
            for triple in (weights.mean, weights.std, OTHER_MEAN, OTHER_STD)
        )
        # The image that is to the other network what `image` is to this one.
        moved = (image - mean) / std * other_std + other_mean
        expected = self.features(moved, self.sample, other)
        for layer, tensor in self.features(image, self.sample).items():
            error = _relative_error(tensor, expected[layer])
            self.require(
                error < ROUNDING,
                f"{layer} does not follow the mean and std of its weights: it skips the "
                f"normalisation, or has another (relative error {error:.2g})",
                "compute (image - weights.mean) / weights.std first, with the values of the "
                "Weights that the factory gets",
            )

    def test_samples_of_a_batch_are_independent(self) -> None:
        one, two = self.image(seed=1), self.image(seed=2)
        together = self.features(torch.cat([one, two]), self.sample)
        alone = self.features(one, self.sample)
        for layer in self.sample:
            error = _relative_error(together[layer][:1], alone[layer])
            self.require(
                error < ROUNDING,
                f"{layer} of an image differs alone and in a batch (relative error {error:.2g})",
                "let no layer see the batch: eval mode, no statistics over dimension 0",
            )

    def test_gives_the_same_in_any_order_and_company_of_layers(self) -> None:
        image, names = self.image(), list(self.layers)
        features = self.features(image, names)
        backwards = self.features(image, names[::-1])
        self._require_equal(backwards, features, "asked for in another order")
        for layer in self.sample:
            self._require_equal(self.features(image, [layer]), features, "asked for alone")

    def _require_equal(
        self, found: Mapping[str, Tensor], expected: Mapping[str, Tensor], how: str
    ) -> None:
        for layer, tensor in found.items():
            self.require(
                torch.equal(tensor, expected[layer]),
                f"{layer} {how} differs from {layer} asked for with all",
                "let no in-place operation (ReLU(inplace=True)) overwrite a layer that is "
                "returned, and keep no state between calls",
            )

    def test_gradient_reaches_the_image(self) -> None:
        for layer in (self.sample[0], self.sample[-1]):
            image = self.image(samples=2).requires_grad_()
            tensor = self._features(image, [layer], self.network)[layer]
            self.require(
                tensor.requires_grad,
                f"no gradient reaches the image from {layer}",
                "use no detach or no_grad in forward",
            )
            (gradient,) = torch.autograd.grad(tensor.sum(), image)
            self.require(
                gradient.isfinite().all() and (gradient.abs().amax(dim=(2, 3)) > 0).all(),
                f"the gradient of {layer} is not finite, or zero in a whole channel of the image",
                "let all of the image reach the features",
            )

    def test_computes_nothing_deeper_than_asked_for(self) -> None:
        names = list(self.layers)
        for layer in dict.fromkeys((names[0], names[len(names) // 2], names[-1])):
            ran, needed = self.run_and_needed(layer)
            surplus = [name for name in ran if name not in needed]
            self.require(
                not surplus,
                f"asked for {layer} it also runs {', '.join(surplus[:3])}" if surplus else "",
                "stop at the deepest layer asked for",
            )

    def test_leaves_the_image_as_it_was(self) -> None:
        image = self.image().contiguous(memory_format=torch.channels_last)
        before = image.clone()
        self.features(image, list(self.layers))
        self.require(
            torch.equal(image, before),
            "it writes to its input",
            "normalise into a new tensor: (image - mean) / std, not image.sub_(mean)",
        )

    def test_gives_the_same_twice(self) -> None:
        first, second = (self.features(self.image(), self.sample) for _ in range(2))
        self.require(
            all(torch.equal(first[layer], second[layer]) for layer in self.sample),
            "the same image gives other features the second time",
            "switch dropout off (eval) and keep no state between calls",
        )

    def test_refuses_an_unknown_layer(self) -> None:
        try:
            self.network(self.image(), ["no_such_layer"])
        except Exception:
            return
        self.require(
            False,
            "a request for a layer that it does not have raises nothing",
            "raise stylize.errors.UnknownNameError('layer of NAME', layer, self.layers)",
        )

    def test_runs_in_bfloat16(self) -> None:
        expected = self.features(self.image(), self.sample)
        network = copy.deepcopy(self.network).to(torch.bfloat16)
        for layer, tensor in self.features(self.image(), self.sample, network).items():
            error = _relative_error(tensor.float(), expected[layer])
            self.require(
                tensor.dtype == torch.bfloat16 and error < 0.1,
                f"in bfloat16 {layer} is {tensor.dtype} and differs by {error:.2g}",
                "cast the normalised image to the dtype of the parameters",
            )

    def test_declared_weights_say_their_licence(self) -> None:
        for weights in self.spec.weights:
            self.require(
                weights.license != "unknown",
                f"weights {weights.tag} have no licence",
                "give WeightsSpec its license, an SPDX identifier or a short note",
            )

    def test_composes_with_the_built_in_parts(self) -> None:
        name = self.host.key(self.spec)
        tag = f".{self.tag}" if self.tag else ""
        options: dict[str, Any] = {} if self.weights is None else {"weights": str(self.weights)}
        assert_composes(self.host, self.kind, f"{name}{tag}", self.settings, **options)


def _relative_error(actual: Tensor, expected: Tensor) -> float:
    return float((actual - expected).norm() / expected.norm().clamp_min(1e-30))
