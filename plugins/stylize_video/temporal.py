"""Settings of temporal consistency, for `--temporal`."""

from __future__ import annotations

from pydantic import Field

from stylize import Settings

__all__ = ["TemporalSettings"]


class TemporalSettings(Settings):
    """Settings of temporal consistency: `--set temporal.NAME=VALUE` of `stylize video`."""

    strength: float = Field(
        0.95,
        ge=0,
        le=1,
        description="Share of the previous picture that a frame keeps if it can be fully trusted. "
        "Smaller values follow slow changes sooner and flicker more.",
    )
    tolerance: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Difference between the source of the kept picture and the frame, relative to "
        "white, at which about a third of the trust is left.",
    )
    flow_scale: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Size at which motion is estimated, relative to the frame's, but at least 256 "
        "pixels. 1 is more stable, but the estimation takes four times as long.",
    )
    detail: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the fine detail lost in moving and blending that is restored.",
    )
    cut: float = Field(
        0.5,
        gt=0,
        description="A new scene begins if motion leaves more than this share of the frame's "
        "contrast unexplained.",
    )
