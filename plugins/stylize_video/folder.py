"""Reading and writing a folder of numbered pictures as a clip."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np

from stylize import expand_contents, open_image, read_image, resize, write_image
from stylize.errors import ImageError, OutputError, VideoError
from stylize_video.decoding import FALLBACK_RATE
from stylize_video.frames import ClipInfo, Frame, Pixels, Tell, frame_size

__all__ = ["NumberedWriter", "PictureFolder", "numbered_files"]


def numbered_files(folder: Path) -> list[Path]:
    """Return the pictures of a folder in the order of the last number in their names.

    Raises: VideoError if there are none, or if one has no number.
    """
    files = [Path(name) for name in expand_contents([str(folder)])]
    numbers: dict[Path, int] = {}
    for file in files:
        digits = re.findall(r"\d+", file.stem)
        if not digits:
            raise VideoError(
                f"{file}: has no number, but the pictures of a clip are ordered by number: rename "
                f"it, or move it elsewhere"
            )
        numbers[file] = int(digits[-1])
    return sorted(files, key=lambda file: (numbers[file], file.name))


class PictureFolder:
    """The pictures of a folder as a clip at a constant rate.

    Args:
        folder: contains pictures of one size.
        size: longer side of the frames; smaller pictures keep their size, None keeps any.
        start: time of the first frame to read, in seconds from the first picture.
        rate: pictures per second.
        tell: receives warnings.

    Raises: VideoError, ImageError.
    """

    def __init__(
        self,
        folder: Path,
        *,
        size: int | None,
        start: Fraction | None,
        rate: Fraction | None,
        max_pixels: int,
        tell: Tell,
    ) -> None:
        self._tell = tell
        self._max_pixels = max_pixels
        files = numbered_files(folder)
        rate = rate or FALLBACK_RATE
        skipped = 0 if start is None else -(-start * rate // 1)
        self._skipped = int(skipped)
        if self._skipped >= len(files):
            raise VideoError(
                f"--start {float(start or 0):g} is beyond the end of {folder} "
                f"({float(len(files) / rate):g} s at {float(rate):g} per second): choose an "
                f"earlier time"
            )
        self._files = files[self._skipped :]
        original = self._check_sizes(files)
        self.info = ClipInfo(
            path=folder,
            size=frame_size(original, size),
            original_size=original,
            rate=rate,
            tick=1 / rate,
            duration=len(files) / rate,
            first=self._skipped / rate,
        )

    def __iter__(self) -> Iterator[Frame]:
        """Yield the pictures in order, skipping unreadable ones with a warning."""
        rate = self.info.rate
        given = 0
        for number, file in enumerate(self._files, self._skipped):
            try:
                picture = read_image(file, max_pixels=self._max_pixels, as_bytes=True)
            except ImageError as error:
                self._tell(f"{error} (skipped; the previous picture is shown instead)")
                continue
            pixels = resize(picture.pixels, self.info.size[::-1])[0].permute(1, 2, 0).numpy()
            if picture.alpha is not None:
                alpha = resize(picture.alpha, self.info.size[::-1])[0, 0, :, :, None].numpy()
                pixels = (pixels * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
            given += 1
            yield Frame(np.ascontiguousarray(pixels), number / rate, 1 / rate)
        if not given:
            raise VideoError(f"{self.info.path}: none of its pictures can be read: see above")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def _check_sizes(self, files: list[Path]) -> tuple[int, int]:
        """Return the common upright size of all pictures, from their headers."""
        sizes: dict[tuple[int, int], Path] = {}
        transparent = False
        for file in files:
            try:
                with open_image(file) as (image, _):
                    turned = False
                    with contextlib.suppress(Exception):  # invalid EXIF data
                        turned = image.getexif().get(0x0112, 1) >= 5
                    sizes.setdefault(image.size[::-1] if turned else image.size, file)
                    transparent |= image.has_transparency_data
            except ImageError:
                continue  # reported when it is its turn
        if not sizes:
            raise VideoError(f"{files[0].parent}: none of its pictures can be read: choose another")
        if len(sizes) > 1:
            (one, first), (two, second), *_ = sizes.items()
            raise VideoError(
                f"{second}: is {two[0]}x{two[1]}, but {first} is {one[0]}x{one[1]}: the pictures "
                f"of a clip must have the same size"
            )
        if transparent:
            self._tell(f"{files[0].parent}: is partly transparent: laid over white")
        return next(iter(sizes))


class NumberedWriter:
    """Writes frames as pictures: frames/000001.png and so on, each with the record of the run.

    Args:
        folder: created if necessary.
        pattern: pattern of names, such as %06d.png.
        force: overwrite pictures with such names.
    """

    def __init__(
        self, folder: Path, pattern: str, record: Mapping[str, Any] | None, *, force: bool
    ) -> None:
        self.path = folder / pattern
        self._folder = folder
        self._pattern = pattern
        self._record = record
        self._force = force
        self._written: list[Path] = []
        self._made = False
        self._until = Fraction(0)
        if (folder / (pattern % 1)).exists() and not force:
            raise OutputError(
                f"{folder / (pattern % 1)}: exists: choose another folder, or replace the pictures "
                f"in it with --force"
            )
        try:
            if not folder.exists():
                folder.mkdir()
                self._made = True
        except OSError as error:
            raise OutputError(
                f"{folder}: cannot be created ({error.strerror}): create it first"
            ) from error

    def write(self, pixels: Pixels, time: Fraction, duration: Fraction) -> None:
        """Write the next picture. Raises: OutputError."""
        from stylize_video.tensors import to_tensor

        path = self._folder / (self._pattern % (len(self._written) + 1))
        record = None
        if self._record is not None:
            record = {**self._record, "frame": len(self._written) + 1, "time": float(time)}
        write_image(to_tensor(pixels), path, record=record, force=self._force)
        self._written.append(path)
        self._until = time + duration

    def finish(self, *, whole: bool = True) -> None:
        """Do nothing: each picture is complete as soon as it is written."""
        del whole

    def keep_playable(self) -> tuple[int, Fraction] | None:
        """Keep the pictures, as each is complete."""
        return (len(self._written), self._until) if self._written else None

    def drop(self) -> None:
        """Remove the pictures of this run."""
        for path in self._written:
            path.unlink(missing_ok=True)
        if self._made:
            self._folder.rmdir()
