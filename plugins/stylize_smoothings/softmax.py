"""Softmax of features. Source: eq. 11 of SWAG (Wang et al. 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stylize import Settings, SmoothingSpec

if TYPE_CHECKING:
    from torch import Tensor

SPEC = SmoothingSpec(
    "softmax",
    factory="stylize_smoothings.softmax:Softmax",
    settings="stylize_smoothings.softmax:SoftmaxSettings",
    summary="Softmax over the whole map, the channels or the positions (SWAG)",
)


class SoftmaxSettings(Settings):
    """Settings of softmax."""

    over: Literal["map", "channels", "positions"] = Field(
        "map",
        description="The values that sum to one. map: the whole C x H x W map (eq. 11 of SWAG); "
        "channels: those of each position; positions: those of each channel.",
    )
    temperature: float = Field(
        15.0,
        gt=0,
        description="Divides the activations; larger values are smoother, closer to uniform. 1 is "
        "eq. 11 as printed, which gives nearly all of a calibrated map to its largest activation.",
    )
    scale: Literal["mean", "sum"] = Field(
        "mean",
        description="mean: the mean of the values is one, whatever the map's size; sum: their sum "
        "is one, as eq. 11 is printed.",
    )


class Softmax:
    """Softmax of each sample, computed in float32, as a map may have a million terms.

    By default the result is multiplied by the number of terms, so that its mean is one. With a sum
    of one, the values, and so the Gram matrices, would shrink as the map grows, and a picture could
    not match a style of another size.
    """

    def __init__(self, settings: SoftmaxSettings) -> None:
        self.over = settings.over
        self.temperature = settings.temperature
        self.scale = settings.scale

    def __call__(self, features: Tensor) -> Tensor:
        scaled = features.float() if features.dtype.itemsize < 4 else features
        scaled = scaled / self.temperature
        # SWAG's own softmax3d also flattens the batch; here each sample is on its own.
        start, end = {"map": (1, -1), "channels": (1, 1), "positions": (2, -1)}[self.over]
        terms = scaled.flatten(start, end)
        smooth = terms.softmax(dim=start)
        if self.scale == "mean":
            smooth = smooth * terms.shape[start]
        return smooth.reshape(scaled.shape).to(features.dtype)
