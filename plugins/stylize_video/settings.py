"""The settings of a video besides its style: the part, the frame rate and the encoding."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from stylize import Duration, Settings, parse_settings
from stylize_video.temporal import TemporalSettings

__all__ = [
    "CODECS",
    "VideoSettings",
    "clock",
    "make_temporal_settings",
    "make_video_settings",
    "parse_rate",
    "settings_record",
]

CODECS = Literal["auto", "h264", "hevc", "av1", "vp9", "mpeg4", "ffv1"]
# Broadcast rates are often given rounded: 29.97 means 30000/1001.
NTSC = Fraction(1000, 1001)
FASTEST = 1000


def parse_rate(text: object) -> Fraction:
    """Read frames per second exactly, such as 25, 29.97, 23.976 or 30000/1001.

    Raises: ValueError.
    """
    try:
        rate = Fraction(str(text).strip())
    except (ValueError, ZeroDivisionError):
        raise ValueError("must be frames per second, such as 25, 29.97 or 30000/1001") from None
    if not 0 < rate <= FASTEST:
        raise ValueError(f"must be above 0 and at most {FASTEST} frames per second")
    whole = round(rate / NTSC)
    if rate.denominator != 1 and whole and abs(rate - whole * NTSC) < Fraction(1, 200):
        return whole * NTSC
    return rate


def clock(seconds: float | Fraction) -> str:
    """Return a time in readable form: 0:07.480 or 1:02:03.500."""
    thousandths = round(seconds * 1000)
    whole, rest = divmod(thousandths, 1000)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    start = f"{hours}:{minute:02}" if hours else f"{minute}"
    return f"{start}:{second:02}.{rest:03}"


def _parse_rate_text(value: object) -> object:
    return value if value is None else str(parse_rate(value))


Time = Annotated[Duration, Field(ge=0)]
Rate = Annotated[str, BeforeValidator(_parse_rate_text)]


class VideoSettings(Settings):
    """Settings of a video besides its style, which are options of `stylize video`."""

    start: Time | None = Field(
        None, description="Begin at this time of the clip: 12.5, 90s or 1:02:03.5."
    )
    end: Time | None = Field(None, description="End before this time of the clip.")
    fps: Rate | None = Field(
        None,
        description="Frames per second, such as 12 or 30000/1001; frames are skipped or repeated. "
        "For a folder of pictures, their rate (25 by default).",
    )
    codec: CODECS = Field(
        "auto",
        description="Video codec; auto: h264 in MP4, MOV and MKV, vp9 in WebM.",
    )
    crf: float | None = Field(
        None,
        ge=0,
        le=63,
        description="Compression: smaller values mean better quality and larger files. With h264, "
        "18 looks like the original. The default is each codec's value for that quality.",
    )
    sound: bool = Field(
        True,
        description="Keep sound, subtitles and chapters, lossless if the file format allows it.",
    )

    @model_validator(mode="after")
    def _in_order(self) -> VideoSettings:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError(
                f"start {self.start:g} s is not before end {self.end:g} s: swap or change them"
            )
        return self

    @property
    def rate(self) -> Fraction | None:
        """`fps` as a number."""
        return None if self.fps is None else Fraction(self.fps)


def make_video_settings(values: Mapping[str, object]) -> VideoSettings:
    """Validate settings given as Python values or as text from a command line.

    Raises: UnknownNameError, SettingsError.
    """
    return parse_settings(VideoSettings, values)


def make_temporal_settings(values: Mapping[str, object]) -> TemporalSettings:
    """Validate settings of temporal consistency in the same way.

    Raises: UnknownNameError, SettingsError.
    """
    return parse_settings(TemporalSettings, values)


def settings_record(
    settings: VideoSettings, temporal: bool | TemporalSettings
) -> dict[str, dict[str, Any] | None]:
    """Return the part of a record about the settings of videos."""
    held = TemporalSettings() if temporal is True else temporal
    return {
        "video": settings.model_dump(mode="json"),
        "temporal": held.model_dump(mode="json") if held else None,
    }
