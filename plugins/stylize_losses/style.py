"""Losses that compare statistics of features over all positions.

All keep raw moments (means over positions), which add up over tiles and blend over styles;
deviations and roots are taken in `distance`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stylize.protocols import Statistics
from stylize.spec import Role
from stylize_losses.moments import mean_and_square, mean_features, mean_outer_product
from stylize_losses.settings import GramSettings, MomentsSettings

# Keeps the gradient of a square root finite at zero; far below any feature's square.
TINY = 1e-30


class GramLoss:
    """Frobenius distance of Gram matrices, squared in all forms but one.

    Source: eq. 3-4 (Gatys), eq. 6-7 (Johnson), eq. 14 (SWAG) of the paper, by `form`. The paper
    sums over positions and leaves open what happens where the two images differ in size; the
    statistics here are means, and where an equation sums, both are multiplied by the output's M.
    """

    role = Role.STYLE
    additive = True

    def __init__(self, settings: GramSettings) -> None:
        self.form = settings.form

    def statistics(self, features: Tensor) -> Statistics:
        """Return the (N, C, C) mean outer product over positions of (N, C, H, W) features."""
        positions = features.shape[-2] * features.shape[-1]
        return Statistics({"outer": mean_outer_product(features)}, positions)

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        """Return (N,) distances, squared but for `form` norm."""
        gram = current.values["outer"]
        squares = (gram - target.values["outer"]).square().sum(dim=(1, 2))
        if self.form == "norm":
            norm: Tensor = (squares + TINY).sqrt() - TINY**0.5
            return norm
        channels = gram.shape[1]
        factor = {
            "mean": 1.0,
            "sum": float(current.positions) ** 2,
            "size": 1.0 / channels**2,
            "swag": 1.0 / (4 * channels**2),
        }[self.form]
        return squares * factor


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
        return sum(
            ((square + TINY).sqrt() - TINY**0.5 for square in squared), start=means.new_zeros(1)
        )


class WassersteinLoss:
    """Squared 2-Wasserstein distance between the Gaussians fitted to two feature maps.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2), whose last trace is taken from the
    eigenvalues of L^T S1 L with L L^T = S2, which are the same.

    Source: Olkin and Pukelsheim 1982; for styles, Heitz et al. 2021 and crowsonkb's code.
    """

    role = Role.STYLE
    additive = True

    def __init__(self, settings: None = None) -> None:
        del settings

    def statistics(self, features: Tensor) -> Statistics:
        """Return the (N, C) mean and the (N, C, C) mean outer product of (N, C, H, W) features."""
        positions = features.shape[-2] * features.shape[-1]
        moments = {"mean": mean_features(features), "outer": mean_outer_product(features)}
        return Statistics(moments, positions)

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        """Return (N,) distances."""
        mean, covariance = _gaussian(current)
        target_mean, target_covariance = _gaussian(target)
        # What rounding leaves of a zero eigenvalue; both sides get it, so that equals stay equal.
        rounding = torch.finfo(current.values["outer"].dtype).eps
        ridge = _trace(target_covariance).detach()[:, None] * rounding + TINY
        identity = torch.eye(mean.shape[1], dtype=mean.dtype, device=mean.device)
        covariance = covariance + ridge[:, None] * identity
        target_covariance = target_covariance + ridge[:, None] * identity
        values, vectors = torch.linalg.eigh(target_covariance.detach())
        factor = vectors * values.clamp_min(ridge).sqrt()[:, None]
        eigenvalues = torch.linalg.eigvalsh(factor.mT @ covariance @ factor)
        cross = eigenvalues.clamp_min(ridge.square()).sqrt().sum(dim=1)
        spread = _trace(covariance) + _trace(target_covariance) - 2 * cross
        distance: Tensor = (mean - target_mean).square().sum(dim=1) + spread
        return distance.to(current.values["mean"])


def _deviation(statistics: Statistics) -> Tensor:
    mean, square = statistics.values["mean"], statistics.values["square"]
    # Cancellation leaves about 1e-7 of the mean square: less than that is no variance.
    variance = torch.maximum(square - mean.square(), 1e-7 * square.detach())
    return (variance + TINY).sqrt()


def _gaussian(statistics: Statistics) -> tuple[Tensor, Tensor]:
    """Return mean and covariance in float64: roots of float32 eigenvalues near zero are noise."""
    mean, outer = statistics.values["mean"], statistics.values["outer"]
    if mean.device.type == "mps":  # has neither float64 nor eigenvalues
        mean, outer = mean.cpu(), outer.cpu()
    mean, outer = mean.double(), outer.double()
    return mean, outer - mean[:, :, None] * mean[:, None, :]


def _trace(matrices: Tensor) -> Tensor:
    return torch.einsum("ncc->n", matrices)
