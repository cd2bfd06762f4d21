"""Settings with one fault each, for the contracts to find."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stylize import CommandOption, Settings


class Undescribed(Settings):
    """A field without a description."""

    gain: float = 1.0


class Required(Settings):
    """A field without a default."""

    gain: float = Field(description="Slope at zero.")


class FadeSettings(Settings):
    """Honest: the number of steps of a method."""

    steps: int = Field(5, ge=1, description="How many.")


class OfTheRun(Settings):
    """An option that every run has."""

    gain: Annotated[float, CommandOption("--strength")] = Field(1.0, description="Slope at zero.")


class OfTheCommand(Settings):
    """An option that the command has, under another name in Python."""

    gain: Annotated[float, CommandOption("--json")] = Field(1.0, description="Slope at zero.")


class OfAnotherType(Settings):
    """An option that adain has as a float."""

    size: Annotated[int, CommandOption("--stroke-size")] = Field(1, description="In pixels.")


class Shared(Settings):
    """Honest: an option that adain has with the same type, and a free one."""

    size: Annotated[float, CommandOption("--stroke-size")] = Field(1.0, description="Relative.")
    gain: Annotated[float, CommandOption("--curve-gain")] = Field(1.0, description="Slope at zero.")
