"""A file under another name until it is whole, so that nothing half-written takes its place."""

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
    """The file that is written in place of `path`, beside it and with its extension.

    Should the computer stop, it can be told by its name, and played.

    Args:
        force: replace a file of that name in the end.

    Attributes:
        target: the finished file: `path`, or another name where that has been taken meanwhile.
    """

    def __init__(self, path: Path, *, force: bool) -> None:
        self.target = path
        self._force = force
        self.path = path.with_name(f"{path.stem}.part-{secrets.token_hex(4)}{path.suffix}")

    @property
    def url(self) -> str:
        """The path as FFmpeg takes it, whatever is in the name."""
        return f"file:{self.path}"

    def keep(self) -> None:
        """Give the file its name."""
        self.target = place_file(self.path, self.target, force=self._force)

    def keep_playable(self) -> tuple[int, Fraction] | None:
        """Give a file that was not ended its name if it can be played; else remove it.

        Returns:
            How many frames can be played, and until when, in seconds; None where none can.
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
    """Return how many frames of a file can be decoded, and until when they are shown."""
    error = import_extra("av.error", "video", "stylize video")
    frames, until = 0, Fraction(0)
    with open_container(path) as container, contextlib.suppress(error.FFmpegError):
        for frame in container.decode(video=0):
            frames += 1
            if frame.pts is not None:
                until = Fraction(frame.pts + frame.duration) * frame.time_base
    return frames, until
