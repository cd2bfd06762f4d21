"""The difference of channels' means and deviations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stylize import LossSpec, Role, Settings, Statistics
from stylize_losses.roots import TINY, root

if TYPE_CHECKING:
    from torch import Tensor

SPEC = LossSpec(
    "moments",
    factory="stylize_losses.moments:MomentsLoss",
    settings="stylize_losses.moments:MomentsSettings",
    summary="Difference of channel means and deviations (eq. 11)",
    paper={"form": "norm"},
)


class MomentsSettings(Settings):
    """Settings of the moments loss."""

    form: Literal["squared", "norm"] = Field(
        "squared",
        description="squared: squared norms of the differences of means and deviations, smooth at "
        "zero; norm: the norms themselves, eq. 11 as printed, with a kink at zero.",
    )


class MomentsLoss:
    """Distance of channel-wise means and standard deviations.

    Source: eq. 11 of the paper (`form` norm), and its squared form.
    """

    role = Role.STYLE
    additive = True

    def __init__(self, settings: MomentsSettings) -> None:
        self.form = settings.form

    def statistics(self, features: Tensor) -> Statistics:
        """Return the (N, C) mean and mean square over positions of (N, C, H, W) features."""
        from stylize_losses.rawmoments import mean_and_square

        positions = features.shape[-2] * features.shape[-1]
        mean, square = mean_and_square(features)
        return Statistics({"mean": mean, "square": square}, positions)

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        """Return (N,) distances."""
        means = current.values["mean"] - target.values["mean"]
        deviations = _deviation(current) - _deviation(target)
        squared = means.square().sum(dim=1), deviations.square().sum(dim=1)
        if self.form == "squared":
            return squared[0] + squared[1]
        return root(squared[0]) + root(squared[1])


def _deviation(statistics: Statistics) -> Tensor:
    mean, square = statistics.values["mean"], statistics.values["square"]
    # Cancellation leaves about 1e-7 of the mean square: a smaller value is no variance.
    variance = (square - mean.square()).maximum(1e-7 * square.detach())
    return (variance + TINY).sqrt()
