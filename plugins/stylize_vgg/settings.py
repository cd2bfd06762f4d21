"""Settings of the VGG backbones."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stylize.settings import Settings


class VGGSettings(Settings):
    """Settings of a VGG."""

    pooling: Literal["max", "average"] = Field(
        "max", description="max: as trained; average: smoother pictures (Gatys et al. 2015)."
    )
    padding: Literal["zeros", "replicate"] = Field(
        "zeros", description="Of the first layer; replicate gives fewer border artefacts."
    )
