"""How strokes are held still over time: the settings of `--temporal`."""

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
        description="How much of the previous picture a frame keeps where it can be believed. "
        "Less follows slow changes sooner, and flickers more.",
    )
    tolerance: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Difference between what the kept picture was made of and the frame, of white, "
        "at which about a third of the belief is left.",
    )
    flow_scale: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Size at which motion is looked for relative to the frame's; never below 256 "
        "pixels. 1 holds stiller and takes four times as long for it.",
    )
    detail: float = Field(
        1.0,
        ge=0,
        le=1,
        description="How much of the fine detail that moving and blending cost is given back.",
    )
    cut: float = Field(
        0.5,
        gt=0,
        description="A new scene begins where motion leaves more than this unexplained, next to "
        "the frame's contrast.",
    )
