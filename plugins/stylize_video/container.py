"""Opening video files with PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stylize.command import import_extra
from stylize.errors import VideoError

__all__ = ["open_container", "video_errors"]

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

    Raises: VideoError where it is missing, empty, a picture or nothing that FFmpeg knows.
    """
    av = import_extra("av", "video", "stylize video")
    if not path.exists():
        raise VideoError(f"{path}: no such file: check the name and the folder")
    try:
        if path.stat().st_size == 0:
            raise VideoError(f"{path}: is empty (0 bytes): fetch or export it again")
        with path.open("rb"):
            pass
    except OSError as error:
        raise VideoError(f"{path}: cannot be opened ({error.strerror}): check it") from error
    with video_errors(path):
        # The protocol is named, or a file called 12:30.mp4 would be one of its own.
        container = av.open(f"file:{path}", metadata_errors="replace")
    known = container.format.name
    if known in PICTURE_FORMATS or known.endswith("_pipe"):
        container.close()
        raise VideoError(
            f"{path}: is a picture, not a video: use stylize {path} ..., or name a folder of "
            f"numbered pictures"
        )
    return container
