"""Settings of the johnson method."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stylize import CommandOption, Settings


class JohnsonSettings(Settings):
    """Settings of the johnson method. The first three shape the network and are a model's own."""

    network: Literal["classic", "light"] = Field(
        "light",
        description="classic: the network of Johnson et al., with convolutions of 9x9 at full "
        "size; light: all work at a quarter of the size, several times faster.",
    )
    width: int = Field(
        64,
        ge=4,
        le=512,
        description="Channels of light's blocks, or of classic's first layer, a quarter of its "
        "blocks' (32 in Johnson et al.).",
    )
    blocks: int = Field(5, ge=1, le=32, description="Residual blocks.")
    stroke_size: Annotated[float, CommandOption("--stroke-size")] = Field(
        1.0,
        ge=0.125,
        le=32,
        description="Size of the strokes relative to the trained model's; without a model, "
        "relative to the painting's.",
    )
    tile: int = Field(
        1024,
        ge=64,
        le=16384,
        description="Side of the tiles that large pictures are made in, in pixels: smaller ones "
        "need less memory. The picture does not depend on it.",
    )
    pixel_weight: float = Field(
        3.0,
        ge=0,
        description="Training with --pictures: weight of the mean absolute difference of pixels.",
    )
    colour_weight: float = Field(
        10.0,
        ge=0,
        description="Training with --pictures: weight of the mean absolute difference of the mean "
        "colours of squares of 8 x 8 pixels.",
    )


NETWORK_SETTINGS = ("network", "width", "blocks")
