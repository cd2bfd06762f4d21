"""The settings of a run as keywords that editors complete and type checkers know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from stylize.contract.protocols import Loss

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SettingsKeywords"]

Weights = Mapping[str, float] | str | None


class SettingsKeywords(TypedDict, total=False):
    """Keywords of `stylize_image` and `Stylizer`: `RunSettings`, and options of built-in parts.

    They accept all values of `RunSettings`. `model` also takes a path, `smooth` a function of
    features (N, C, H, W) or a module, and `content_loss` and `style_loss` an object. Options of
    other parts go into `options`, by the part's name.
    """

    method: str
    model: str | Path | None
    backbone: str
    weights: str | Path | None
    smooth: str | Callable[[Tensor], Tensor]
    smooth_layers: Sequence[str] | str | None
    gains: Literal["calibrated", "one"]
    content_loss: str | Loss
    style_loss: str | Loss
    image_loss: Weights
    content_layers: Weights
    style_layers: Weights
    content_weight: float
    style_weight: float
    balance: Literal["relative", "paper"]
    strength: float
    style_weights: Sequence[float] | str | None
    style_scale: float
    size: int | Literal["full"]
    quality: Literal["draft", "good", "best"]
    time: float | str | None
    keep_color: Literal["none", "luminance", "histogram"]
    seed: int
    device: str
    precision: Literal["auto", "float32", "bfloat16"]
    options: Mapping[str, Mapping[str, object]]
    # Options of the methods that have them.
    alpha: float | None
    stroke_size: float
