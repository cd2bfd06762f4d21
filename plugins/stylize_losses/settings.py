"""Settings of the losses.

Under `--balance relative`, of a loss's forms only the power matters: factors are divided out.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stylize.settings import Settings


class FeatureSettings(Settings):
    """Settings of the feature loss."""

    form: Literal["mean", "sum", "half", "norm"] = Field(
        "mean",
        description="mean: eq. 5, over C x H x W; sum: eq. 2; half: eq. 13, half the sum; norm: "
        "eq. 10, the sum's root, with a kink at zero.",
    )


class GramSettings(Settings):
    """Settings of the Gram loss."""

    form: Literal["mean", "sum", "size", "swag", "norm"] = Field(
        "mean",
        description="What divides F F^T: mean: positions M; sum: nothing, eq. 3-4; size: C x M, "
        "eq. 6-7; swag: eq. 14, the sum's distance over 4 C^2 M^2; norm: positions M, and the "
        "distance's root, with a kink at zero: few far-off pictures do not rule a batch.",
    )


class MomentsSettings(Settings):
    """Settings of the moments loss."""

    form: Literal["squared", "norm"] = Field(
        "squared",
        description="squared: squared norms of the differences of means and deviations, smooth at "
        "zero; norm: the norms themselves, eq. 11 as printed, with a kink at zero.",
    )


class TotalVariationSettings(Settings):
    """Settings of total variation."""

    power: Literal[1, 2] = Field(
        2, description="1: mean absolute difference of neighbours; 2: mean squared difference."
    )
