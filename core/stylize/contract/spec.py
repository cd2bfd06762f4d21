"""What a plugin declares about its parts: plain data with import strings, so no torch is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

__all__ = [
    "FILE_KINDS",
    "BackboneSpec",
    "ComponentSpec",
    "Kind",
    "LossSpec",
    "MethodSpec",
    "ModelSpec",
    "PresetSpec",
    "Role",
    "SmoothingSpec",
    "WeightsSpec",
    "split_backbone_name",
]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Kind(StrEnum):
    """What a component is."""

    BACKBONE = "backbone"
    SMOOTHING = "smoothing"
    LOSS = "loss"
    METHOD = "method"
    MODEL = "model"
    PRESET = "preset"


# Kinds whose parts are files: their `factory` is "package:file".
FILE_KINDS = frozenset({Kind.MODEL, Kind.PRESET})


class Role(StrEnum):
    """What a loss compares: the output with the content, with the style, or with nothing."""

    CONTENT = "content"
    STYLE = "style"
    IMAGE = "image"


@dataclass(frozen=True)
class ComponentSpec:
    """A part, by name. `factory` and `settings` are "module:object" strings, imported on first use.

    `factory(settings)` makes the part, or `factory(settings, weights)` for a backbone, or
    `factory(settings, seed)` for a loss that is `seeded`. `settings` is a `stylize.Settings` model;
    None means that the part has no settings, and `factory` then gets None.
    """

    kind: ClassVar[Kind]

    name: str
    factory: str
    settings: str | None = None
    summary: str = ""


@dataclass(frozen=True)
class WeightsSpec:
    """One set of weights of a backbone, spelled `backbone.tag`.

    Args:
        tag: lower_snake_case, such as `imagenet1k_v1`.
        embedded: "package:file" of a safetensors file that the plugin carries; its header gives
            mean and std.
        torchvision: a torchvision weights enum member, such as "VGG16_Weights.IMAGENET1K_V1".
        mean, std: normalisation of RGB in [0, 1] that the weights expect.
        gains: a layer's gain for smoothings (1 / root mean square on photographs); 1 where absent.
        license: SPDX identifier or short note.
    """

    tag: str
    embedded: str | None = None
    torchvision: str | None = None
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    gains: Mapping[str, float] = field(default_factory=dict)
    license: str = "unknown"


@dataclass(frozen=True)
class BackboneSpec(ComponentSpec):
    """A network whose features are compared. The first of `weights` is the default tag.

    `content_layers`, `style_layers` and `smooth_layers` are defaults; shell patterns are allowed.
    `hypercolumn_layers` are the style layers of methods that compare position by position; if
    there are none, `style_layers` are.
    `aliases` are other names of layers, {"conv3_1": "layer3.0"}; patterns match them too.
    """

    kind = Kind.BACKBONE

    weights: tuple[WeightsSpec, ...] = ()
    content_layers: tuple[str, ...] = ()
    style_layers: tuple[str, ...] = ()
    hypercolumn_layers: tuple[str, ...] = ()
    smooth_layers: tuple[str, ...] = ("*",)
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SmoothingSpec(ComponentSpec):
    """A function of features. `pointwise`: each output depends on one input only (exact tiles)."""

    kind = Kind.SMOOTHING

    pointwise: bool = False


@dataclass(frozen=True)
class LossSpec(ComponentSpec):
    """A loss. `paper` holds the settings that give the paper's printed form (`--balance paper`).

    `seeded`: its factory gets the run's seed, because it draws random numbers.
    """

    kind = Kind.LOSS

    role: Role = Role.STYLE
    paper: Mapping[str, object] = field(default_factory=dict)
    seeded: bool = False


@dataclass(frozen=True)
class MethodSpec(ComponentSpec):
    """A way to make the picture.

    Args:
        trainable: applies a trained model, which `stylize train` makes.
        needs_style: takes paintings when it makes a picture.
        needs_features: uses the backbone, smoothing and losses of the run; if false, none of them
            is loaded, and a warning says that their options have no effect.
        hypercolumns: compares position by position: unless style layers are given, it uses the
            backbone's `hypercolumn_layers`.
        streams: takes and returns pictures as uint8, so that large ones need little memory.
        default_model: the name of the model that a trainable method uses by default.
        usual: defaults of run settings, by pattern of the backbone's name, which "*" may set:
            {"*": {"backbone": "vgg19"}, "vgg*": {"options": {"backbone": {"pooling": "average"}}}}.
        training: the same for its training.
    """

    kind = Kind.METHOD

    trainable: bool = False
    needs_style: bool = True
    hypercolumns: bool = False
    streams: bool = False
    default_model: str | None = None
    usual: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    training: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    needs_features: bool = True


@dataclass(frozen=True)
class ModelSpec(ComponentSpec):
    """A trained model that a plugin carries; `factory` is "package:file" of a model file."""

    kind = Kind.MODEL


@dataclass(frozen=True)
class PresetSpec(ComponentSpec):
    """Named settings in a TOML file; `factory` is "package:file"."""

    kind = Kind.PRESET


def split_backbone_name(name: str) -> tuple[str, str | None]:
    """Split "vgg16.oxford" into backbone and tag; the tag is None if it is left out."""
    backbone, _, tag = name.partition(".")
    return backbone, tag or None
