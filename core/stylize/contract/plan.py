"""The request (RunSettings), and what it means (Plan): chosen and validated, not built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from stylize.contract.settings import Duration, Settings
from stylize.contract.spec import BackboneSpec, ComponentSpec, LossSpec, MethodSpec, SmoothingSpec

if TYPE_CHECKING:
    from stylize.modelfile import ModelFile

__all__ = ["ANY_PART", "LossPlan", "Plan", "Problem", "RunSettings"]

# Where `RunSettings.options` keeps options of parts (`--alpha`) until their parts are chosen.
ANY_PART = "*"
SMALLEST, LARGEST = 16, 65_536  # in fewer pixels no network of ours sees a style


def _parse_weighted(value: object) -> object:
    """Read "conv1_1=5,conv2_1" as {"conv1_1": 5.0, "conv2_1": 1.0}."""
    if not isinstance(value, str):
        return value
    weighted: dict[str, object] = {}
    for item in filter(None, (part.strip() for part in value.split(","))):
        name, given, weight = item.partition("=")
        weighted[name.strip()] = weight.strip() if given else 1.0
    if not weighted:
        raise ValueError("must name at least one")
    return weighted


def _parse_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",") if part.strip()]


def _parse_size(value: object) -> object:
    """Read "512" as 512; "full" stays. Without this, pydantic's errors name only one of the two."""
    if value == "full":
        return value
    try:
        number = int(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("must be a number of pixels, or full") from None
    if isinstance(number, int | float) and not SMALLEST <= number <= LARGEST:
        raise ValueError(f"must be {SMALLEST} to {LARGEST} pixels, or full")
    return number


Weighted = Annotated[dict[str, Annotated[float, Field(ge=0)]], BeforeValidator(_parse_weighted)]
Names = Annotated[tuple[str, ...], BeforeValidator(_parse_list)]
Floats = Annotated[tuple[Annotated[float, Field(ge=0)], ...], BeforeValidator(_parse_list)]
Size = Annotated[int | Literal["full"], BeforeValidator(_parse_size)]


class RunSettings(Settings):
    """Everything that decides a picture besides its inputs. These are the command's options."""

    method: str = Field("neighbors", description="How the picture is made.")
    model: str | None = Field(
        None,
        description="Trained model of the method: a name (see stylize models) or a file.",
    )
    backbone: str = Field(
        "vgg16",
        description="The network whose features are compared: NAME or NAME.TAG. By default that "
        "of the method, or vgg16.",
    )
    weights: Path | None = Field(None, description="A file with the backbone's weights.")
    smooth: str = Field(
        "none", description="The smoothing of deep features. By default the method's, or none."
    )
    smooth_layers: Names | None = Field(
        None, description="The layers that are smoothed, as patterns: conv3_*,conv4_*."
    )
    gains: Literal["calibrated", "one"] = Field(
        "calibrated",
        description="Factor of the features before smoothing: calibrated brings each layer near 1; "
        "one is the paper's literal form.",
    )
    content_loss: str = Field("feature", description="How content is compared.")
    style_loss: str = Field("gram", description="How style is compared.")
    image_loss: Weighted | None = Field(
        None, description="Losses of the picture itself, with weights: total_variation=0.1."
    )
    content_layers: Weighted | None = Field(
        None, description="Layers that keep content, as patterns with weights: conv4_1=1."
    )
    style_layers: Weighted | None = Field(
        None, description="Layers that take style, as patterns with weights: conv1_1=5,conv2_1."
    )
    content_weight: float = Field(1.0, ge=0, description="Weight of content (alpha of eq. 1).")
    style_weight: float = Field(1.0, ge=0, description="Weight of style (beta of eq. 1).")
    balance: Literal["relative", "paper"] = Field(
        "relative",
        description="relative: each layer's distance divided by its target's size, so that one "
        "strength suits all backbones; paper: the equations as printed.",
    )
    strength: float = Field(
        1.0, ge=0, description="How strong the style is: a factor of its weight."
    )
    style_weights: Floats | None = Field(
        None, description="Shares of several styles, in their order: 0.7,0.3."
    )
    style_scale: float = Field(
        1.0,
        gt=0,
        le=8,
        description="Size of the painting relative to the picture: smaller values give finer "
        "strokes.",
    )
    size: Size = Field(512, description="Longer side of the picture in pixels, or full.")
    quality: Literal["draft", "good", "best"] = Field(
        "good", description="How much work goes into the picture."
    )
    time: Annotated[Duration, Field(gt=0)] | None = Field(
        None,
        description="Time limit per picture: 60s, 2m. It keeps the best result so far. In a "
        "command, the first picture's limit counts from the command's start.",
    )
    keep_color: Literal["none", "luminance", "histogram"] = Field(
        "none",
        description="Keep the photograph's colours: luminance restyles only the brightness; "
        "histogram first gives the painting the photograph's colours.",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of all random numbers.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1 or mps.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Precision of the network; auto takes bfloat16 if the hardware declares "
        "support for it.",
    )
    options: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Settings of the parts, by the part's name or role."
    )


@dataclass(frozen=True)
class Problem:
    """What a check found. An error stops the run; a warning is printed."""

    message: str
    fatal: bool = False


@dataclass(frozen=True)
class LossPlan:
    """A chosen loss with its settings, on layers with weights (None: the backbone's defaults)."""

    spec: LossSpec
    settings: Settings | None
    layers: Mapping[str, float] | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Plan:
    """A validated run: its parts and their settings; a trained model brings its own."""

    settings: RunSettings
    method: MethodSpec
    method_settings: Settings | None
    backbone: BackboneSpec
    backbone_settings: Settings | None
    weights_tag: str | None
    smoothing: SmoothingSpec
    smoothing_settings: Settings | None
    content: LossPlan
    style: LossPlan
    image: tuple[LossPlan, ...]
    problems: tuple[Problem, ...] = ()
    model: ModelFile | None = None

    @property
    def parts(self) -> dict[str, tuple[ComponentSpec, Settings | None]]:
        """The chosen parts with their settings, by role; image losses by name."""
        return {
            "method": (self.method, self.method_settings),
            "backbone": (self.backbone, self.backbone_settings),
            "smoothing": (self.smoothing, self.smoothing_settings),
            "content_loss": (self.content.spec, self.content.settings),
            "style_loss": (self.style.spec, self.style.settings),
            **{image.spec.name: (image.spec, image.settings) for image in self.image},
        }

    @property
    def needs_style(self) -> bool:
        """Whether the run needs paintings: not if the method or its model has learnt one."""
        return self.method.needs_style and not (self.model and self.model.base)

    def warning(self, message: str) -> Problem:
        """A problem that is printed, for `stylize_check`."""
        return Problem(message)

    def error(self, message: str) -> Problem:
        """A problem that stops the run, for `stylize_check`."""
        return Problem(message, fatal=True)
