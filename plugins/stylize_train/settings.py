"""Settings of training that every trainable method shares. No torch."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from stylize import Settings

__all__ = ["TrainingSettings"]


class TrainingSettings(Settings):
    """How long, on what, and how often to look. The command's options are these."""

    steps: int = Field(2000, ge=1, description="Total number of optimiser steps.")
    batch: int = Field(4, ge=1, description="Photographs per step and process.")
    crop: int = Field(256, ge=16, description="Side of the squares to train on, in pixels.")
    framing: Literal["crop", "resize"] = Field(
        "crop",
        description="How a photograph becomes such a square. crop: a random part of it, at a "
        "random scale; resize: all of it, squashed, as in the paper.",
    )
    zoom: float = Field(
        2.0,
        ge=1,
        le=16,
        description="With framing crop: the photograph's shorter side is scaled to 1 to this many "
        "crops.",
    )
    style_zoom: float | None = Field(
        None,
        ge=1,
        le=16,
        description="The same for paintings from a folder; by default as zoom.",
    )
    flip: bool = Field(True, description="Mirror half of the photographs, at random.")
    small: Literal["grow", "skip"] = Field(
        "grow", description="Enlarge photographs that are smaller than the crop, or skip them."
    )
    style_size: int | None = Field(
        None,
        ge=16,
        description="Longer side of the paintings in training, in pixels: larger values give "
        "larger strokes; by default twice the crop.",
    )
    learning_rate: float = Field(0.001, gt=0, le=1, description="Step size of Adam.")
    warmup: int = Field(0, ge=0, description="Steps over which the step size rises from zero.")
    schedule: Literal["constant", "cosine", "inverse"] = Field(
        "constant",
        description="constant: as in the paper; cosine: falls to a twentieth at the last step; "
        "inverse: falls as 1 / (1 + step / 20000), as in AdaIN's code.",
    )
    validation: int = Field(
        8,
        ge=0,
        description="Photographs held out for validation and previews; at most a tenth. If none "
        "is, previews show some of the others.",
    )
    validate_every: int = Field(
        200, ge=1, description="Steps between validations, each with a preview picture."
    )
    checkpoint_every: int = Field(100, ge=1, description="Steps between checkpoints.")
    log_every: int = Field(10, ge=1, description="Steps between rows of metrics.csv.")
    workers: int = Field(
        1,
        ge=0,
        le=64,
        description="Processes that decode photographs; 0 decodes in the training process.",
    )
    tensorboard: bool = Field(False, description="Also write TensorBoard logs.")

    def rate(self, step: int) -> float:
        """Return the step size of step 1, 2, ..."""
        rise = min(1.0, step / self.warmup) if self.warmup else 1.0
        if self.schedule == "cosine":
            progress = min(1.0, (step - 1) / self.steps)
            rise *= 0.05 + 0.95 * (1 + math.cos(math.pi * progress)) / 2
        elif self.schedule == "inverse":
            rise /= 1 + (step - 1) / 20_000
        return self.learning_rate * rise
