"""Hyperbolic tangent of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from stylize import Settings, SmoothingSpec

if TYPE_CHECKING:
    from torch import Tensor

SPEC = SmoothingSpec(
    "tanh",
    factory="stylize_smoothings.tanh:Tanh",
    settings="stylize_smoothings.tanh:TanhSettings",
    summary="Hyperbolic tangent of every activation",
    pointwise=True,
)


class TanhSettings(Settings):
    """Settings of tanh."""

    gain: float = Field(1.0, gt=0, description="Slope at zero, on top of the layer's gain.")


class Tanh:
    """Hyperbolic tangent of `gain` times each activation."""

    def __init__(self, settings: TanhSettings) -> None:
        self.gain = settings.gain

    def __call__(self, features: Tensor) -> Tensor:
        return (self.gain * features).tanh()
