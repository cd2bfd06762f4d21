"""Settings of the gatys method, and its schedule for each `--quality`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stylize import DescentSettings, Quality, Schedule

SCHEDULES: dict[Quality, Schedule] = {
    "draft": Schedule((1.0,), (40,)),
    "good": Schedule((0.5, 1.0), (40, 100)),
    "best": Schedule((0.5, 1.0), (60, 300)),
}


class GatysSettings(DescentSettings):
    """Settings of the gatys method."""

    init: Literal["auto", "content", "noise", "style"] = Field(
        "auto",
        description="Initial picture: content, noise, or style (noise in the style's colours). "
        "auto: content, or noise if there is no style, or style if there is no content.",
    )
