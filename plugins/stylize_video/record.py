"""The record of a run in its video: the inputs and settings for making it again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylize.command import sha256_of
from stylize.errors import VideoError
from stylize_video.container import open_container
from stylize_video.folder import numbered_files

if TYPE_CHECKING:
    from stylize import ImageSource

__all__ = ["comment_of", "hash_clip", "inputs_record", "read_video_record"]

# Any program may write comments: this mark identifies the record, as in pictures.
MARK = "stylize record: "


def comment_of(record: Mapping[str, Any]) -> str:
    """Return the text for a file's comment, in ASCII."""
    return MARK + json.dumps(record)


def read_video_record(path: Path) -> dict[str, Any]:
    """Return the record that stylize wrote into a video.

    Raises: VideoError if the file is missing or not a video, or has no valid record.
    """
    with open_container(path) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}
    comment = tags.get("comment", "")
    if not comment.startswith(MARK):
        raise VideoError(f"{path}: has no stylize record: only videos made by stylize can be rerun")
    try:
        record = json.loads(comment.removeprefix(MARK))
    except ValueError as error:
        raise VideoError(f"{path}: its stylize record is damaged: use an unedited copy") from error
    if not isinstance(record, dict):
        raise VideoError(f"{path}: its stylize record is damaged: use an unedited copy")
    return record


def hash_clip(path: str | Path) -> str:
    """Return the SHA-256 of a file, or of the hashes of a folder's pictures in order.

    Raises: ImageError if it cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        return sha256_of(path)
    digest = hashlib.sha256()
    for file in numbered_files(path):
        digest.update(sha256_of(file).encode())
    return digest.hexdigest()


def inputs_record(clip: Path, styles: Sequence[ImageSource]) -> dict[str, Any]:
    """Return the part of a record about the clip and the paintings.

    Raises: ImageError if one cannot be read.
    """
    return {
        "replay": {},
        "content": {"name": str(clip), "path": str(clip), "sha256": hash_clip(clip)},
        "styles": [_style_record(style) for style in styles],
    }


def _style_record(style: ImageSource) -> dict[str, str]:
    if isinstance(style, str | Path) and str(style) != "-":
        return {"name": str(style), "path": str(style), "sha256": sha256_of(style)}
    return {"name": str(getattr(style, "filename", "") or "image"), "path": "", "sha256": ""}
