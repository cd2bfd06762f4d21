"""The record of a run inside its picture, from which the picture can be made again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from stylize.errors import ImageError, UsageError
from stylize.pictures.reading import open_image

__all__ = ["RecordKind", "embed", "limit_record", "read_record"]

# How much of the record a file holds: everything, everything but folders, or nothing.
RecordKind = Literal["full", "names", "none"]
_KEY = "stylize"
# EXIF has no keys, and cameras fill the same tags: this mark identifies the record.
_MARK = "stylize record: "
_ASCII = b"ASCII\0\0\0"  # the character code that EXIF wants before a user comment


def embed(record: Mapping[str, Any], file_format: str) -> dict[str, Any]:
    """Return the arguments of `Image.save` that put `record` into a file.

    Args:
        record: anything that JSON holds.
        file_format: Pillow's name: PNG, JPEG, WEBP or TIFF. JPEG holds up to 64 KB of record.
    """
    text = json.dumps(record)  # ASCII, whatever the names of the inputs
    if file_format == "PNG":
        info = PngInfo()
        info.add_text("Software", _KEY)
        info.add_text(_KEY, text, zip=True)
        return {"pnginfo": info}
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = _KEY
    if file_format == "TIFF":  # Pillow writes no EXIF directory, where user comments live
        exif[ExifTags.Base.ImageDescription] = _MARK + text
    else:  # not the description, which photo viewers show as a caption
        comment = _ASCII + (_MARK + text).encode("ascii")
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return {"exif": exif}


def limit_record(record: Mapping[str, Any], kind: RecordKind) -> dict[str, Any] | None:
    """Return the record for a file, in which the user's folders may be private.

    Args:
        kind: "full" gives all of it, "names" file names in place of paths, "none" None.

    Raises: UsageError for any other kind.
    """
    if kind == "none":
        return None
    if kind == "full":
        return dict(record)
    if kind != "names":
        raise UsageError(f"record {kind!r} is not one of full, names, none")
    inputs = [given for given in (record.get("content"), *record.get("styles", ())) if given]
    paths = {given[key] for given in inputs for key in ("name", "path")}
    named: dict[str, Any] = _without_folders(record, paths)
    return named


def _without_folders(value: Any, paths: set[str]) -> Any:
    """Return JSON in which all paths, and all texts that name a file here, are file names."""
    if isinstance(value, Mapping):
        return {key: _without_folders(each, paths) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_folders(each, paths) for each in value]
    if isinstance(value, str) and (
        value in paths or Path(value).is_absolute() or (Path(value).name != value and _is(value))
    ):
        return Path(value).name
    return value


def _is(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # the text cannot be a path
        return False


def read_record(path: str | Path) -> dict[str, Any]:
    """Return the record that stylize wrote into a picture. The pixels are not decoded.

    Raises:
        ImageError: the file is missing or no picture, or has no record or a damaged one.
    """
    with open_image(path) as (image, name):
        text = _text_in(image)
    if text is None:
        raise ImageError(
            f"{name}: has no stylize record: only pictures made by stylize can be rerun"
        )
    try:
        record = json.loads(text)
    except ValueError as error:
        raise ImageError(f"{name}: its stylize record is damaged: use an unedited copy") from error
    if not isinstance(record, dict):
        raise ImageError(f"{name}: its stylize record is damaged: use an unedited copy")
    return record


def _text_in(image: Image.Image) -> str | None:
    """Return the JSON text of the record in an open_image picture, or None."""
    if _KEY in image.info:
        return str(image.info[_KEY])
    try:
        exif = image.getexif()
        comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
    except Exception:  # malformed data
        return None
    for value in (comment, exif.get(ExifTags.Base.ImageDescription)):
        text = (
            value.removeprefix(_ASCII).decode("ascii", "replace")
            if isinstance(value, bytes)
            else value
        )
        if isinstance(text, str) and text.startswith(_MARK):
            return text.removeprefix(_MARK)
    return None
