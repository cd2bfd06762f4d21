"""Settings shared by iterative methods: how to descend, at which sizes, how long. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from stylize.contract.settings import Settings
from stylize.errors import SettingsError

__all__ = ["DescentSettings", "Schedule"]

Fraction = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]


def _as_several(value: object) -> object:
    """Read one number as a tuple of one."""
    return (value,) if isinstance(value, int | float) else value


Fractions = Annotated[tuple[Fraction, ...], BeforeValidator(_as_several)]
Counts = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_as_several)]


@dataclass(frozen=True)
class Schedule:
    """A coarse-to-fine schedule: sizes as fractions of the picture's, and evaluations at each."""

    scales: tuple[float, ...]
    iterations: tuple[int, ...]


class DescentSettings(Settings):
    """How to descend, at which sizes and how long; a method's settings extend it."""

    optimizer: Literal["lbfgs", "adam"] = Field(
        "lbfgs", description="lbfgs gives better pictures; adam needs less memory."
    )
    learning_rate: float | None = Field(
        None, gt=0, description="Step size; by default 1 for lbfgs and 0.02 for adam."
    )
    history: Count = Field(
        10, description="Steps that lbfgs remembers; each needs the memory of two pictures."
    )
    whiten: float = Field(
        0.35,
        ge=0,
        le=2,
        description="How far lbfgs evens out spatial frequencies, an exponent; 0 works on plain "
        "pixels, as the paper does, and takes several times as long.",
    )
    box: float = Field(
        100.0,
        ge=0,
        description="Weight that keeps pixels within 0 to 1 while optimising, relative to the "
        "first objective; 0 only clips the finished picture, which loses part of what was reached.",
    )
    temporal_weight: float = Field(
        100.0,
        ge=0,
        description="For a video's frames: weight of the mean squared difference from the previous "
        "picture, moved along, relative to the first objective. Larger values give more stable "
        "strokes.",
    )
    scales: Fractions | None = Field(
        None,
        description="Sizes to work at, as fractions, ending in 1: 0.5,1; the quality sets the "
        "default.",
    )
    iterations: Counts | None = Field(
        None,
        description="Evaluations at each scale, or one number for all; the quality sets the "
        "default. 0 stops at that scale and enlarges the picture so far.",
    )

    @field_validator("scales")
    @classmethod
    def _check_scales(cls, scales: Fractions | None) -> Fractions | None:
        if scales is not None and (scales[-1:] != (1.0,) or list(scales) != sorted(set(scales))):
            raise ValueError("must rise and end in 1, as 0.5,1")
        return scales

    @field_validator("iterations")
    @classmethod
    def _check_iterations(cls, iterations: Counts | None) -> Counts | None:
        if iterations is not None and not all(iterations[:1]):
            raise ValueError("the first must be greater than or equal to 1")
        return iterations

    def schedule(self, usual: Schedule, owner: str) -> Schedule:
        """Return the work at each scale: as set, or else the method's usual one.

        Args:
            usual: the method's own for the requested quality.
            owner: the method's name, for messages.

        Raises: SettingsError if there are neither one nor as many iterations as scales.
        """
        scales = self.scales or (usual.scales if self.iterations is None else None)
        iterations = self.iterations
        if scales is None:
            assert iterations is not None
            scales = (1.0,) if len(iterations) == 1 else usual.scales
        if iterations is None:
            iterations = usual.iterations[-1:]
            if len(scales) == len(usual.scales):
                iterations = usual.iterations
        if len(iterations) == 1:
            iterations *= len(scales)
        if len(iterations) != len(scales):
            raise SettingsError(
                f"{owner}: {len(iterations)} iterations for {len(scales)} scales: give as many"
            )
        return Schedule(scales, iterations)
