"""Opening video files with PyAV."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stylize import tell_missing
from stylize.command import import_extra
from stylize.errors import VideoError

__all__ = ["choose_video", "open_container", "video_errors"]

# Number of packets read to find out which of several streams is the film.
READ = 2000
PICTURE_FORMATS = frozenset({"image2", "ico", "alias_pix", "brender_pix", "tiff", "svg_pipe"})


@contextmanager
def video_errors(path: Path) -> Iterator[None]:
    """Turn FFmpeg's errors into VideoError, with the file's name and the remedy."""
    error_module = import_extra("av.error", "video", "stylize video")
    try:
        yield
    except error_module.EOFError as error:
        raise VideoError(f"{path}: has no frames: fetch or export it again") from error
    except error_module.FFmpegError as error:
        raise VideoError(
            f"{path}: cannot be read as a video ({error.strerror}): fetch it again, or convert it "
            f"to MP4"
        ) from error


def open_container(path: Path) -> Any:
    """Open a file with PyAV.

    Raises: VideoError if it is missing, empty, a picture or unknown to FFmpeg.
    """
    av = import_extra("av", "video", "stylize video")
    if not path.exists():
        raise VideoError(tell_missing(path))
    try:
        if path.stat().st_size == 0:
            raise VideoError(f"{path}: is empty (0 bytes): fetch or export it again")
        with path.open("rb"):
            pass
    except OSError as error:
        raise VideoError(f"{path}: cannot be opened ({error.strerror}): check it") from error
    with video_errors(path):
        # With the protocol, as FFmpeg would take the 12 of 12:30.mp4 for one.
        container = av.open(f"file:{path}", metadata_errors="replace")
    known = container.format.name
    if known in PICTURE_FORMATS or known.endswith("_pipe"):
        container.close()
        raise VideoError(
            f"{path}: is a picture, not a video: use stylize {path} ..., or name a folder of "
            f"numbered pictures"
        )
    return container


def choose_video(container: Any, path: Path, tell: Callable[[str], None]) -> Any:
    """Return the video stream with the most frames, which is not a cover or a still.

    Args:
        container: open; it is not read.
        tell: called with a line about other streams.

    Raises: VideoError if there is none, or its codec is unknown.
    """
    av_stream = import_extra("av.stream", "video", "stylize video")
    cover = av_stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        held = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        raise VideoError(f"{path}: has no video stream (it holds {held}): choose another")
    known = [stream for stream in streams if stream.codec_context is not None]
    if not known:
        raise VideoError(f"{path}: its codec is unknown to this FFmpeg: convert it to MP4")
    if len(streams) == 1:
        return streams[0]
    counts = dict.fromkeys((stream.index for stream in known), 0)
    with open_container(path) as other, video_errors(path):
        same = [other.streams[index] for index in counts]
        for packet in itertools.islice(other.demux(*same), READ):
            counts[packet.stream.index] += bool(packet.size)
    film = max(known, key=lambda stream: (stream.frames or counts[stream.index], -stream.index))
    tell(
        f"{path}: has {len(streams)} video streams: the one with the most frames is used "
        f"({film.width}x{film.height})"
    )
    return film
