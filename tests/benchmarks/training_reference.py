"""A plain training loop of johnson's network: the baseline of the speed claim for training.

It uses float32, torch's own norms and memory layout, VGG-16 as in `reference.py`, photographs
that Pillow decodes between the steps, and Adam. Only the painting's targets are computed once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import reference
import torch
from PIL import Image
from torch import nn

from stylize import Progress
from stylize_johnson.network import OUTPUT_GAIN, InstanceNorm, TransformationNetwork
from stylize_johnson.task import RANGE

__all__ = ["CONTENT", "STYLE", "StepTimes", "train_plainly"]

CONTENT, STYLE = "conv4_1", ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
INDEX = {1: "relu1_1", 6: "relu2_1", 11: "relu3_1", 17: "conv4_1", 18: "relu4_1"}


class StepTimes:
    """An observer of our own training that notes when each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def progressed(self, progress: Progress) -> None:
        del progress
        self.ends.append(time.perf_counter())


class PlainNetwork(nn.Module):
    """A network with torch's norms."""

    def __init__(self, network: TransformationNetwork) -> None:
        super().__init__()
        self.colours = plain_norms(network.colours)
        self.layers = plain_norms(network.layers)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        base = self.colours(image)
        stylised: torch.Tensor = base + OUTPUT_GAIN * self.layers(base)
        return stylised


def plain_norms(module: nn.Module) -> nn.Module:
    """Replace a module's instance norms, or the module itself, by torch's."""
    if isinstance(module, InstanceNorm):
        norm = nn.InstanceNorm2d(len(module.weight), eps=module.epsilon, affine=True)
        norm.load_state_dict({"weight": module.weight.detach(), "bias": module.bias.detach()})
        return norm
    for name, child in module.named_children():
        setattr(module, name, plain_norms(child))
    return module


def read_crop(path: Path, side: int, zoom: float) -> torch.Tensor:
    """Return a random part (3, S, S) of a photograph at a random scale."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    shorter = random.randint(side, int(side * zoom))
    scale = max(side, min(shorter, *picture.size)) / min(picture.size)
    picture = picture.resize([max(side, round(length * scale)) for length in picture.size])
    left, upper = (random.randint(0, length - side) for length in picture.size)
    square = picture.crop((left, upper, left + side, upper + side))
    return torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1).float() / 255


def train_plainly(
    network: TransformationNetwork,
    painting: torch.Tensor,
    files: Sequence[Path],
    *,
    steps: int,
    batch: int,
    crop: int,
    zoom: float,
    learning_rate: float,
    device: torch.device | str = "cpu",
) -> list[float]:
    """Train a plain copy of a network and return when each step ended."""
    layers = reference.network()[: max(INDEX) + 1].to(device)
    mean = torch.tensor([123.68, 116.779, 103.939], device=device).view(1, 3, 1, 1)

    def features(image: torch.Tensor) -> dict[str, torch.Tensor]:
        x, found = image * 255 - mean, {}
        for index, layer in enumerate(layers):
            x = layer(x)
            if index in INDEX:
                found[INDEX[index]] = x
        return found

    def gram(x: torch.Tensor) -> torch.Tensor:
        rows = x.flatten(2)
        return rows @ rows.mT / rows.shape[2]

    with torch.no_grad():
        targets = {
            name: gram(x) for name, x in features(painting.to(device)).items() if name in STYLE
        }
    plain = PlainNetwork(network).to(device)
    optimizer = torch.optim.Adam(plain.parameters(), learning_rate)
    ends: list[float] = []
    random.seed(0)
    for step in range(steps):
        paths = [files[(step * batch + number) % len(files)] for number in range(batch)]
        photographs = torch.stack([read_crop(path, crop, zoom) for path in paths]).to(device)
        with torch.no_grad():
            content = features(photographs)[CONTENT]
        image = plain(photographs)
        now = features(image)
        each = (1, 2, 3)
        total = (now[CONTENT] - content).square().sum(each) / content.square().sum(each)
        for name, target in targets.items():
            difference = (gram(now[name]) - target).square().sum((1, 2))
            total = total + difference / target.square().sum()
        total = total + RANGE * (image - image.clamp(0, 1)).square().mean(each)
        optimizer.zero_grad()
        total.mean().backward()
        optimizer.step()
        total.sum().item()  # waits for the GPU
        ends.append(time.perf_counter())
    return ends
