"""The judge against its definition, computed with torchvision's own graph."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file

from stylize import Judge, read_image


def test_distances_are_those_of_the_definition(photo, painting):
    output = torch.rand(1, 3, 90, 120, generator=torch.Generator().manual_seed(0))
    content, style = read_image(photo, size=200).pixels, read_image(painting, size=150).pixels
    verdict = Judge(device="cpu")(output, content, style)

    network = torchvision.models.vgg16(weights=None).features.eval()
    file = resources.files("stylize_vgg") / "vgg16-oxford.safetensors"
    state = {k.removeprefix("features."): v.float() for k, v in load_file(str(file)).items()}
    network.load_state_dict(state)
    relus = {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 18, "relu5_1": 25}
    mean = torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1)

    def features(image: torch.Tensor, size: tuple[int, int]) -> dict[str, torch.Tensor]:
        planes = [
            np.asarray(Image.fromarray(plane.numpy()).resize(size, Image.Resampling.LANCZOS))
            for plane in image[0]
        ]
        x = torch.from_numpy(np.stack(planes))[None].clamp(0, 1) * 255 - mean
        found = {}
        with torch.no_grad():
            for index, layer in enumerate(network):
                x = layer(x)
                found |= {name: x.clone() for name, at in relus.items() if at == index}
        return found

    def gram(x: torch.Tensor) -> torch.Tensor:
        rows = x[0].flatten(1)
        return rows @ rows.T / rows.shape[1]

    def longer_side_512(image: torch.Tensor) -> tuple[int, int]:
        height, width = image.shape[-2:]
        return round(width * 512 / max(height, width)), round(height * 512 / max(height, width))

    now, of_content, of_style = (
        features(output, longer_side_512(content)),
        features(content, longer_side_512(content)),
        features(style, longer_side_512(style)),
    )

    def relative(current: torch.Tensor, target: torch.Tensor) -> float:
        return ((current - target).norm() / target.norm()).item()

    assert verdict.content == pytest.approx(
        relative(now["relu4_1"], of_content["relu4_1"]), rel=1e-3
    )
    for layer in relus:
        expected = relative(gram(now[layer]), gram(of_style[layer]))
        assert verdict.layers[layer] == pytest.approx(expected, rel=1e-3)
    assert verdict.style == pytest.approx(np.mean(list(verdict.layers.values())))


def test_the_photograph_itself_has_no_content_distance(photo, painting):
    content, style = read_image(photo, size=128).pixels, read_image(painting, size=128).pixels
    judge = Judge(device="cpu")
    assert judge(content, content, style).content == 0
    assert judge(style, content, style).style == pytest.approx(0, abs=0.2)
