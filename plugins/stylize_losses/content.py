"""Losses that compare features position by position."""

from __future__ import annotations

import torch
from torch import Tensor

from stylize.protocols import Statistics
from stylize.spec import Role
from stylize_losses.settings import FeatureSettings
from stylize_losses.style import TINY


class FeatureLoss:
    """Squared difference of the features themselves.

    Source: eq. 2 (Gatys), eq. 5 (Johnson), eq. 13 (SWAG) of the paper, and the root of it of
    eq. 10 (AdaIN), by `form`.
    """

    role = Role.CONTENT
    additive = False

    def __init__(self, settings: FeatureSettings) -> None:
        self.form = settings.form

    def statistics(self, features: Tensor) -> Statistics:
        """Keep features (N, C, H, W) as they are."""
        kept = features.to(torch.promote_types(features.dtype, torch.float32))
        return Statistics({"features": kept}, features.shape[-2] * features.shape[-1])

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        """Return (N,) distances of features of one size."""
        squares = (current.values["features"] - target.values["features"]).square().flatten(1)
        if self.form == "mean":
            return squares.mean(dim=1)
        if self.form == "norm":
            norm: Tensor = (squares.sum(dim=1) + TINY).sqrt() - TINY**0.5
            return norm
        return squares.sum(dim=1) * (0.5 if self.form == "half" else 1.0)
