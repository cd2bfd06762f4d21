"""The difference of features, position by position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from stylize import LossSpec, Role, Settings, Statistics
from stylize_losses.roots import root

if TYPE_CHECKING:
    from torch import Tensor

SPEC = LossSpec(
    "feature",
    factory="stylize_losses.feature:FeatureLoss",
    settings="stylize_losses.feature:FeatureSettings",
    summary="Squared difference of features (eq. 2, 5, 13)",
    role=Role.CONTENT,
    paper={"form": "sum"},
)


class FeatureSettings(Settings):
    """Settings of the feature loss."""

    form: Literal["mean", "sum", "half", "norm"] = Field(
        "mean",
        description="mean: eq. 5, over C x H x W; sum: eq. 2; half: eq. 13, half the sum; norm: "
        "eq. 10, the sum's root, with a kink at zero.",
    )


class FeatureLoss:
    """Squared difference of the features themselves.

    Source: eq. 2 (Gatys), eq. 5 (Johnson) and eq. 13 (SWAG) of the paper, and the root in eq. 10
    (AdaIN); `form` chooses one.
    """

    role = Role.CONTENT
    additive = False

    def __init__(self, settings: FeatureSettings) -> None:
        self.form = settings.form

    def statistics(self, features: Tensor) -> Statistics:
        """Keep features (N, C, H, W) as they are."""
        import torch

        kept = features.to(torch.promote_types(features.dtype, torch.float32))
        return Statistics({"features": kept}, features.shape[-2] * features.shape[-1])

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        """Return the (N,) distances between features of the same size."""
        squares = (current.values["features"] - target.values["features"]).square().flatten(1)
        if self.form == "mean":
            return squares.mean(dim=1)
        if self.form == "norm":
            return root(squares.sum(dim=1))
        return squares.sum(dim=1) * (0.5 if self.form == "half" else 1.0)
