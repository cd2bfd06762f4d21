"""Settings of the ResNet backbones."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stylize import Settings


class ResNetSettings(Settings):
    """Settings of a ResNet."""

    enlarge: Literal[1, 2] = Field(
        1,
        description="Factor by which the picture is enlarged before the network sees it. 1: as "
        "trained, a feature of the first layer for every second pixel; 2: one for every pixel, "
        "with the strides of a VGG, for four times the time and memory.",
    )
