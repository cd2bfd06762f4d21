"""The ResNets agree with torchvision and the embedded file, and their names and weights work.

Seeded random weights stand in for torchvision's: nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, count
from pathlib import Path
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchvision.models.feature_extraction import create_feature_extractor

from stylize import (
    BackboneSpec,
    BuiltParts,
    Kind,
    Parts,
    PluginHost,
    Weights,
    create_backbone,
    expand_layers,
    get_spec,
    make_plan,
    make_settings,
)
from stylize.building.backbones import build_component
from stylize.contract.spec import IMAGENET_MEAN, IMAGENET_STD
from stylize.errors import UnknownNameError, WeightsError, WeightsUnavailableError

FILE = Path(__file__).parents[1] / "plugins/stylize_resnet" / "resnet50_thin-open_nsfw.safetensors"
BLOCKS = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet50_thin": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
    "wide_resnet50_2": (3, 4, 6, 3),
}
DOWNLOADED = [name for name in BLOCKS if name != "resnet50_thin"]


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost.discover()


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the images are too small to share
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, and an empty cache in tmp_path."""
    monkeypatch.setenv("STYLIZE_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


def noise(height: int, width: int) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))


def assert_same_features(actual: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    assert list(actual) == list(expected)
    for layer, tensor in expected.items():
        assert actual[layer].shape == tensor.shape, layer
        assert (actual[layer] - tensor).norm() / tensor.norm() < 1e-5, layer


def spec_of(host: PluginHost, name: str) -> BackboneSpec:
    return cast("BackboneSpec", get_spec(Kind.BACKBONE, name, host))


def modules_of(network: object) -> Iterator[nn.Module]:
    return cast("nn.Module", network).modules()


def parts_of(host: PluginHost, **settings: object) -> Parts:
    chosen = {"method": "gatys", "device": "cpu", "precision": "float32", **settings}
    return BuiltParts(host, make_plan(host, make_settings(chosen)))


# The embedded network


def thin_features(tensors: Mapping[str, Tensor], image: Tensor) -> dict[str, Tensor]:
    """Compute every layer of resnet50_thin by plain functions, as its file's header describes."""

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = tensors[f"{name}.weight"].float()
        padding = weight.shape[-1] // 2
        return F.conv2d(x, weight, tensors[f"{name}.bias"].float(), stride, padding)

    # The header's mean and std are those of Caffe: pixels in [0, 255] less a mean colour.
    x = image * 255 - torch.tensor([123.0, 117.0, 104.0]).view(1, 3, 1, 1)
    x = F.relu(conv(x, "conv1", stride=2))
    features = {"conv1": x}
    x = F.max_pool2d(x, 3, 2, ceil_mode=True)
    for stage in (1, 2, 3, 4):
        for index in count():
            block = f"layer{stage}.{index}"
            if f"{block}.conv1.weight" not in tensors:
                break
            stride = 2 if stage > 1 and index == 0 else 1
            out = F.relu(conv(x, f"{block}.conv1", stride))
            out = F.relu(conv(out, f"{block}.conv2"))
            out = conv(out, f"{block}.conv3")
            shortcut = conv(x, f"{block}.downsample", stride) if index == 0 else x
            x = F.relu(out + shortcut)
            features[block] = x
    return features


# 96x64 fits every stride; the others leave a remainder at the pooling and at later strides.
@pytest.mark.parametrize("size", [(96, 64), (75, 61), (3, 3), (5, 37)])
def test_thin_is_what_its_file_describes(size: tuple[int, int]) -> None:
    image, network = noise(*size), create_backbone("resnet50_thin.open_nsfw")
    assert all(not isinstance(module, nn.BatchNorm2d) for module in modules_of(network))
    with torch.no_grad():
        features = network(image, list(network.layers))
        assert_same_features(features, thin_features(load_file(FILE), image))


def test_thin_needs_two_positions_of_its_stem() -> None:
    layers = create_backbone("resnet50_thin").layers
    assert layers["conv1"].min_size == 1
    assert {info.min_size for name, info in layers.items() if name != "conv1"} == {3}


def test_thin_layers_are_rectified_and_alive() -> None:
    network = create_backbone("resnet50_thin")
    with torch.no_grad():
        features = network(noise(64, 64), list(network.layers))
    for tensor in features.values():
        assert (tensor >= 0).all()  # every layer is after a ReLU
        assert 0.1 < tensor.square().mean().sqrt() < 10


@pytest.mark.parametrize("size", [(64, 48), (2, 5)])
def test_an_enlarged_picture_has_the_features_of_one_twice_as_large(size: tuple[int, int]) -> None:
    image = noise(*size)
    double = F.interpolate(image, scale_factor=2, mode="bilinear")
    network = create_backbone("resnet50_thin", enlarge=2)
    trained = create_backbone("resnet50_thin")
    assert [info.stride * 2 for info in network.layers.values()] == [
        info.stride for info in trained.layers.values()
    ]
    with torch.no_grad():
        features = network(image, list(network.layers))
        assert_same_features(features, trained(double, list(network.layers)))
    assert features["conv1"].shape[-2:] == size


# torchvision's networks


def torchvision_network(name: str) -> Any:
    """Make torchvision's own network, with batch norms as if trained."""
    torch.manual_seed(0)
    network = getattr(torchvision.models, name)(weights=None)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.2, 0.6)
            nn.init.normal_(module.bias, std=0.1)
    return network.eval()


def torchvision_features(network: Any, image: Tensor) -> dict[str, Tensor]:
    """Compute every layer by torchvision's own forward."""
    stages = {k: getattr(network, k) for k in ("layer1", "layer2", "layer3", "layer4")}
    blocks = [f"{name}.{index}" for name, stage in stages.items() for index in range(len(stage))]
    graph = create_feature_extractor(network, {"relu": "conv1", **{name: name for name in blocks}})
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    with torch.no_grad():
        return cast("dict[str, Tensor]", graph((image - mean) / std))


@pytest.mark.parametrize("name", DOWNLOADED)
def test_wiring_is_torchvisions(host: PluginHost, name: str) -> None:
    reference, image = torchvision_network(name), noise(75, 64)
    # Older files lack the counters of training.
    state = {
        key: tensor
        for key, tensor in reference.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    spec = spec_of(host, name)
    settings = host.make_settings(spec, {})
    network = build_component(host, spec, settings, Weights("seeded", state))
    assert all(not isinstance(module, nn.BatchNorm2d) for module in modules_of(network))
    with torch.no_grad():
        features = network(image, list(network.layers))
    assert_same_features(features, torchvision_features(reference, image))


@pytest.mark.usefixtures("_offline")
def test_weights_in_torchvisions_cache_are_used(tmp_path: Path) -> None:
    reference, image = torchvision_network("resnet50"), noise(64, 64)
    url = torchvision.models.ResNet50_Weights.IMAGENET1K_V1.url
    checkpoint = tmp_path / "hub" / "checkpoints" / Path(url).name
    checkpoint.parent.mkdir(parents=True)
    torch.save(reference.state_dict(), checkpoint)
    network = create_backbone("resnet50")
    with torch.no_grad():
        features = network(image, list(network.layers))
    assert_same_features(features, torchvision_features(reference, image))


@pytest.mark.parametrize("name", BLOCKS)
def test_random_features_stay_in_range_however_deep(name: str) -> None:
    network = create_backbone(f"{name}.random")
    with torch.no_grad():
        features = network(noise(32, 32), list(network.layers))
    assert all(0.1 < tensor.square().mean().sqrt() < 100 for tensor in features.values())


@pytest.mark.usefixtures("_offline")
@pytest.mark.parametrize("name", DOWNLOADED)
def test_offline_without_a_cache_names_what_works(host: PluginHost, name: str) -> None:
    with pytest.raises(WeightsUnavailableError, match=r"resnet50_thin\.open_nsfw") as caught:
        create_backbone(name, host=host)
    assert f"weights {name}.imagenet1k_v1" in str(caught.value)
    assert "--weights FILE" in str(caught.value)


# Weights of something else


def test_weights_of_another_network_are_rejected(host: PluginHost, tmp_path: Path) -> None:
    shallow = tmp_path / "resnet18.safetensors"
    save_file(torchvision_network("resnet18").state_dict(), shallow)
    with pytest.raises(WeightsError, match=r"resnet18\.safetensors: .* give weights of this"):
        create_backbone("resnet50", weights=shallow, host=host)
    with pytest.raises(WeightsError, match=r"tensor conv1\.bias is missing"):
        create_backbone("resnet50_thin", weights=shallow, host=host)
    with pytest.raises(WeightsError, match="is of resnet50_thin, not of resnet50: use"):
        create_backbone("resnet50", weights=FILE, host=host)


def test_a_tensor_of_another_shape_is_named(host: PluginHost, tmp_path: Path) -> None:
    tensors = load_file(FILE)
    tensors["layer3.0.conv2.weight"] = tensors["layer3.0.conv2.weight"][:, :64].contiguous()
    wrong = tmp_path / "wrong.safetensors"
    save_file(tensors, wrong)
    message = (
        r"layer3\.0\.conv2\.weight has shape \(128, 64, 3, 3\), "
        r"the network needs \(128, 128, 3, 3\)"
    )
    with pytest.raises(WeightsError, match=message):
        create_backbone("resnet50_thin", weights=wrong, host=host)


# Names


@pytest.mark.parametrize("name", BLOCKS)
def test_layers_and_defaults_are_the_papers(host: PluginHost, name: str) -> None:
    spec, network = spec_of(host, name), create_backbone(f"{name}.random", host=host)
    stages = [[f"layer{k}.{i}" for i in range(n)] for k, n in enumerate(BLOCKS[name], 1)]
    assert list(network.layers) == ["conv1", *chain(*stages)]
    assert spec.style_layers == ("conv1", *(stage[-1] for stage in stages))
    assert spec.content_layers == (stages[2][-1],)

    def expand(*patterns: str) -> list[str]:
        return list(expand_layers(patterns, network.layers, name, spec.aliases))

    assert expand(*spec.smooth_layers) == [*stages[2], *stages[3]]
    for number, stage in enumerate(stages, 1):
        assert expand(f"conv{number}_*") == stage
        assert expand(f"conv{number}_1") == stage[:1]
        assert expand(f"conv{number}_{len(stage)}") == stage[-1:]


def test_the_papers_names_choose_layers_in_a_run(host: PluginHost) -> None:
    parts = parts_of(
        host,
        backbone="resnet50_thin",
        smooth="tanh",
        smooth_layers="conv3_*,conv4_*",
        content_layers="conv3_2",
        style_layers="conv1=2,conv2_*=0.5",
    )
    assert parts.features.smooth_layers == {
        *(f"layer3.{index}" for index in range(6)),
        *(f"layer4.{index}" for index in range(3)),
    }
    assert parts.content.layers == {"layer3.1": 1.0}
    assert parts.style.layers == {"conv1": 2.0, **{f"layer2.{index}": 0.5 for index in range(4)}}


@pytest.mark.parametrize("setting", ["smooth_layers", "content_layers", "style_layers"])
def test_a_layer_that_the_network_lacks_is_named_with_the_nearest(
    host: PluginHost, setting: str
) -> None:
    message = r"unknown layer of resnet50_thin 'layer3\.6'; did you mean layer3\.\d\?"
    with pytest.raises(UnknownNameError, match=message):
        parts_of(host, backbone="resnet50_thin", smooth="tanh", **{setting: "layer3.6"})
    with pytest.raises(UnknownNameError, match=r"unknown layer of resnet50_thin 'conv5_\*'"):
        parts_of(host, backbone="resnet50_thin", smooth="tanh", **{setting: "conv5_*"})


def test_a_large_picture_has_the_features_and_the_gradient_of_a_small_one(monkeypatch):
    """Activations that are computed again instead of stored change nothing."""
    network = create_backbone("resnet50_thin", enlarge=2)
    layers = ("conv1", "layer1.2", "layer2.3", "layer3.5")
    found = []
    for large in (10**9, 0):
        monkeypatch.setattr("stylize_resnet.backbone.LARGE", large)
        image = torch.rand(1, 3, 40, 56, generator=torch.Generator().manual_seed(0))
        features = network(image.requires_grad_(), layers)
        sum(each.square().mean() for each in features.values()).backward()
        found.append((features, image.grad))
    (stored, plain), (again, recomputed) = found
    assert all(torch.equal(stored[layer], again[layer]) for layer in layers)
    torch.testing.assert_close(plain, recomputed, rtol=1e-5, atol=1e-8)
