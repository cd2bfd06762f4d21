"""How strokes are held still over time: the settings of `--temporal`."""

from __future__ import annotations

from pydantic import Field

from stylize.settings import Settings

__all__ = ["TemporalSettings"]


class TemporalSettings(Settings):
    """Settings of temporal consistency: `--set temporal.NAME=VALUE` of `stylize video`."""

    strength: float = Field(
        0.8,
        ge=0,
        le=1,
        description="How much of the previous picture each frame keeps where it can be believed.",
    )
