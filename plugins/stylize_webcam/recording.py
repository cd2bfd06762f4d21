"""A recording of the pictures shown, each at its own time."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from stylize.command import import_extra, place_file
from stylize.errors import OutputError
from stylize_webcam.cameras import Pixels

__all__ = ["SUFFIXES", "Recording", "check_recording"]

SUFFIXES = (".mp4", ".mov", ".mkv")
# Best first; FFmpeg may be built without the first.
CODECS = ("libx264", "mpeg4")
TICK = Fraction(1, 1000)


def check_recording(path: Path, camera: str, *, force: bool) -> None:
    """Check that a recording can be written to a path, and is not the file that serves as camera.

    Raises: OutputError.
    """
    if path.is_dir():
        raise OutputError(f"-o {path}: is a folder: name a file, as {path / 'webcam.mp4'}")
    if path.suffix.lower() not in SUFFIXES:
        named = path.with_suffix(SUFFIXES[0])
        raise OutputError(f"-o {path}: a recording ends in {', '.join(SUFFIXES)}: use {named}")
    if not path.parent.is_dir():
        raise OutputError(f"-o {path}: there is no folder {path.parent}: make it first")
    if path.exists() and Path(camera).exists() and path.samefile(camera):
        raise OutputError(f"-o {path}: is the camera's file: choose another name")
    if path.exists() and not force:
        raise OutputError(f"-o {path}: exists: choose another name, or replace it with --force")


class Recording:
    """A video file being written, under another name until it is complete.

    Args:
        size: (width, height) of the pictures; an odd side loses a pixel.

    Raises: ExtraMissingError; OutputError.
    """

    def __init__(self, path: Path, size: tuple[int, int], *, force: bool) -> None:
        self._av = import_extra("av", "video", "recording")
        self.path, self.pictures = path, 0
        self._force = force
        self._part = path.with_name(f".stylize-{path.name}")
        self._width, self._height = (side // 2 * 2 for side in size)
        try:
            self._container: Any = self._av.open(str(self._part), "w")
        except OSError as error:
            raise self._failed(error) from error
        codec = next(name for name in CODECS if name in self._av.codecs_available)
        self._stream = self._container.add_stream(codec, rate=30)
        self._stream.width, self._stream.height = self._width, self._height
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = TICK
        self._last = -1

    def write(self, picture: Pixels, seconds: float) -> None:
        """Add a picture (H, W, 3) that is shown from `seconds` on. Raises: OutputError."""
        pixels = picture[: self._height, : self._width]
        frame = self._av.VideoFrame.from_ndarray(pixels.copy(), format="rgb24")
        self._last = max(self._last + 1, round(seconds / TICK))
        frame.pts, frame.time_base = self._last, TICK
        try:
            self._container.mux(self._stream.encode(frame))
        except OSError as error:
            raise self._failed(error) from error
        self.pictures += 1

    def finish(self) -> Path:
        """Complete the file, give it its name and return its path. Raises: OutputError."""
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            return place_file(self._part, self.path, force=self._force)
        except OSError as error:
            raise self._failed(error) from error

    def drop(self) -> None:
        """Remove the incomplete file."""
        self._part.unlink(missing_ok=True)

    def _failed(self, error: OSError) -> OutputError:
        self.drop()
        return OutputError(
            f"{self.path}: cannot be written ({error.strerror or error}): free some space or write "
            f"elsewhere"
        )
