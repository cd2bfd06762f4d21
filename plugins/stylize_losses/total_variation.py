"""The image's own roughness."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stylize import LossSpec, Role, Settings, Statistics

if TYPE_CHECKING:
    from torch import Tensor

SPEC = LossSpec(
    "total_variation",
    factory="stylize_losses.total_variation:TotalVariationLoss",
    settings="stylize_losses.total_variation:TotalVariationSettings",
    summary="Differences of neighbouring pixels: less noise, less texture",
    role=Role.IMAGE,
)


class TotalVariationSettings(Settings):
    """Settings of total variation."""

    power: Literal[1, 2] = Field(
        2, description="1: mean absolute difference of neighbours; 2: mean squared difference."
    )


class TotalVariationLoss:
    """Mean difference of horizontal and of vertical neighbours, in [0, 1] pixel units.

    Source: Johnson et al. 2016, section 3.2, as a mean, so that one weight suits every size.
    """

    role = Role.IMAGE
    additive = False

    def __init__(self, settings: TotalVariationSettings) -> None:
        self.power = settings.power

    def statistics(self, features: Tensor) -> Statistics:
        """Return the (N,) total variation of images (N, 3, H, W)."""
        total = features.new_zeros(len(features))
        for axis in (2, 3):
            if features.shape[axis] > 1:
                total = total + features.diff(dim=axis).abs().pow(self.power).flatten(1).mean(dim=1)
        positions = features.shape[-2] * features.shape[-1]
        return Statistics({"variation": total}, positions)

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        """Return the (N,) total variation of the current image; there is no target."""
        del target
        return current.values["variation"]
