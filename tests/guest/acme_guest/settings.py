"""Settings that may misbehave."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from acme_guest import act
from stylize import Settings

__all__ = ["CurveSettings"]


class CurveSettings(Settings):
    """Of the curve."""

    gain: float = Field(1.0, gt=0, description="Slope at zero.")

    @model_validator(mode="after")
    def look(self) -> Self:
        act("settings")
        return self
