"""Descent on an image, one evaluation per step, keeping the best image seen."""

from __future__ import annotations

import inspect

import torch
from torch import Tensor

from stylize.contract.parts import Features, Objective
from stylize.errors import NonFiniteError, StalledError
from stylize.optimizing.anchor import Anchor
from stylize.optimizing.canvas import Canvas
from stylize.optimizing.settings import DescentSettings

__all__ = ["Descent"]

# A start is stalled if moving every pixel by MOVE would change the objective, to first order, by
# less than this share of it.
STALLED = 1e-6
MOVE = 0.1
FIRST_MOVE = 0.01
LARGEST_MOVE = 0.1


class PlainLBFGS(torch.optim.LBFGS):
    """L-BFGS that does not import torch's compiler, which costs seconds and 155 MB."""

    # The decorator of the original imports it, to exclude itself from compilation.
    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)


class Descent:
    """Minimises any function of an image with L-BFGS or Adam.

    The objective is multiplied by a constant that brings the mean absolute gradient at the start
    to 1. torch's L-BFGS has absolute thresholds (it drops curvature pairs below 1e-10) and takes
    dot products in float32, which the paper's weights overflow; the minimum stays where it is.

    Args:
        start: (1, 3, H, W).
        objective: gives the (N,) values of images, and their terms by name. If a value is not
            finite, its attributes `features` and `layers`, if it has them, show which layer is not.
        box: weight of the mean squared excess of pixels over [0, 1]; None for the setting's
            share of the objective at the start, which `box` then holds.
        anchor: for a frame of a clip; its weight is also a share of the objective at the start.
        elsewhere: how a user makes the picture start elsewhere, for messages.
    """

    def __init__(
        self,
        start: Tensor,
        objective: Objective,
        settings: DescentSettings,
        box: float | None = None,
        anchor: Anchor | None = None,
        elsewhere: str = "start elsewhere",
    ) -> None:
        self.objective = objective
        self.settings = settings
        self.box = box
        self.anchor = anchor
        self.elsewhere = elsewhere
        self.hold: float | None = None
        self.best = start
        self.best_loss = float("inf")
        self.factor: float | None = None
        self.losses: dict[str, float] = {}
        self.optimizer: torch.optim.Optimizer
        if settings.optimizer == "adam":
            # Adam scales each coordinate by itself: it needs plain pixels.
            self.canvas = Canvas(start, 0.0, 1 / start.numel())
            rate = settings.learning_rate or 0.02
            # For one tensor, torch's usual form on a GPU only adds operations and a constant.
            self.optimizer = torch.optim.Adam(
                [self.canvas.u], rate, betas=(0.9, 0.99), foreach=False
            )
        else:
            self.canvas = Canvas(start, settings.whiten, FIRST_MOVE)
            self.optimizer = PlainLBFGS(
                [self.canvas.u],
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
        before = self.canvas.u.detach().clone()
        self.optimizer.step(self._evaluate)
        self._shorten(before)
        return self.losses

    def _evaluate(self) -> float:
        image = self.canvas.image()
        total, groups = self.objective(image)
        objective = total.sum()
        if self.box is None:
            self.box = self.settings.box * objective.item()
        if self.anchor is not None:
            if self.hold is None:
                self.hold = self.settings.temporal_weight * objective.item()
            held = self.hold * self.anchor.distance(image)
            groups["temporal"] = held.detach()
            objective = objective + held
        excess = image - image.clamp(0, 1)
        objective = objective + self.box * excess.square().mean()
        (gradient,) = torch.autograd.grad(objective, self.canvas.u)
        # All in one request: each number that is read makes a GPU wait.
        numbers = [objective.detach(), gradient.abs().mean(), *(v.sum() for v in groups.values())]
        known: list[float] = torch.stack(numbers).tolist()
        loss, slope, *terms = known
        if not loss + slope < float("inf"):
            raise self._not_finite(image.detach(), groups)
        if self.factor is None:
            self._check_start(loss, slope)
            self.factor = 1 / slope
        if loss < self.best_loss:
            self.best, self.best_loss = image.detach(), loss
        self.losses = dict(zip(groups, terms, strict=True))
        self.canvas.u.grad = gradient.contiguous() * self.factor
        return loss * self.factor

    def _not_finite(self, image: Tensor, groups: dict[str, Tensor]) -> NonFiniteError:
        features: Features | None = getattr(self.objective, "features", None)
        if features is not None:
            try:
                with torch.no_grad():
                    features.check_finite(features(image, self.objective.layers))  # type: ignore[attr-defined]
            except NonFiniteError as error:
                return error
        bad = [name for name, value in groups.items() if not torch.isfinite(value).all()]
        return NonFiniteError(
            f"the {' and '.join(bad) or 'gradient'} loss is not finite: "
            f"use a lower --strength, --precision float32 or another smoothing"
        )

    @torch.no_grad()
    def _shorten(self, before: Tensor) -> None:
        """Keep a step from moving pixels by more than LARGEST_MOVE in the mean.

        Without a line search the first quasi-Newton steps can be very long, and a pair of
        gradients taken so far away spoils all later steps. L-BFGS reads its last step length from
        its state, so that is shortened too.
        """
        move = (self.canvas.u - before).abs().mean().item() * self.canvas.gain
        if move > LARGEST_MOVE:
            share = LARGEST_MOVE / move
            self.canvas.u.lerp_(before, 1 - share)
            state = self.optimizer.state[self.canvas.u]
            if "t" in state:
                state["t"] *= share

    def _check_start(self, loss: float, slope: float) -> None:
        change = slope * self.canvas.u.numel() * MOVE / self.canvas.gain
        if change <= STALLED * abs(loss):
            raise StalledError(
                f"the first gradient cannot move the image (a change of {change:.2g} to an "
                f"objective of {loss:.2g}): {self.elsewhere}, or use another smoothing, "
                f"--gains calibrated or --balance relative"
            )
