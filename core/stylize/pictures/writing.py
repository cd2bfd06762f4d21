"""Writing pictures: checked early, whole or not at all, with the run's record."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from stylize.errors import OutputError
from stylize.files import write_file
from stylize.pictures import record as records
from stylize.pictures.tensors import to_pil

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_output", "write_image", "write_picture"]

_WRITABLE = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}


def check_output(
    path: str | Path,
    *,
    force: bool = False,
    inputs: Collection[str | Path] = (),
    extensions: Collection[str] = tuple(_WRITABLE),
) -> None:
    """Reject an output that could not be written, or that would destroy something.

    Meant to be called before any heavy work; `write_image` calls it again.

    Args:
        path: a file, or "-" for standard output, which is always accepted.
        force: allow replacing an existing file, unless it is one of `inputs`.
        inputs: files that the run reads; links to them count as them.
        extensions: those that the file may have, in lower case.

    Raises:
        OutputError: with the remedy.
    """
    if str(path) == "-":
        return
    path = Path(path)
    if path.is_dir():
        raise OutputError(f"{path}: is a folder: name a file in it, as {path / 'picture.png'}")
    if path.suffix.lower() not in extensions:
        raise OutputError(
            f"{path}: unknown extension {path.suffix!r}: use one of {', '.join(extensions)}"
        )
    _check_folder(path)
    if any(_same_file(path, Path(source)) for source in inputs):
        raise OutputError(f"{path}: is an input of this run: choose another name")
    if (path.exists() or path.is_symlink()) and not force:
        raise OutputError(f"{path}: exists: choose another name, or replace it with --force")


def write_image(
    pixels: Tensor,
    path: str | Path,
    *,
    alpha: Tensor | None = None,
    record: Mapping[str, Any] | None = None,
    force: bool = False,
    inputs: Collection[str | Path] = (),
    quality: int = 95,
) -> None:
    """Write (1, 3, H, W) pixels in [0, 1] to a file, whole or not at all.

    Args:
        path: its extension chooses PNG, JPEG, WebP or TIFF; "-" is PNG to standard output.
        alpha: (1, 1, H, W) in [0, 1]. JPEG holds none: the picture is laid over white.
        record: the run's record, for `read_record`.
        force, inputs: as for `check_output`.
        quality: of JPEG and WebP, 1 to 100.

    Raises:
        OutputError: the place is rejected, the disk is full, or the format cannot hold the picture.
        NonFiniteError: a pixel is NaN or infinite.
    """
    check_output(path, force=force, inputs=inputs)
    _write(to_pil(pixels, alpha), path, record, quality, force=force)


def write_picture(
    picture: Image.Image,
    path: str | Path,
    *,
    force: bool = False,
    inputs: Collection[str | Path] = (),
) -> None:
    """Write an RGB or RGBA picture that was drawn (a contact sheet, a plot), whole or not at all.

    Args:
        path: its extension chooses the format, as for `write_image`.
        force, inputs: as for `check_output`.

    Raises:
        OutputError: as for `write_image`.
    """
    check_output(path, force=force, inputs=inputs)
    _write(picture, path, None, 95, force=force)


def _check_folder(path: Path) -> None:
    folder = path.parent
    if not folder.exists():
        raise OutputError(f"{path}: there is no folder {folder}: create it first")
    if not folder.is_dir():
        raise OutputError(f"{path}: {folder} is not a folder: choose another one")
    try:  # Permission bits do not show read-only disks, quotas or the root user.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"{path}: cannot write in folder {folder} ({error.strerror}): choose another one"
        ) from error


def _same_file(path: Path, other: Path) -> bool:
    return path.exists() and other.exists() and path.samefile(other)


def _write(
    picture: Image.Image,
    path: str | Path,
    record: Mapping[str, Any] | None,
    quality: int,
    *,
    force: bool,
) -> None:
    file_format = "PNG" if str(path) == "-" else _WRITABLE[Path(path).suffix.lower()]
    try:
        data = _encode(picture, file_format, record, quality)
    except (OSError, ValueError) as error:
        raise OutputError(
            f"{path}: {file_format} cannot hold this picture ({error}): use .png"
        ) from error
    write_file(path, data, force=force)


def _encode(
    picture: Image.Image, file_format: str, record: Mapping[str, Any] | None, quality: int
) -> bytes:
    options: dict[str, Any] = records.embed(record, file_format) if record is not None else {}
    if file_format == "JPEG":
        if picture.mode == "RGBA":
            white = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(white, picture).convert("RGB")
        # Full-resolution colour: halved, it smears the saturated strokes of a painting.
        options |= {"quality": quality, "subsampling": 0}
    elif file_format == "WEBP":
        options |= {"quality": quality}
    elif file_format == "TIFF":
        options |= {"compression": "tiff_deflate"}
    buffer = BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()
