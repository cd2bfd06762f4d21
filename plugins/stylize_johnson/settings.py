"""Settings of the johnson method."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stylize import CommandOption, Settings

LARGEST_STROKES = 32


class JohnsonSettings(Settings):
    """Settings of the johnson method. A model fixes the first three, which shape the network."""

    network: Literal["classic", "light", "deep"] = Field(
        "light",
        description="classic: the network of Johnson et al., with convolutions of 9x9 at full "
        "size; light: all layers at a quarter of the size, several times faster; deep: most "
        "layers at an eighth, which sees far enough for large strokes, and noise, which gives "
        "plain areas free ones.",
    )
    width: int = Field(
        64,
        ge=4,
        le=512,
        description="Channels in the blocks of light; of deep at a quarter of the size, whose "
        "blocks at an eighth have half as many more; or in the first layer of classic, whose "
        "blocks have four times as many (32 in Johnson et al.).",
    )
    blocks: int = Field(5, ge=1, le=32, description="Number of residual blocks.")
    stroke_size: Annotated[float, CommandOption("--stroke-size")] = Field(
        1.0,
        ge=0.125,
        le=LARGEST_STROKES,
        description="Size of the strokes relative to the trained model's; without a model, "
        "relative to the painting's.",
    )
    tile: int = Field(
        1024,
        ge=64,
        le=16384,
        description="Side of the tiles in which large pictures are made, in pixels. Smaller tiles "
        "need less memory and give the same picture.",
    )
    scales: int = Field(
        1,
        ge=1,
        le=6,
        description="Training: number of sizes at which the style is compared, each half the "
        "previous one. Large strokes and shapes live at the smaller ones.",
    )
    critic: float = Field(
        0.0,
        ge=0,
        le=10,
        description="Training: pull of a critic, relative to that of the losses. The critic "
        "learns to tell the network's pictures from parts of the painting, by the features of the "
        "style layers. It gives crisp strokes in place of hatching.",
    )
    pixel_weight: float = Field(
        3.0,
        ge=0,
        description="Training with --pictures: weight of the mean absolute difference of pixels.",
    )
    colour_weight: float = Field(
        10.0,
        ge=0,
        description="Training with --pictures: weight of the mean absolute difference between the "
        "mean colours of squares of 8 x 8 pixels.",
    )


NETWORK_SETTINGS = ("network", "width", "blocks")
