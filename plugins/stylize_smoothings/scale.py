"""Features times a constant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from stylize import Settings, SmoothingSpec

if TYPE_CHECKING:
    from torch import Tensor

SPEC = SmoothingSpec(
    "scale",
    factory="stylize_smoothings.scale:Scale",
    settings="stylize_smoothings.scale:ScaleSettings",
    summary="Every activation times a small constant, which reweights the layer",
    pointwise=True,
)


class ScaleSettings(Settings):
    """Settings of scale."""

    factor: float = Field(0.001, gt=0, description="Factor for the activations.")


class Scale:
    """Multiplies each activation by a constant."""

    def __init__(self, settings: ScaleSettings) -> None:
        self.factor = settings.factor

    def __call__(self, features: Tensor) -> Tensor:
        return self.factor * features
