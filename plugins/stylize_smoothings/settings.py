"""Settings of the smoothings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stylize.settings import Settings


class SoftmaxSettings(Settings):
    """Settings of softmax."""

    over: Literal["map", "channels", "positions"] = Field(
        "map",
        description="What sums to one: map: the whole C x H x W map (eq. 11 of SWAG); channels: "
        "each position; positions: each channel.",
    )
    temperature: float = Field(
        15.0,
        gt=0,
        description="Divides the activations; larger is smoother, nearer uniform. 1 is eq. 11 as "
        "printed, which gives nearly all of a calibrated map to its largest activation.",
    )
    scale: Literal["mean", "sum"] = Field(
        "mean",
        description="mean: values average one, whatever the map's size; sum: they sum to one, "
        "eq. 11 as printed.",
    )


class TanhSettings(Settings):
    """Settings of tanh."""

    gain: float = Field(1.0, gt=0, description="Slope at zero, on top of the layer's gain.")


class SoftsignSettings(Settings):
    """Settings of softsign."""

    gain: float = Field(1.0, gt=0, description="Slope at zero, on top of the layer's gain.")


class ScaleSettings(Settings):
    """Settings of scale."""

    factor: float = Field(0.001, gt=0, description="What activations are multiplied by.")
