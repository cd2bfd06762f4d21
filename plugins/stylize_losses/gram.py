"""The difference of Gram matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stylize import LossSpec, Role, Settings, Statistics
from stylize_losses.roots import root

if TYPE_CHECKING:
    from torch import Tensor

SPEC = LossSpec(
    "gram",
    factory="stylize_losses.gram:GramLoss",
    settings="stylize_losses.gram:GramSettings",
    summary="Squared difference of Gram matrices (eq. 3-4, 6-7, 14)",
    paper={"form": "sum"},
)


class GramSettings(Settings):
    """Settings of the Gram loss."""

    form: Literal["mean", "sum", "size", "swag", "norm"] = Field(
        "mean",
        description="The divisor of F F^T. mean: positions M; sum: none, eq. 3-4; size: C x M, eq. "
        "6-7; swag: eq. 14, the sum's distance over 4 C^2 M^2; norm: positions M, and the "
        "distance's root, with a kink at zero, so that a few distant pictures do not dominate a "
        "batch.",
    )


class GramLoss:
    """Frobenius distance of Gram matrices, squared in all forms except norm.

    Source: eq. 3-4 (Gatys), eq. 6-7 (Johnson), eq. 14 (SWAG) of the paper; `form` chooses one.
    The paper sums over positions and does not say what happens if the two images differ in size.
    The statistics here are means; if an equation sums, both are multiplied by the output's M.
    """

    role = Role.STYLE
    additive = True

    def __init__(self, settings: GramSettings) -> None:
        self.form = settings.form

    def statistics(self, features: Tensor) -> Statistics:
        """Return the (N, C, C) mean outer product over positions of (N, C, H, W) features."""
        from stylize_losses.rawmoments import mean_outer_product

        positions = features.shape[-2] * features.shape[-1]
        return Statistics({"outer": mean_outer_product(features)}, positions)

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        """Return the (N,) distances, squared except for `form` norm."""
        gram = current.values["outer"]
        squares = (gram - target.values["outer"]).square().sum(dim=(1, 2))
        if self.form == "norm":
            return root(squares)
        channels = gram.shape[1]
        factor = {
            "mean": 1.0,
            "sum": float(current.positions) ** 2,
            "size": 1.0 / channels**2,
            "swag": 1.0 / (4 * channels**2),
        }[self.form]
        return squares * factor
