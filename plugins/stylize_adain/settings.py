"""Settings of the adain method."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stylize import CommandOption, Settings


class AdainSettings(Settings):
    """Settings of the adain method. A model fixes the first ones, which shape the network."""

    layer: str = Field(
        "auto",
        description="Last layer of the encoder; auto: relu4_1, or for other backbones the deepest "
        "style layer with at most 8 pixels per position.",
    )
    width: float = Field(
        1.0,
        gt=0,
        le=4,
        description="Width of the decoder relative to the encoder's layers, which it mirrors. 1 is "
        "the paper's symmetric decoder.",
    )
    enlarge: Literal["nearest", "bilinear"] = Field(
        "nearest", description="Interpolation by which the decoder enlarges its features."
    )
    skips: str = Field(
        "",
        description="Finer layers of the encoder that the decoder also sees, such as "
        "relu3_1,relu2_1, each restyled by its own moments. They keep lines and details that the "
        "last layer has lost. None in the paper.",
    )
    gain_limit: float | None = Field(
        None,
        ge=1,
        description="Largest factor for a channel's deviation. It keeps nearly constant channels "
        "from producing marks in plain areas of a photograph. None in the paper.",
    )
    transfer: Literal["adain", "swap"] = Field(
        "adain",
        description="How the style is transferred. adain: by the means and deviations of the "
        "painting's channels (eq. 8); swap: by the painting's nearest features, position by "
        "position, which gives real strokes and needs a decoder trained for it.",
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
        description="With transfer=swap, a picture is made from coarse to fine, each size twice "
        "the previous one. The longer side of the first has this many pixels, up to twice as many. "
        "0 makes one size only.",
    )
    photograph_share: float = Field(
        0.8,
        ge=0,
        le=1,
        description="With transfer=swap, from coarse to fine: share of the photograph in the "
        "mixture that each size starts from. The rest is the picture of the previous size, with "
        "its large strokes.",
    )
    tone: float = Field(
        0.7,
        ge=0,
        le=10,
        description="With transfer=swap: weight of light and dark relative to the features' "
        "cosine, so that a plain sky takes light parts of the painting, not just any plain ones. "
        "0 turns it off.",
    )
    hue: float = Field(
        0.0,
        ge=0,
        le=10,
        description="With transfer=swap: weight of colour relative to the features' cosine. 0.2 "
        "to 1 remove patches of a wrong colour, such as brown ones in a blue sky, for a palette "
        "that is less the painting's.",
    )
    light: float = Field(
        0.6,
        ge=0,
        le=1,
        description="With transfer=swap: share of the photograph's own light and dark, in the "
        "painting's range, in the transferred colours. It keeps subjects recognisable.",
    )
    guide: float = Field(
        0.6,
        ge=0,
        le=1,
        description="With transfer=swap: share of the transferred colours that is filtered along "
        "the photograph's shapes, so that plain areas get no patches.",
    )
    detail: float = Field(
        1.0,
        ge=0,
        le=1,
        description="With transfer=swap: how far a position whose match has less detail than the "
        "photograph keeps its own features, so that plain pieces of the painting do not wipe out "
        "faces.",
    )
    palette: float = Field(
        0.7,
        ge=0,
        le=1,
        description="With transfer=swap: share of the painting's mean and covariance of colours "
        "that the finished picture is given, for its full contrast.",
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
        description="Share of the style in the blend of features (eq. 15). By default it is the "
        "strength, or 0.75 times the strength with transfer=swap, up to 1.",
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
        description="Training: share of the photographs that take their own style and should come "
        "out unchanged. Content is then learnt much faster. 0 in the paper.",
    )
    pixel_weight: float = Field(
        25.0,
        ge=0,
        description="Training: weight of the mean squared difference of these pictures' pixels.",
    )
    target_alpha: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Training: share of the style in the features that content is compared with. 1 "
        "is the paper's eq. 10, with which a strong style moves far from the photograph. 0 "
        "compares with the photograph itself.",
    )
    skip_weight: float = Field(
        0.0,
        ge=0,
        description="Training: weight of the finer layers' distances from their restyled features, "
        "relative to the last layer's. None in the paper.",
    )
    style_colors: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Training: how much to change the hue, contrast and brightness of half of the "
        "paintings. 1 allows any hue.",
    )
    style_mix: float = Field(
        0.25,
        ge=0,
        le=1,
        description="Training: share of the paintings whose statistics are mixed with another's.",
    )
    tile: int = Field(
        1024,
        ge=64,
        le=16384,
        description="Side of the tiles in which large pictures are made, in pixels. Smaller tiles "
        "need less memory and give the same picture.",
    )
    clip_memory: float = Field(
        0.9,
        ge=0,
        lt=1,
        description="In a video: share of the content's statistics that is kept from the previous "
        "frame. With 0, each frame uses its own, and colours flicker.",
    )


NETWORK_SETTINGS = ("layer", "width", "enlarge", "skips", "gain_limit", "transfer")
# Those that change no tensor: training may start from a model with another value.
INIT_MAY_DIFFER = ("gain_limit", "transfer")
