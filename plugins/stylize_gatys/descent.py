"""Descent on an image, one evaluation a step, keeping the best image seen."""

from __future__ import annotations

import torch
from torch import Tensor

from stylize.errors import StalledError
from stylize.objective import Objective
from stylize_gatys.settings import GatysSettings

# A start is stalled if moving every pixel by MOVE would change the objective, to first order, by
# less than this share of it.
STALLED = 1e-6
MOVE = 0.1


class Descent:
    """Minimises an objective over an image with L-BFGS or Adam.

    The objective is multiplied by a constant that brings the mean absolute gradient at the start
    to 1. torch's L-BFGS has absolute thresholds (it drops curvature pairs below 1e-10) and takes
    dot products in float32, which the paper's weights overflow; the minimum stays where it is.
    """

    def __init__(self, start: Tensor, objective: Objective, settings: GatysSettings) -> None:
        # L-BFGS flattens its parameter: it must be contiguous, whatever the network prefers.
        self.image = start.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
        self.objective = objective
        self.best = start
        self.best_loss = float("inf")
        self.factor: float | None = None
        self.losses: dict[str, float] = {}
        self.optimizer: torch.optim.Optimizer
        if settings.optimizer == "adam":
            self.optimizer = torch.optim.Adam(
                [self.image], settings.learning_rate or 0.02, betas=(0.9, 0.99)
            )
        else:
            self.optimizer = torch.optim.LBFGS(
                [self.image],
                settings.learning_rate or 1.0,
                max_iter=1,
                history_size=settings.history,
                tolerance_grad=0,
                tolerance_change=0,
            )

    def step(self) -> dict[str, float]:
        """Evaluate the objective once, move, and return its terms by name.

        Raises: StalledError at the first step; NonFiniteError.
        """
        self.optimizer.step(self._evaluate)
        return self.losses

    def _evaluate(self) -> float:
        total, groups = self.objective(self.image)
        total = total.sum()
        (gradient,) = torch.autograd.grad(total, self.image)
        slope = gradient.abs().mean().item()
        loss = total.item()
        if not (abs(loss) + slope < float("inf")):
            raise self.objective.explain_non_finite(self.image, groups)
        if self.factor is None:
            if slope * self.image.numel() * MOVE <= STALLED * loss:
                raise StalledError(
                    f"the first gradient cannot move the image (objective {loss:.3g}, mean "
                    f"gradient {slope:.3g}): start elsewhere (--set gatys.init=noise), or use "
                    f"another smoothing, --gains calibrated or --balance relative"
                )
            self.factor = 1 / slope
        if loss < self.best_loss:
            self.best, self.best_loss = self.image.detach().clone(), loss
        self.losses = {name: value.sum().item() for name, value in groups.items()}
        self.image.grad = gradient.contiguous() * self.factor
        return loss * self.factor
