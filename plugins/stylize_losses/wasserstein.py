"""The distance between Gaussians fitted to features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylize import LossSpec, Role, Statistics
from stylize_losses.roots import TINY

if TYPE_CHECKING:
    from torch import Tensor

SPEC = LossSpec(
    "wasserstein",
    factory="stylize_losses.wasserstein:WassersteinLoss",
    summary="Squared 2-Wasserstein distance of Gaussians fitted to the features",
)


class WassersteinLoss:
    """Squared 2-Wasserstein distance between the Gaussians fitted to two feature maps.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2). The last trace is computed from the
    eigenvalues of L^T S1 L with L L^T = S2, which are the same.

    Source: Olkin and Pukelsheim 1982; for styles, Heitz et al. 2021 and crowsonkb's code.
    """

    role = Role.STYLE
    additive = True

    def __init__(self, settings: None = None) -> None:
        del settings

    def statistics(self, features: Tensor) -> Statistics:
        """Return the (N, C) mean and the (N, C, C) mean outer product of (N, C, H, W) features."""
        from stylize_losses.rawmoments import mean_features, mean_outer_product

        positions = features.shape[-2] * features.shape[-1]
        moments = {"mean": mean_features(features), "outer": mean_outer_product(features)}
        return Statistics(moments, positions)

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        """Return (N,) distances."""
        import torch

        mean, covariance = _gaussian(current)
        target_mean, target_covariance = _gaussian(target)
        # The rounding error of a zero eigenvalue; both sides get it, so that equals stay equal.
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


def _gaussian(statistics: Statistics) -> tuple[Tensor, Tensor]:
    """Return mean and covariance in float64: roots of float32 eigenvalues near zero are noise."""
    from stylize import to_float64

    mean, outer = (to_float64(statistics.values[name]) for name in ("mean", "outer"))
    return mean, outer - mean[:, :, None] * mean[:, None, :]


def _trace(matrices: Tensor) -> Tensor:
    return matrices.diagonal(dim1=1, dim2=2).sum(dim=1)
