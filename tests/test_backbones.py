"""Backbones beyond their contract (test_contracts), and the meaning of VGG's settings.

Weights are random or embedded, so that nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor

from stylize import (
    BackboneSpec,
    FeatureExtractor,
    Kind,
    PluginHost,
    Weights,
    create_backbone,
    list_backbones,
    split_backbone_name,
)
from stylize.building.backbones import build_component
from stylize.building.weights import resolve_weights
from stylize.errors import ImageTooSmallError, SettingsError, UnknownNameError
from stylize_vgg.backbone import VGG16, VGG19, empty_features
from stylize_vgg.mirrored import convolve_mirrored

HOST = PluginHost.discover()


def spec_of(name: str) -> BackboneSpec:
    return cast("BackboneSpec", HOST.get(Kind.BACKBONE, split_backbone_name(name)[0]))


NAMES = [f"{name}.random" for name in list_backbones(host=HOST)]
EMBEDDED = [
    f"{name}.{weights.tag}"
    for name in list_backbones(host=HOST)
    for weights in spec_of(name).weights
    if weights.embedded
]


@dataclass(frozen=True)
class Case:
    """A backbone under test, as a protocol and as a module, with its weights."""

    name: str
    spec: BackboneSpec
    weights: Weights
    network: Any

    @property
    def layers(self) -> list[str]:
        return list(self.network.layers)

    @property
    def sample(self) -> list[str]:
        """A tenth of the layers, including the shallowest and the deepest."""
        return self.layers[:: max(1, len(self.layers) // 10)] + self.layers[-1:]

    def features(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        with torch.no_grad():
            return cast("dict[str, Tensor]", self.network(image, layers))


def make_case(name: str) -> Case:
    spec = spec_of(name)
    weights = resolve_weights(HOST, spec, split_backbone_name(name)[1]).load()
    return Case(name, spec, weights, build(spec, weights))


def build(spec: BackboneSpec, weights: Weights) -> Any:
    return build_component(HOST, spec, HOST.make_settings(spec, {}), weights)


@pytest.fixture(scope="module", params=[*NAMES, *EMBEDDED])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the images are too small to share among threads
    yield make_case(request.param)
    torch.set_num_threads(threads)


def noise(*sizes: int, seed: int = 0, n: int = 1) -> Tensor:
    """Return images (n, 3, height, width) of uniform noise; one size means a square."""
    return torch.rand(n, 3, sizes[0], sizes[-1], generator=torch.Generator().manual_seed(seed))


def relative_error(actual: Tensor, expected: Tensor) -> float:
    return float((actual - expected).norm() / expected.norm())


def test_features_come_shallow_to_deep(case: Case) -> None:
    assert list(case.features(noise(32), case.layers[::-1])) == case.layers


def test_nothing_is_computed_that_the_layer_does_not_need(case: Case) -> None:
    ran: set[nn.Module] = set()
    owners = {
        parameter: module
        for module in case.network.modules()
        for parameter in module.parameters(recurse=False)
    }
    hooks = [
        module.register_forward_hook(lambda module, *_: ran.add(module))
        for module in set(owners.values())
    ]
    try:
        case.network.requires_grad_(True)
        for layer in (case.layers[0], case.layers[len(case.layers) // 2], case.layers[-1]):
            ran.clear()
            total = case.network(noise(32), [layer])[layer].sum()
            gradients = torch.autograd.grad(total, list(owners), allow_unused=True)
            needed = {
                module
                for module, gradient in zip(owners.values(), gradients, strict=True)
                if gradient is not None
            }
            assert ran == needed, layer
    finally:
        case.network.requires_grad_(False)
        for hook in hooks:
            hook.remove()


def test_normalises_by_the_mean_and_deviation_of_its_weights(case: Case) -> None:
    image, weights = noise(32), case.weights
    plain = build(case.spec, replace(weights, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)))
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (weights.mean, weights.std))
    with torch.no_grad():
        expected = plain((image - mean) / std, case.sample)
    for layer, tensor in case.features(image, case.sample).items():
        assert relative_error(tensor, expected[layer]) < 1e-5, layer


def test_least_size_is_enforced(case: Case) -> None:
    extractor = FeatureExtractor(case.network, case.name, lambda x: x, "none")
    deepest = case.layers[-1]
    least = extractor.least_size([deepest])
    assert least == case.network.layers[deepest].min_size
    with torch.no_grad():
        extractor(noise(least), [deepest])
    with pytest.raises(ImageTooSmallError, match=f"at {deepest} needs {least}x{least}"):
        extractor(torch.zeros(1, 3, least, least - 1), [deepest])


def test_samples_of_a_batch_are_independent(case: Case) -> None:
    one, two, other = noise(48, seed=1), noise(48, seed=2), noise(48, seed=3)
    before = case.features(torch.cat([one, two]), case.sample)
    after = case.features(torch.cat([one, other]), case.sample)
    alone = case.features(one, case.sample)
    for layer in case.sample:
        assert torch.equal(before[layer][0], after[layer][0]), layer
        assert not torch.equal(before[layer][1], after[layer][1]), layer
        assert relative_error(before[layer][:1], alone[layer]) < 1e-5, layer


@pytest.mark.parametrize("name", EMBEDDED)
def test_embedded_weights_declare_a_licence_and_their_normalisation(name: str) -> None:
    case = make_case(name)
    assert case.weights.name == name
    assert next(w for w in case.spec.weights if name.endswith(w.tag)).license != "unknown"
    white = case.features(torch.ones(1, 3, 32, 32), case.layers)
    assert all(tensor.isfinite().all() for tensor in white.values())


@pytest.mark.parametrize("name", ["vgg16", "resnet18"])
def test_random_weights_follow_their_seed(name: str) -> None:
    layer, image = list(create_backbone(f"{name}.random").layers)[-1], noise(32)
    one, same, other = (
        create_backbone(f"{name}.random", seed=seed)(image, [layer])[layer] for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


# VGG


@pytest.fixture(scope="module")
def oxford() -> Weights:
    return resolve_weights(HOST, spec_of("vgg16"), "oxford").load()


@pytest.fixture(params=[("vgg16", VGG16), ("vgg19", VGG19)], ids=["vgg16", "vgg19"])
def vgg(request: pytest.FixtureRequest) -> tuple[str, tuple[int, ...], nn.Module]:
    """Name and blocks of a VGG, and torchvision's own module, without its classifier."""
    name, blocks = request.param
    with torch.device("meta"):
        theirs = getattr(torchvision.models, name)()
        theirs.classifier = nn.Identity()
    return name, blocks, theirs


def test_vgg_has_torchvisions_parameters(vgg: tuple[str, tuple[int, ...], nn.Module]) -> None:
    _, blocks, theirs = vgg
    network = nn.ModuleDict({"features": empty_features(blocks)})
    ours = {key: tensor.shape for key, tensor in network.state_dict().items()}
    assert ours == {key: tensor.shape for key, tensor in theirs.state_dict().items()}


def test_vgg_equals_torchvisions_module_to_the_bit(
    vgg: tuple[str, tuple[int, ...], nn.Module],
) -> None:
    """Also with random weights, which are drawn in the order of its modules."""
    name, _, theirs = vgg
    weights = Weights(name, None, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), seed=7)
    weights.load_into(theirs)
    loaded = build(spec_of(name), replace(weights, tensors=theirs.state_dict()))
    x = image = noise(64, 80).contiguous(memory_format=torch.channels_last)
    layers = list(loaded.layers)
    with torch.no_grad():
        features = loaded(image, layers)
        drawn = build(spec_of(name), weights)(image, layers)
        for step in cast("nn.Sequential", theirs.features):
            # Its own works in place, and would overwrite the output of the convolution.
            x = F.relu(x) if isinstance(step, nn.ReLU) else step(x)
            if not isinstance(step, nn.MaxPool2d):
                layer = layers.pop(0)
                assert torch.equal(features[layer], x), layer
                assert torch.equal(drawn[layer], x), layer
    assert not layers


def torchvision_vgg16(weights: Weights) -> nn.Module:
    """Make torchvision's own graph with the weights, no ReLU in place."""
    network = torchvision.models.vgg16(init_weights=False)
    state = {name: tensor.float() for name, tensor in (weights.tensors or {}).items()}
    network.features.load_state_dict({k.removeprefix("features."): v for k, v in state.items()})
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return cast("nn.Module", network.eval())


def normalised(image: Tensor, weights: Weights) -> Tensor:
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (weights.mean, weights.std))
    return (image - mean) / std


def graph_names(layers: Collection[str]) -> dict[str, str]:
    """Map torchvision's node names to ours; skip pools, for which we have no names."""
    indices = [i for i in range(31) if i not in (4, 9, 16, 23, 30)]
    return {f"features.{index}": layer for index, layer in zip(indices, layers, strict=True)}


def test_vgg16_is_torchvisions_own_graph(oxford: Weights) -> None:
    image, ours = noise(64, 80), create_backbone("vgg16.oxford")
    graph = create_feature_extractor(torchvision_vgg16(oxford), graph_names(ours.layers))
    with torch.no_grad():
        features, expected = ours(image, list(ours.layers)), graph(normalised(image, oxford))
    for layer, tensor in expected.items():
        assert relative_error(features[layer], tensor) < 1e-4, layer


def test_vgg_layers_before_the_relu_keep_their_negative_values() -> None:
    network = create_backbone("vgg16.oxford")
    with torch.no_grad():
        features = network(noise(64), list(network.layers))
    for block, count in enumerate((2, 2, 3, 3, 3), 1):
        for index in range(1, count + 1):
            before, after = features[f"conv{block}_{index}"], features[f"relu{block}_{index}"]
            assert (before < 0).any()
            assert torch.equal(F.relu(before), after)


def test_vgg_average_pooling_averages_where_max_pooling_did(oxford: Weights) -> None:
    image, ours = noise(64), create_backbone("vgg16.oxford", pooling="average")
    network = torchvision_vgg16(oxford)
    for index, module in enumerate(network.features):
        if isinstance(module, nn.MaxPool2d):
            network.features[index] = nn.AvgPool2d(2)
    graph = create_feature_extractor(network, graph_names(ours.layers))
    with torch.no_grad():
        features, expected = ours(image, list(ours.layers)), graph(normalised(image, oxford))
    for layer, tensor in expected.items():
        assert relative_error(features[layer], tensor) < 1e-4, layer


def test_vgg_reflect_padding_makes_borders_like_all_else() -> None:
    grey = torch.full((1, 3, 64, 64), 0.3)
    zeros, reflect = (create_backbone("vgg16.oxford", padding=p) for p in ("zeros", "reflect"))
    layers = list(reflect.layers)
    with torch.no_grad():
        even, uneven = reflect(grey, layers), zeros(grey, layers)
    for name, features in even.items():
        middle = features[..., features.shape[-2] // 2, features.shape[-1] // 2][..., None, None]
        assert relative_error(features, middle.expand_as(features)) < 1e-4, name
        assert relative_error(uneven[name], features) > 1e-2, name


@pytest.mark.parametrize("size", [(2, 2), (2, 5), (7, 4)])
def test_a_mirrored_convolution_has_pytorch_s_values_and_slope(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    x, weight, bias, slope = (
        torch.randn(shape, generator=generator, dtype=torch.float64)
        for shape in ((2, 3, *size), (4, 3, 3, 3), (4,), (2, 4, *size))
    )
    x.requires_grad_()
    expected = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), weight, bias)
    found = convolve_mirrored(x, weight, bias)
    assert torch.equal(found, expected)
    gradients = (torch.autograd.grad(y, x, slope)[0] for y in (found, expected))
    torch.testing.assert_close(*gradients)


def test_vgg_reflect_padding_takes_two_positions_of_the_deepest_layer() -> None:
    reflect = create_backbone("vgg16.random", padding="reflect")
    for name, info in reflect.layers.items():
        picture = noise(info.min_size)
        assert reflect(picture, [name])[name].shape[-1] == info.min_size // info.stride, name


def test_vgg_replicate_padding_repeats_the_border_in_the_first_layer(oxford: Weights) -> None:
    image, tensors = noise(24, 32), oxford.tensors or {}
    zeros, replicate = (create_backbone("vgg16.oxford", padding=p) for p in ("zeros", "replicate"))
    padded = F.pad(normalised(image, oxford), (1, 1, 1, 1), mode="replicate")
    expected = F.conv2d(
        padded, tensors["features.0.weight"].float(), tensors["features.0.bias"].float()
    )
    with torch.no_grad():
        with_zeros = zeros(image, ["conv1_1"])["conv1_1"]
        features = replicate(image, ["conv1_1", "conv1_2"])
        conv1_2 = F.conv2d(
            F.relu(features["conv1_1"]),
            tensors["features.2.weight"].float(),
            tensors["features.2.bias"].float(),
            padding=1,
        )
    assert relative_error(features["conv1_1"], expected) < 1e-5
    assert relative_error(features["conv1_2"], conv1_2) < 1e-5  # deeper layers keep their zeros
    inside = (..., slice(1, -1), slice(1, -1))
    assert relative_error(features["conv1_1"][inside], with_zeros[inside]) < 1e-5
    assert relative_error(features["conv1_1"], with_zeros) > 1e-3


def test_vgg19_has_the_fields_layer_names() -> None:
    names = [
        f"{kind}{block}_{index}"
        for block, count in enumerate((2, 2, 4, 4, 4), 1)
        for index in range(1, count + 1)
        for kind in ("conv", "relu")
    ]
    assert list(create_backbone("vgg19.random").layers) == names


def test_settings_that_a_backbone_lacks_are_rejected() -> None:
    with pytest.raises(SettingsError, match="pooling"):
        create_backbone("vgg16.random", pooling="median")
    with pytest.raises(UnknownNameError, match="setting of resnet18 'pooling'"):
        create_backbone("resnet18.random", pooling="average")
