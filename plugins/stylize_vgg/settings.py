"""Settings of the VGG backbones."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stylize import Settings

Padding = Literal["zeros", "replicate", "reflect"]


class VGGSettings(Settings):
    """Settings of a VGG."""

    pooling: Literal["max", "average"] = Field(
        "max", description="max: as trained; average: smoother pictures (Gatys et al. 2015)."
    )
    padding: Padding = Field(
        "zeros",
        description="Padding at the borders. zeros: as trained; replicate: repeat the edge pixels, "
        "in the first layer; reflect: mirror the picture, in every layer, as in AdaIN's encoder, "
        "so that borders look like the rest.",
    )
