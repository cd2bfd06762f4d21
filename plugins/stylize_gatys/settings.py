"""Settings of the gatys method, and what `--quality` means to it."""

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
        description="Start of the picture: content, noise, or style (noise of the style's "
        "colours). auto takes content, or noise if there is no style or no content.",
    )
