"""Softsign of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from stylize import Settings, SmoothingSpec

if TYPE_CHECKING:
    from torch import Tensor

SPEC = SmoothingSpec(
    "softsign",
    factory="stylize_smoothings.softsign:Softsign",
    settings="stylize_smoothings.softsign:SoftsignSettings",
    summary="x / (1 + |x|) of every activation",
    pointwise=True,
)


class SoftsignSettings(Settings):
    """Settings of softsign."""

    gain: float = Field(1.0, gt=0, description="Slope at zero, on top of the layer's gain.")


class Softsign:
    """Softsign of `gain` times each activation."""

    def __init__(self, settings: SoftsignSettings) -> None:
        self.gain = settings.gain

    def __call__(self, features: Tensor) -> Tensor:
        scaled = self.gain * features
        return scaled / (scaled.abs() + 1)
