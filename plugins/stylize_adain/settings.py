"""Settings of the adain method."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stylize import CommandOption, Settings


class AdainSettings(Settings):
    """Settings of the adain method: first those that shape the network, a model's own."""

    layer: str = Field(
        "auto",
        description="The backbone's layer at which the encoder ends; auto: relu4_1, or for other "
        "backbones the deepest style layer with at most 8 pixels per position.",
    )
    width: float = Field(
        1.0,
        gt=0,
        le=4,
        description="Channels of the decoder relative to the encoder's layers, which it "
        "mirrors; 1 is the paper's symmetric decoder.",
    )
    enlarge: Literal["nearest", "bilinear"] = Field(
        "nearest", description="How the decoder enlarges its features before it convolves them."
    )
    skips: str = Field(
        "",
        description="Finer layers of the encoder that the decoder sees too, each restyled by its "
        "own moments, such as relu3_1,relu2_1: they keep lines and details that the last layer "
        "has lost. None in the paper.",
    )
    gain_limit: float | None = Field(
        None,
        ge=1,
        description="Largest factor for a channel's deviation: it keeps nearly constant channels "
        "from producing marks in plain areas of a photograph. None in the paper.",
    )
    transfer: Literal["adain", "swap"] = Field(
        "adain",
        description="How the painting's look is transferred: adain, by its channels' means and "
        "deviations (eq. 8); swap, by its nearest features, position by position, which gives "
        "real strokes and needs a decoder trained for it.",
    )
    coherence: float = Field(
        0.3,
        ge=0,
        le=1,
        description="With transfer=swap: bonus of a match, in cosine, if all eight neighbours "
        "continue it, and its penalty if all take the same position. 0 considers the nearest "
        "features only.",
    )
    coarsest: int = Field(
        80,
        ge=0,
        description="With transfer=swap: a picture is made from coarse to fine, each size twice "
        "the previous one. The first has a longer side of this to twice as many pixels. 0 makes "
        "one size only.",
    )
    photograph_share: float = Field(
        0.8,
        ge=0,
        le=1,
        description="With transfer=swap, from coarse to fine: share of the photograph in the "
        "mixture that each size starts from; the rest is the picture of the previous size, with "
        "its large strokes.",
    )
    tone: float = Field(
        0.7,
        ge=0,
        le=10,
        description="With transfer=swap: weight of light and dark relative to the features' "
        "cosine, so that a plain sky takes the painting's lights, not just anything as plain. 0 "
        "leaves it out.",
    )
    light: float = Field(
        0.6,
        ge=0,
        le=1,
        description="With transfer=swap: share of the photograph's own light and dark, in the "
        "painting's range, in the transferred colours. It keeps subjects whole.",
    )
    components: int = Field(
        64,
        ge=0,
        description="With transfer=swap: number of principal components of the features to search; "
        "0 searches all channels, which is slow.",
    )
    alpha: Annotated[float | None, CommandOption("--alpha")] = Field(
        None,
        ge=0,
        le=1,
        description="Share of the style in the blend of features (eq. 15); by default the "
        "strength, up to 1, or 0.8 times that with transfer=swap.",
    )
    stroke_size: Annotated[float, CommandOption("--stroke-size")] = Field(
        1.0,
        ge=0.125,
        le=32,
        description="Size of the strokes relative to the trained model's; without a model, "
        "relative to the painting's.",
    )
    own_style: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Training: share of the photographs that take their own style, and have to "
        "come back unchanged: content is learnt much faster. 0 in the paper.",
    )
    pixel_weight: float = Field(
        25.0,
        ge=0,
        description="Training: weight of the mean squared difference of those pictures' pixels.",
    )
    target_alpha: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Training: share of the style in the features that content is compared with; 1 "
        "is the paper's eq. 10, with which a strong style moves far from the photograph; 0 "
        "compares with the photograph itself.",
    )
    skip_weight: float = Field(
        0.0,
        ge=0,
        description="Training: weight of the finer layers' distances from their restyled features, "
        "relative to the last layer's; none in the paper.",
    )
    style_colors: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Training: how far to change hue, contrast and brightness of every second "
        "painting; 1 allows any hue.",
    )
    style_mix: float = Field(
        0.25,
        ge=0,
        le=1,
        description="Training: share of the paintings that are mixed with another one, in their "
        "statistics.",
    )
    tile: int = Field(
        1024,
        ge=64,
        le=16384,
        description="Side of the tiles that large pictures are made in, in pixels: smaller ones "
        "need less memory. The picture does not depend on it.",
    )
    clip_memory: float = Field(
        0.9,
        ge=0,
        lt=1,
        description="For a video: share of the content's statistics kept from the previous frame. "
        "0 takes each frame's own, and colours flicker.",
    )


NETWORK_SETTINGS = ("layer", "width", "enlarge", "skips", "gain_limit", "transfer")
# Of these, what changes no tensor: training may go on from a model with another.
INIT_MAY_DIFFER = ("gain_limit", "transfer")
