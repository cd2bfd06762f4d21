"""Settings with one fault each, for the contracts to find."""

from __future__ import annotations

from pydantic import Field

from stylize.settings import Settings


class Undescribed(Settings):
    """A field that no help can tell about."""

    gain: float = 1.0


class Required(Settings):
    """A field without a default."""

    gain: float = Field(description="Slope at zero.")
