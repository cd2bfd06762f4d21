"""How a program uses stylize, for `mypy --strict`; never run. See test_typed.py."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from stylize import (
    Progress,
    Result,
    Role,
    SettingsKeywords,
    Statistics,
    Stylizer,
    stylize_image,
    stylize_images,
)


def squash(x: Tensor) -> Tensor:
    return x.tanh()


def show(progress: Progress) -> bool:
    print(f"{progress.fraction:.0%}")
    return progress.step < 100


class Means:
    """A style loss."""

    role = Role.STYLE
    additive = True

    def statistics(self, features: Tensor) -> Statistics:
        return Statistics({"mean": features.mean((2, 3))}, features[0, 0].numel())

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        return (current.values["mean"] - target.values["mean"]).square().mean(1)


def restyle(photo: Path, **settings: Unpack[SettingsKeywords]) -> Result:
    return stylize_image(photo, "painting.jpg", **settings)


batch = torch.rand(2, 3, 64, 64)
pixels = np.zeros((64, 64, 3), np.uint8)
made: Result = stylize_image("photo.jpg", model=Path("mine.safetensors"), output="out.png")
image: Image.Image = made.image
array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = made.array
tensor: Tensor = made.tensor
several: list[Result] = stylize_images(batch, [pixels, "painting.jpg"], size="full", time="60s")
stylize_images(pixels[None], Image.open("painting.jpg"), style_weights=[1], alpha=0.5)
stylize_image(pixels, "painting.jpg", smooth=squash, style_loss=Means(), progress=show)
stylize_image(batch[0], "painting.jpg", smooth=nn.Tanh(), progress=True)
stylizer = Stylizer(preset="gatys_artistic", size=256, options={"gatys": {"iterations": [10]}})
stylizer("photo.jpg", "painting.jpg", output=Path("out.png"), force=True)
restyle(Path("photo.jpg"), strength=2, stroke_size=0.5)

stylize_image("photo.jpg", "painting.jpg", strenght=2)  # type: ignore[call-arg]
stylize_image("photo.jpg", "painting.jpg", quality="god")  # type: ignore[arg-type]
stylize_image(3, "painting.jpg")  # type: ignore[arg-type]
stylize_image("photo.jpg", smooth=Means())  # type: ignore[arg-type]
Stylizer(size="large")  # type: ignore[arg-type]
