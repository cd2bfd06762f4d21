"""What was asked for (RunSettings), and what that means (Plan): chosen and validated, not built."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, ValidationError

from stylize.applying import choose_model, method_name, take_over
from stylize.errors import SettingsError, UnknownNameError, UsageError
from stylize.settings import Settings
from stylize.spec import (
    BackboneSpec,
    ComponentSpec,
    Kind,
    LossSpec,
    MethodSpec,
    SmoothingSpec,
    split_backbone_name,
)

if TYPE_CHECKING:
    from stylize.modelfile import ModelFile
    from stylize.plugins import PluginHost

__all__ = [
    "LossPlan",
    "Plan",
    "Problem",
    "RunSettings",
    "make_plan",
    "make_settings",
    "style_shares",
]


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


def _parse_seconds(value: object) -> object:
    """Read "90", "90s", "2m" or "1h30m" as seconds."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", value.strip())
    if not match or not any(match.groups()):
        raise ValueError("must be a duration like 60s, 2m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _parse_size(value: object) -> object:
    """Read "512" as 512; "full" stays. Without this, pydantic tells of one of the two only."""
    if value == "full":
        return value
    try:
        return int(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError("must be a number of pixels, or full") from None


Weighted = Annotated[dict[str, Annotated[float, Field(ge=0)]], BeforeValidator(_parse_weighted)]
Names = Annotated[tuple[str, ...], BeforeValidator(_parse_list)]
Floats = Annotated[tuple[Annotated[float, Field(ge=0)], ...], BeforeValidator(_parse_list)]
Seconds = Annotated[float, Field(gt=0), BeforeValidator(_parse_seconds)]
Size = Annotated[
    Annotated[int, Field(ge=1, le=65_536)] | Literal["full"], BeforeValidator(_parse_size)
]


class RunSettings(Settings):
    """Everything that decides a picture besides its inputs. The command's options are these."""

    method: str = Field("gatys", description="How the picture is made.")
    model: str | None = Field(
        None,
        description="Trained model of the method: a name (see stylize models) or a file.",
    )
    backbone: str = Field(
        "vgg16", description="The network whose features are compared: NAME or NAME.TAG."
    )
    weights: Path | None = Field(None, description="A file with the backbone's weights.")
    smooth: str = Field("none", description="The smoothing of deep features.")
    smooth_layers: Names | None = Field(
        None, description="The layers that are smoothed, as patterns: conv3_*,conv4_*."
    )
    gains: Literal["calibrated", "one"] = Field(
        "calibrated",
        description="What features are multiplied by before smoothing: calibrated brings each "
        "layer near 1; one is the paper's literal form.",
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
        description="relative: each layer's distance over its target's size, so that one strength "
        "serves all; paper: the equations as printed.",
    )
    strength: float = Field(
        1.0, ge=0, description="How strong the style is; multiplies its weight."
    )
    alpha: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Of adain: share of the style in a blend of features (eq. 15); by default the "
        "strength, up to 1.",
    )
    style_weights: Floats | None = Field(
        None, description="Shares of several styles, in their order: 0.7,0.3."
    )
    style_scale: float = Field(
        1.0,
        gt=0,
        le=8,
        description="Size of the style next to the picture's: smaller, finer strokes.",
    )
    stroke_size: float = Field(
        1.0,
        ge=0.125,
        le=32,
        description="Of a trained model: size of its strokes next to those that it was trained "
        "with.",
    )
    size: Size = Field(512, description="Longer side of the picture in pixels, or full.")
    quality: Literal["draft", "good", "best"] = Field("good", description="How much work to spend.")
    time: Seconds | None = Field(
        None,
        description="Stop each picture in time, with the best so far: 60s, 2m. The first one's "
        "includes loading the network.",
    )
    keep_color: Literal["none", "luminance", "histogram"] = Field(
        "none",
        description="Keep the photograph's colours: luminance restyles only the brightness; "
        "histogram first gives the painting the photograph's colours.",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Of every random number.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:1 or mps.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Of the network; auto takes bfloat16 where it is seen to be faster."
    )
    options: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Settings of the parts, by part name."
    )


def make_settings(values: Mapping[str, object]) -> RunSettings:
    """Validate settings given as Python values or as text from a command line.

    Raises: UnknownNameError, SettingsError.
    """
    try:
        return RunSettings.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if first["type"] == "extra_forbidden":
            raise UnknownNameError("setting", name, RunSettings.model_fields) from error
        message = str(first["msg"]).removeprefix("Value error, ")
        raise SettingsError(f"{name} is {values[name]!r}: {message}") from error


def style_shares(settings: RunSettings, count: int) -> tuple[float, ...]:
    """Return each style's share of the blend: equal, unless `style_weights` says otherwise.

    Raises: UsageError where there are not as many weights as styles, or all of them are 0.
    """
    weights = settings.style_weights
    if weights is None:
        return (1.0,) * count
    if len(weights) != count:
        raise UsageError(
            f"style_weights has {len(weights)} numbers for {count} style images: give one for each"
        )
    if count and not sum(weights):
        raise UsageError("style_weights are all 0: make at least one of them positive")
    return weights


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
    """A validated run: which parts, with which settings; of a trained model, with its own."""

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

    def warning(self, message: str) -> Problem:
        """A problem that is printed, for `stylize_check`."""
        return Problem(message)

    def error(self, message: str) -> Problem:
        """A problem that stops the run, for `stylize_check`."""
        return Problem(message, fatal=True)


Spec = TypeVar("Spec", bound=ComponentSpec)


def make_plan(host: PluginHost, settings: RunSettings, *, training: bool = False) -> Plan:
    """Choose the parts by name, validate their settings, and ask the plugins for problems.

    Args:
        training: plan the training of a model instead of applying one.

    Raises: UnknownNameError, SettingsError, ModelError, UsageError for a problem that a plugin
        calls fatal.
    """
    chosen = host.get(Kind.METHOD, method_name(host, settings))
    assert isinstance(chosen, MethodSpec)
    model: ModelFile | None = None
    if training:
        _check_trainable(chosen)
        settings = _with_training_defaults(chosen, settings)
    else:
        _check_alpha(host, chosen, settings)
        model = choose_model(host, chosen, settings)
    if model is not None:
        settings = take_over(settings, chosen, model)
    planner = _Planner(host, settings)
    backbone_name, tag = split_backbone_name(settings.backbone)
    method, method_settings = planner.choose(MethodSpec, "method", settings.method)
    backbone, backbone_settings = planner.choose(BackboneSpec, "backbone", backbone_name)
    smoothing, smoothing_settings = planner.choose(SmoothingSpec, "smoothing", settings.smooth)
    plan = Plan(
        settings,
        method,
        method_settings,
        backbone,
        backbone_settings,
        tag or None,
        smoothing,
        smoothing_settings,
        planner.choose_loss("content", settings.content_loss, settings.content_layers),
        planner.choose_loss("style", settings.style_loss, settings.style_layers),
        tuple(
            planner.choose_loss("image", name, weight=weight)
            for name, weight in (settings.image_loss or {}).items()
        ),
        model=model,
    )
    planner.check_options_are_used()
    problems = (*_check_gains(plan), *host.check(plan))
    for problem in problems:
        if problem.fatal:
            raise UsageError(problem.message)
    return Plan(**{**vars(plan), "problems": problems})


def _check_trainable(method: MethodSpec) -> None:
    if not method.trainable:
        raise UsageError(f"method {method.name} applies no model: there is nothing to train")


def _with_training_defaults(method: MethodSpec, settings: RunSettings) -> RunSettings:
    """Return settings with what the method trains with where nothing is given."""
    backbone = split_backbone_name(settings.backbone)[0]
    defaults: dict[str, object] = {}
    for pattern, values in method.training.items():
        if fnmatch.fnmatchcase(backbone, pattern):
            defaults.update(values)
    missing = {k: v for k, v in defaults.items() if k not in settings.model_fields_set}
    parsed = RunSettings.model_validate(missing)
    return settings.model_copy(update={name: getattr(parsed, name) for name in missing})


def _check_alpha(host: PluginHost, method: MethodSpec, settings: RunSettings) -> None:
    if settings.alpha is None:
        return
    if not method.blends_features:
        takers = [
            spec.name
            for spec in host.specs(Kind.METHOD)
            if isinstance(spec, MethodSpec) and spec.blends_features
        ]
        raise UsageError(
            f"alpha is of methods that blend features ({', '.join(takers) or 'none is installed'}),"
            f" and {method.name} does not: use --strength {settings.alpha:g}"
        )
    if settings.strength not in (1.0, settings.alpha):
        raise UsageError(
            f"alpha {settings.alpha:g} and strength {settings.strength:g} both say how strong the "
            f"style is: give one of them"
        )


def _check_gains(plan: Plan) -> list[Problem]:
    """Warn where a smoothing acts on features whose scale nobody has measured."""
    if plan.smoothing.name == "none" or plan.settings.gains == "one" or plan.model:
        return []
    tag = plan.weights_tag or next((weights.tag for weights in plan.backbone.weights), "")
    declared = any(weights.gains for weights in plan.backbone.weights if weights.tag == tag)
    if declared and plan.settings.weights is None:
        return []
    return [
        plan.warning(
            f"no gains are known for {plan.settings.weights or f'{plan.backbone.name}.{tag}'}: "
            f"{plan.smoothing.name} acts on its features as they are, as with --gains one; "
            f"stylize calibrate measures them"
        )
    ]


class _Planner:
    """Chooses parts, and keeps track of which names `options` may use for them."""

    def __init__(self, host: PluginHost, settings: RunSettings) -> None:
        self.host = host
        self.settings = settings
        self.aliases: set[str] = set()

    def choose(self, kind: type[Spec], alias: str, name: str) -> tuple[Spec, Settings | None]:
        spec = self.host.get(kind.kind, name)
        assert isinstance(spec, kind)
        return spec, self.host.make_settings(spec, self.options_of(spec, alias))

    def choose_loss(
        self,
        role: str,
        name: str,
        layers: Mapping[str, float] | None = None,
        weight: float = 1.0,
    ) -> LossPlan:
        spec = self.host.get(Kind.LOSS, name)
        assert isinstance(spec, LossSpec)
        if spec.role != role:
            raise UsageError(
                f"loss {spec.name} is a {spec.role} loss: use it with --{spec.role}-loss"
            )
        values = self.options_of(spec, f"{role}_loss")
        if self.settings.balance == "paper":
            values = {**spec.paper, **values}
        return LossPlan(spec, self.host.make_settings(spec, values), layers, weight)

    def options_of(self, spec: ComponentSpec, alias: str) -> dict[str, Any]:
        """Options given under the part's role or its own name; the later of the two wins.

        A preset's come first: what is laid over it wins, whichever name it uses.
        """
        names = {alias, spec.name}
        self.aliases |= names
        given: dict[str, Any] = {}
        for part, values in self.settings.options.items():
            given.update(values if part in names else {})
        return given

    def check_options_are_used(self) -> None:
        for part in self.settings.options:
            if part not in self.aliases:
                raise UnknownNameError("part of this run", part, self.aliases)
