"""Stages from coarse to fine: the sizes at which a picture is optimised, and the steps between
them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylize.errors import SettingsError
from stylize.optimizing.settings import Schedule
from stylize.pictures.tensors import resize

__all__ = ["Stage", "color_noise", "enlarge", "plan_stages", "shrink"]


@dataclass(frozen=True)
class Stage:
    """Work at one size.

    Args:
        fraction: its share of the finished picture's size.
        iterations: evaluations of the objective.
    """

    fraction: float
    height: int
    width: int
    iterations: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    @property
    def cost(self) -> int:
        """Evaluations times pixels."""
        return self.height * self.width * self.iterations


def plan_stages(goal: Tensor, schedule: Schedule, least: int, owner: str) -> list[Stage]:
    """Return the stages for a picture of the goal's size; those too small to see are left out.

    Args:
        goal: (1, 3, H, W).
        least: height and width that the layers need.
        owner: the method's name, for messages.

    Raises: SettingsError if no iterations are left.
    """
    height, width = goal.shape[-2:]
    stages = [
        Stage(fraction, max(1, round(height * fraction)), max(1, round(width * fraction)), count)
        for fraction, count in zip(schedule.scales, schedule.iterations, strict=True)
    ]
    seen = [
        stage for stage in stages if stage.fraction == 1 or min(stage.height, stage.width) >= least
    ]
    if not seen[0].iterations:
        raise SettingsError(
            f"{owner}: all scales with iterations are below {least}x{least}, the least that the "
            f"layers can see: use a larger --size, or iterations at scale 1"
        )
    return seen


def enlarge(
    image: Tensor, size: tuple[int, int], base: Tensor | None, content: Tensor | None
) -> Tensor:
    """Enlarge what the coarse scale changed of its content, and add it to the larger content.

    This keeps the content's own high frequencies, which enlarging the image would lose. Without a
    content, the image itself is enlarged.

    Args:
        image: (1, 3, h, w).
        size: (H, W).
        base, content: the content at both sizes.
    """
    if base is None or content is None:
        return resize(image, size)
    if tuple(image.shape[-2:]) == size:
        return image
    change = F.interpolate(image - base, size, mode="bicubic", antialias=True)
    return (content + change).clamp(0, 1)


def shrink(image: Tensor, fraction: float, least: int) -> Tensor:
    """Scale an image (1, 3, H, W) by a fraction, but not below what the layers can see."""
    height, width = image.shape[-2:]
    fraction = max(fraction, min(1.0, least / min(height, width)))
    return resize(image, (max(1, round(height * fraction)), max(1, round(width * fraction))))


def color_noise(noise: Tensor, style: Tensor) -> Tensor:
    """Give white noise (1, 3, H, W) the mean and covariance of a style's colours."""
    pixels = style[0].flatten(1)
    mean = pixels.mean(dim=1, keepdim=True)
    covariance = (pixels - mean) @ (pixels - mean).mT / pixels.shape[1]
    ridge = 1e-6 * torch.eye(3, device=style.device)
    factor = torch.linalg.cholesky(covariance + ridge)
    colored: Tensor = factor @ noise[0].flatten(1) + mean
    return colored.view_as(noise)
