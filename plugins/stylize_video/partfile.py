"""A file under another name until it is complete, so that no partial file takes its place."""

from __future__ import annotations

import contextlib
import secrets
from fractions import Fraction
from pathlib import Path

from stylize.command import import_extra, place_file
from stylize.errors import VideoError
from stylize_video.container import open_container

__all__ = ["PartFile"]


class PartFile:
    """The file that is written instead of `path`, beside it and with its extension.

    If the computer stops, the file can be recognised by its name, and played.

    Args:
        force: replace an existing file of that name in the end.

    Attributes:
        target: the finished file: `path`, or another name if that was taken in the meantime.
    """

    def __init__(self, path: Path, *, force: bool) -> None:
        self.target = path
        self._force = force
        self.path = path.with_name(f"{path.stem}.part-{secrets.token_hex(4)}{path.suffix}")

    @property
    def url(self) -> str:
        """The path in a form that FFmpeg accepts for any name."""
        return f"file:{self.path}"

    def keep(self) -> None:
        """Give the file its name."""
        self.target = place_file(self.path, self.target, force=self._force)

    def keep_playable(self) -> tuple[int, Fraction] | None:
        """Give an unfinished file its name if it can be played; else remove it.

        Returns:
            The number of playable frames and the end of the last one, in seconds; None if none.
        """
        try:
            frames, until = _play(self.path)
        except (VideoError, OSError):
            frames, until = 0, Fraction(0)
        if not frames:
            self.drop()
            return None
        self.keep()
        return frames, until

    def drop(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def _play(path: Path) -> tuple[int, Fraction]:
    """Return the number of frames that can be decoded, and the end of the last one."""
    error = import_extra("av.error", "video", "stylize video")
    frames, until = 0, Fraction(0)
    with open_container(path) as container, contextlib.suppress(error.FFmpegError):
        for frame in container.decode(video=0):
            frames += 1
            if frame.pts is not None:
                until = Fraction(frame.pts + frame.duration) * frame.time_base
    return frames, until
