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
        description="The padding around the picture. zeros: as trained; replicate: the edge's own "
        "pixels, for the first layer; reflect: its mirror image, for every layer, as in AdaIN's "
        "encoder, so that borders look like the rest.",
    )
