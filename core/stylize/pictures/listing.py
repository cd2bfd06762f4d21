"""The picture files that a command line or a folder stands for."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from stylize.errors import UsageError

__all__ = ["READABLE", "READABLE_EXTENSIONS", "expand_contents", "list_pictures"]

# Pillow's formats that hold pictures as pixels: EPS, for one, would run Ghostscript.
READABLE = {
    "AVIF": (".avif",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "HEIF": (".heic", ".heif", ".hif"),
    "JPEG": (".jpg", ".jpeg"),
    "JPEG2000": (".jp2",),
    "PNG": (".png",),
    "PPM": (".pbm", ".pgm", ".ppm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
READABLE_EXTENSIONS = frozenset(suffix for known in READABLE.values() for suffix in known)


def expand_contents(args: Sequence[str]) -> list[str]:
    """Return the content files that command-line arguments stand for.

    An argument is a file, "-", a folder (its picture files by extension, sorted, not those of
    folders within) or a glob that the shell did not expand (its files, sorted). Order is kept;
    duplicates are kept once. A missing file is kept: reading it reports the error.

    Raises:
        UsageError: a folder has no pictures, or a glob no files.
    """
    files: dict[str, str] = {}
    for arg in args:
        for file in _expand(arg):
            # Not resolve(): a link is a content of its own, with its own name.
            key = file if file == "-" else os.path.abspath(file)  # noqa: PTH100
            files.setdefault(key, file)
    return list(files.values())


def list_pictures(folder: str | Path) -> list[str]:
    """Return the picture files of a folder and of folders within, by extension, sorted."""
    return sorted(
        str(path)
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in READABLE_EXTENSIONS and path.is_file()
    )


def _expand(arg: str) -> list[str]:
    path = Path(arg)
    if path.is_dir():
        return _pictures_in(path)
    if arg == "-" or path.exists() or not glob.has_magic(arg):
        return [arg]
    files = sorted(file for file in glob.glob(arg, recursive=True) if Path(file).is_file())  # noqa: PTH207
    if not files:
        raise UsageError(f"{arg}: no file matches: check the pattern and the folder")
    return files


def _pictures_in(folder: Path) -> list[str]:
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be listed ({error.strerror}): check permissions"
        ) from error
    pictures = [
        str(file)
        for file in files
        if file.suffix.lower() in READABLE_EXTENSIONS
        and not file.name.startswith(".")
        and file.is_file()
    ]
    if not pictures:
        raise UsageError(
            f"{folder}: has no pictures ({', '.join(sorted(READABLE_EXTENSIONS))}): "
            "name another folder or a file"
        )
    return pictures
