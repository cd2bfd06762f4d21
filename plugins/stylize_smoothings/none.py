"""No smoothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylize import SmoothingSpec

if TYPE_CHECKING:
    from torch import Tensor

SPEC = SmoothingSpec(
    "none",
    factory="stylize_smoothings.none:Identity",
    summary="Features unchanged",
    pointwise=True,
)


class Identity:
    """Returns features unchanged."""

    def __init__(self, settings: None = None) -> None:
        del settings

    def __call__(self, features: Tensor) -> Tensor:
        return features
