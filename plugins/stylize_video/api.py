"""The Python functions for clips: making a video, and reading the first frame."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stylize import (
    MAX_PIXELS,
    ImageSource,
    Observer,
    PluginHost,
    Stylizer,
    as_sources,
    deadline_of,
    load_preset,
    make_settings,
    merge_settings,
)
from stylize_video.choosing import choose_method
from stylize_video.making import VideoResult, make_video
from stylize_video.opening import open_clip
from stylize_video.settings import VideoSettings, make_video_settings
from stylize_video.temporal import TemporalSettings

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["first_frame", "stylize_video"]


def stylize_video(
    content: str | Path,
    style: ImageSource | Sequence[ImageSource] | None,
    output: str | Path,
    *,
    temporal: bool | TemporalSettings = True,
    force: bool = False,
    preset: str | None = None,
    host: PluginHost | None = None,
    observers: Sequence[Observer] = (),
    cancelled: threading.Event | None = None,
    max_pixels: int = MAX_PIXELS,
    **settings: object,
) -> VideoResult:
    """Make one video, frame by frame, with the clip's times, sound and subtitles.

    Args:
        content: a video file, a GIF, or a folder of numbered pictures.
        style: the painting, or several; None for a model that has learnt its style. Without
            `method` and `model`, a method that applies a model of its own to any painting is used,
            if there is one, else gatys.
        output: a .mp4, .m4v, .mov, .mkv, .webm or .gif file, or frames/%06d.png.
        temporal: whether, or how, strokes are kept stable over time.
        force: replace an existing output.
        preset, host: as in `stylize_image`.
        observers: receive the progress in frames, and each frame as soon as it is finished.
        cancelled: set it to stop early and keep the frames made so far.
        max_pixels: the largest frame or painting that is accepted.
        settings: any of `RunSettings` and `VideoSettings`, and options of parts, such as
            `model="mosaic", start=2, fps=12`. `time` limits the whole video.

    Raises: StylizeError for anything that the caller can fix; its notes report the part of an
        unfinished video that is kept.
    """
    started = time.monotonic()
    host = host or PluginHost.discover()
    own = {k: v for k, v in settings.items() if k in VideoSettings.model_fields}
    others = {k: v for k, v in settings.items() if k not in own}
    base = load_preset(host, preset).settings if preset else {}
    chosen = choose_method(host, make_settings(merge_settings(base, others), host))
    return make_video(
        Stylizer(
            chosen.model_copy(update={"time": None}),
            host,
            max_pixels=max_pixels,
            cancelled=cancelled,
        ),
        content,
        as_sources(style),
        output,
        make_video_settings(own),
        temporal=temporal,
        force=force,
        observers=observers,
        deadline=deadline_of(started, chosen.time),
    )


def first_frame(
    content: str | Path, *, size: int | None = None, max_pixels: int = MAX_PIXELS
) -> Image.Image:
    """Return the first frame of a clip, upright, RGB.

    Args:
        content: a video file, a GIF, or a folder of numbered pictures.
        size: longer side in pixels; smaller clips keep their size, None keeps any.
        max_pixels: the largest frame that is accepted.

    Raises: VideoError, ImageError, ExtraMissingError.
    """
    from PIL import Image

    opened = open_clip(
        Path(content), VideoSettings(), lambda _: None, size=size, max_pixels=max_pixels
    )
    with opened as clip:
        return Image.fromarray(next(iter(clip)).pixels)
