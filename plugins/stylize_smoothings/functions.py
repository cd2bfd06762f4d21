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
    """Softmax of each sample, computed in float32: a map of a million terms sums to one.

    By default times the number of its terms, so that the mean is one: with a sum of one, the
    values, and so Gram matrices, shrink with the size of the map, and those of a picture and a
    style of another size could not meet.
    """

    def __init__(self, settings: SoftmaxSettings) -> None:
        self.over = settings.over
        self.temperature = settings.temperature
        self.scale = settings.scale

    def __call__(self, features: Tensor) -> Tensor:
        scaled = features.float() if features.dtype.itemsize < 4 else features
        scaled = scaled / self.temperature
        # SWAG's own softmax3d flattens the batch too; here no sample sees another.
        start, end = {"map": (1, -1), "channels": (1, 1), "positions": (2, -1)}[self.over]
        terms = scaled.flatten(start, end)
        smooth = terms.softmax(dim=start)
        if self.scale == "mean":
            smooth = smooth * terms.shape[start]
        return smooth.reshape(scaled.shape).to(features.dtype)


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
