"""The smoothing functions: (N, C, H, W) features to the same shape, dtype and device.

Source: section 5 of the paper; softmax is eq. 11 of SWAG (Wang et al. 2021).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from stylize_smoothings.settings import (
    ScaleSettings,
    SoftmaxSettings,
    SoftsignSettings,
    TanhSettings,
)


class Identity:
    """Features as they are."""

    def __init__(self, settings: None = None) -> None:
        del settings

    def __call__(self, features: Tensor) -> Tensor:
        return features


class Softmax:
    """Softmax of each sample, computed in float32: a map of a million terms sums to one."""

    def __init__(self, settings: SoftmaxSettings) -> None:
        self.over = settings.over
        self.temperature = settings.temperature

    def __call__(self, features: Tensor) -> Tensor:
        scaled = features.float() if features.dtype.itemsize < 4 else features
        scaled = scaled / self.temperature
        if self.over == "channels":
            smooth = scaled.softmax(dim=1)
        else:
            # SWAG's own softmax3d flattens the batch too; here no sample sees another.
            start = 1 if self.over == "map" else 2
            smooth = scaled.flatten(start).softmax(dim=-1).reshape(scaled.shape)
        return smooth.to(features.dtype)


class Tanh:
    """Hyperbolic tangent of `gain` times each activation."""

    def __init__(self, settings: TanhSettings) -> None:
        self.gain = settings.gain

    def __call__(self, features: Tensor) -> Tensor:
        return (self.gain * features).tanh()


class Softsign:
    """Softsign of `gain` times each activation."""

    def __init__(self, settings: SoftsignSettings) -> None:
        self.gain = settings.gain

    def __call__(self, features: Tensor) -> Tensor:
        return F.softsign(self.gain * features)


class Scale:
    """A constant times each activation."""

    def __init__(self, settings: ScaleSettings) -> None:
        self.factor = settings.factor

    def __call__(self, features: Tensor) -> Tensor:
        return self.factor * features
