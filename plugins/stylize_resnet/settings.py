"""Settings of the ResNet backbones."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stylize import Settings


class ResNetSettings(Settings):
    """Settings of a ResNet."""

    enlarge: Literal[1, 2] = Field(
        1,
        description="Factor by which the picture is enlarged for the network. 1: as trained, with "
        "stride 2 at the first layer; 2: with stride 1 there, as in a VGG, for four times the time "
        "and memory.",
    )
