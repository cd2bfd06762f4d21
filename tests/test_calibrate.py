"""`stylize calibrate`, and the purpose of its gains: smoothings that work on real features."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from command import Command
from stylize import (
    BackboneSpec,
    Kind,
    PluginHost,
    Smoothing,
    calibrate_gains,
    create_backbone,
    create_smoothing,
    list_smoothings,
    normalized_entropy,
    read_image,
)
from stylize.building.backbones import load_backbone
from stylize.errors import StylizeError, UnknownNameError, UsageError

HOST = PluginHost.discover()
EMBEDDED = [
    f"{spec.name}.{weights.tag}"
    for spec in HOST.specs(Kind.BACKBONE)
    if isinstance(spec, BackboneSpec)
    for weights in spec.weights
    if weights.embedded
]
THIN = Path(__file__).parents[1] / "plugins/stylize_resnet/resnet50_thin-open_nsfw.safetensors"


# Calibration


def test_a_gain_is_1_over_the_root_mean_square_each_photograph_counting_the_same(photo, painting):
    images, layers = [photo, painting], ["conv1", "layer3.5"]
    found = calibrate_gains("resnet50_thin", images, layers=layers, size=96, device="cpu")
    assert (found.backbone, found.images, found.size) == ("resnet50_thin.open_nsfw", 2, 96)
    assert list(found.gains) == layers
    network = create_backbone("resnet50_thin")
    features = [network(read_image(image, size=96).pixels, layers) for image in images]
    for layer in layers:
        mean_squares = [np.mean(f[layer].numpy().astype(float) ** 2) for f in features]
        assert found.gains[layer] == pytest.approx(np.mean(mean_squares) ** -0.5, rel=1e-3)
        assert found.gains[layer] == float(f"{found.gains[layer]:.4g}")


def test_what_is_no_picture_is_skipped_and_told(tmp_path, photo):
    (tmp_path / "notes.jpg").write_text("no picture")
    Image.new("RGB", (2, 2)).save(tmp_path / "tiny.png")
    images = [tmp_path / "notes.jpg", tmp_path / "tiny.png", photo]
    found = calibrate_gains("resnet50_thin", images, layers=["layer1.0"], size=64, device="cpu")
    assert found.images == 1
    unread, small = found.skipped
    assert "notes.jpg" in unread
    assert "image is 2x2" in small
    with pytest.raises(UsageError, match=r"none of 2 images can be used: .*notes"):
        calibrate_gains("resnet50_thin", images[:2], layers=["layer1.0"], device="cpu")


def test_a_layer_that_is_always_zero_has_no_gain(tmp_path, photo):
    save_file(
        {k: torch.zeros_like(v) for k, v in load_file(THIN).items()}, tmp_path / "zero.safetensors"
    )
    with pytest.raises(StylizeError, match=r"conv1 of .*zero\.safetensors is zero on all 1 images"):
        calibrate_gains(
            "resnet50_thin", [photo], layers=["conv1"], size=64, device="cpu",
            weights=tmp_path / "zero.safetensors",
        )  # fmt: skip


def test_unknown_layers_are_named(photo):
    with pytest.raises(UnknownNameError, match=r"unknown layer of vgg16 'layer3\.\*'"):
        calibrate_gains("vgg16", [photo], layers=["layer3.*"], device="cpu")


def test_the_command_prints_python_that_a_plugin_can_paste(command: Command):
    outcome = command(
        "calibrate", "vgg16.oxford", ".", "--layers", "conv1_*,relu2_1", "--device", "cpu"
    )
    assert outcome.code == 0, outcome.err
    assert outcome.err == "vgg16.oxford: 2 of 2 images used\n"
    said: dict[str, Any] = {}
    exec(outcome.out, said)
    expected = calibrate_gains(
        "vgg16", ["painting.png", "photo.png"], layers=["conv1_*", "relu2_1"], device="cpu"
    )
    assert said["GAINS"] == expected.gains
    assert list(said["GAINS"]) == ["conv1_1", "conv1_2", "relu2_1"]
    assert "vgg16.oxford on 2 photographs, longer side 512" in outcome.out


def test_json_holds_what_was_skipped(command: Command):
    (command.folder / "notes.jpg").write_text("no picture")
    outcome = command(
        "calibrate", "resnet50_thin", ".", "--layers", "conv1", "--json", "--device", "cpu"
    )
    record = json.loads(outcome.out)
    assert record["images"] == 2
    assert "notes.jpg" in record["skipped"][0]
    assert outcome.err.startswith("stylize: warning: skipped: notes.jpg")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vgg61", "."), "unknown backbone 'vgg61'; did you mean vgg16?"),
        (("vgg16", ".", "--layers", "layer9"), "unknown layer of vgg16 'layer9'"),
        (("vgg16", ".", "--layers", ","), "--layers is ',': name at least one"),
        (("vgg16", "lost.png", "--layers", "conv1_1"), "lost.png: no such file: check the name"),
    ],
)
def test_bad_input_is_one_line(command: Command, arguments, message):
    outcome = command("calibrate", *arguments, "--device", "cpu")
    assert outcome.code == 2
    assert message in outcome.complaint


# The gains of the embedded backbones, and the contract of smoothings on real features


@dataclass(frozen=True)
class Layer:
    """One layer's features of the demo photograph, and its calibrated gain."""

    name: str
    features: Tensor
    gain: float

    @property
    def active(self) -> Tensor:
        """The units that a ReLU does not silence."""
        return self.features != 0


@cache
def smoothed_layers(backbone: str) -> tuple[Layer, ...]:
    """The layers that the backbone smooths by default, on the demo photograph at 256 px."""
    network = load_backbone(HOST, backbone, device="cpu")
    photo = Path(__file__).parents[1] / "core/stylize/demo/china.jpg"
    pixels = read_image(photo, size=256).pixels
    features = network(pixels, network.expand(network.spec.smooth_layers))
    gains = network.weights.gains or {}
    return tuple(Layer(name, tensor, gains[name]) for name, tensor in features.items())


def make(smoothing: str) -> Smoothing:
    return create_smoothing(smoothing, host=HOST)


def gradient(smoothing: Smoothing, features: Tensor) -> Tensor:
    """The gradient of a random weighting of the smoothed features."""
    start = features.clone().requires_grad_()
    weights = torch.randn(features.shape, generator=torch.Generator().manual_seed(0))
    return torch.autograd.grad((smoothing(start) * weights).sum(), start)[0]


@pytest.mark.parametrize("backbone", EMBEDDED)
def test_every_layer_of_an_embedded_backbone_has_a_gain(backbone):
    network = load_backbone(HOST, backbone, device="cpu")
    assert list(network.weights.gains or ()) == list(network.features.layers)


@pytest.mark.parametrize("backbone", EMBEDDED)
def test_gains_bring_the_demo_photograph_near_unit_size(backbone):
    for layer in smoothed_layers(backbone):
        size = (layer.gain * layer.features).square().mean().sqrt().item()
        assert 0.5 < size < 2, layer.name


@pytest.mark.parametrize("backbone", EMBEDDED)
@pytest.mark.parametrize("smoothing", list_smoothings(host=HOST))
def test_gradients_do_not_vanish_at_calibrated_gains(smoothing, backbone):
    for layer in smoothed_layers(backbone):
        found = gradient(make(smoothing), layer.gain * layer.features)[layer.active]
        assert found.isfinite().all()
        # At most 0.04: in relu4_3 of VGG-16, a tenth of the units is active, and mostly large.
        assert (found == 0).float().mean() < 0.05, layer.name


@pytest.mark.parametrize("backbone", EMBEDDED)
@pytest.mark.parametrize("smoothing", list_smoothings(host=HOST))
def test_entropy_is_between_that_of_a_peak_and_of_a_flat_map(smoothing, backbone):
    for layer in smoothed_layers(backbone):
        scaled = layer.gain * layer.features
        before, after = (normalized_entropy(x) for x in (scaled, make(smoothing)(scaled)))
        assert 0.05 < after < 0.9999, layer.name
        if smoothing in ("softmax", "tanh", "softsign"):
            assert after > before, layer.name


# The literal form of the paper: gain 1. The docs describe its trouble; this test keeps them true.


def test_literal_tanh_of_vgg_has_no_gradient_on_nearly_all_active_units():
    for layer in smoothed_layers("vgg16.oxford"):
        vanished = gradient(create_smoothing("tanh"), layer.features)[layer.active] == 0
        assert vanished.float().mean() > 0.9, layer.name


def test_literal_softmax_of_vgg_is_one_hot_and_has_no_gradient():
    softmax = create_smoothing("softmax", temperature=1, scale="sum")
    for layer in smoothed_layers("vgg16.oxford"):
        assert normalized_entropy(softmax(layer.features)) < 1e-3, layer.name
        assert (gradient(softmax, layer.features) == 0).float().mean() > 0.99, layer.name


def test_literal_softmax_of_the_thin_resnet_is_nearly_uniform_in_stage_3_and_peaky_in_stage_4():
    softmax = create_smoothing("softmax", temperature=1, scale="sum")
    for layer in smoothed_layers("resnet50_thin.open_nsfw"):
        entropy = normalized_entropy(softmax(layer.features))
        if layer.name.startswith("layer3"):
            assert 0.9 < entropy < 1, layer.name
        else:
            assert entropy < 0.5, layer.name


def test_literal_tanh_of_the_thin_resnet_keeps_its_gradient():
    for layer in smoothed_layers("resnet50_thin.open_nsfw"):
        vanished = gradient(create_smoothing("tanh"), layer.features)[layer.active] == 0
        assert vanished.float().mean() < 0.01, layer.name
