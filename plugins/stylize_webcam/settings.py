"""The settings of `stylize webcam`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stylize import Duration, Settings

__all__ = ["WebcamSettings"]


class WebcamSettings(Settings):
    """Settings of `stylize webcam`."""

    camera: str = Field(
        "0", description="A camera's number, a video file that plays as one, or test: a pattern."
    )
    size: int = Field(
        320, ge=32, le=4096, description="Longer side of the picture in pixels: smaller is faster."
    )
    time: Annotated[Duration, Field(gt=0)] | None = Field(
        None, description="End after this time: 60s, 2m."
    )
