"""Adaptive instance normalisation, and the channel statistics that it exchanges.

Source: eq. 8 and 15 of the paper (Huang and Belongie 2017, eq. 8 and 14).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Moments", "adain", "blend_moments", "moments_of"]

# This share of a sample's mean square over all channels is added to every variance, so that no
# constant channel is divided by zero. It is relative, as the scale of features differs by network.
EPSILON = 1e-5


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of each channel over positions, both (N, C)."""

    mean: Tensor
    deviation: Tensor

    @classmethod
    def from_raw(cls, mean: Tensor, square: Tensor) -> Moments:
        """Make them from means and mean squares (N, C), which add up over parts of a picture."""
        variance = (square - mean.square()).clamp_min(0)
        return cls(mean, (variance + EPSILON * square.mean(dim=1, keepdim=True)).sqrt())

    def to(self, features: Tensor) -> Moments:
        """Return them on the device of features, in float32."""
        device = features.device
        return Moments(
            self.mean.to(device, torch.float32), self.deviation.to(device, torch.float32)
        )


def moments_of(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return the (N, C) mean and mean square over positions of (N, C, H, W), in float32."""
    # As rows of channels: the layout that backbones return, in which torch's means are fast.
    rows = features.permute(0, 2, 3, 1).flatten(1, 2).float()
    return rows.mean(dim=1), rows.square().mean(dim=1)


def blend_moments(several: Sequence[Moments], weights: Sequence[float]) -> Moments:
    """Return the weighted mean of means and of deviations; weights need not sum to one.

    The result of `adain` with it is the same blend of the results with each, unless the gain is
    limited.
    """
    total = sum(weights)
    shares = [weight / total for weight in weights]

    def mean_of(tensors: Sequence[Tensor]) -> Tensor:
        return torch.stack([w * t for w, t in zip(shares, tensors, strict=True)]).sum(dim=0)

    return Moments(
        mean_of([each.mean for each in several]), mean_of([each.deviation for each in several])
    )


def adain(
    features: Tensor,
    content: Moments,
    style: Moments,
    alpha: float = 1.0,
    gain_limit: float | None = None,
) -> Tensor:
    """Give features the channel means and deviations of the style, fully or in part.

    Args:
        features: features (N, C, H, W) of the content, or of a part of it.
        content: moments of the whole content.
        alpha: share of the style in a blend of features (eq. 15); 0 leaves them unchanged.
        gain_limit: largest factor for a channel's deviation, at alpha 1; the mean becomes the
            style's in any case.

    Returns:
        (N, C, H, W) in float32.
    """
    gain = style.deviation / content.deviation
    if gain_limit is not None:
        gain = gain.clamp_max(gain_limit)
    scale = 1 + alpha * (gain - 1)
    shift = alpha * (style.mean - content.mean * gain)
    return torch.addcmul(shift[:, :, None, None], features.float(), scale[:, :, None, None])
