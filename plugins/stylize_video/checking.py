"""Checks of a clip and its output before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stylize.command import check_output, import_extra, require_extra
from stylize.errors import OutputError
from stylize_video.container import open_container
from stylize_video.folder import numbered_files
from stylize_video.formats import CONTAINERS, Encoder, choose_encoder, numbered_pictures
from stylize_video.settings import VideoSettings

__all__ = ["check_clip", "check_video_output"]

PURPOSE = "stylize video"


def check_clip(path: Path) -> None:
    """Reject a missing file, a picture, and a folder without numbered pictures.

    Raises: VideoError, UsageError, ExtraMissingError.
    """
    if path.is_dir():
        numbered_files(path)
    else:
        open_container(path).close()


def check_video_output(
    output: str | Path, settings: VideoSettings, *, force: bool, inputs: Sequence[Path]
) -> Encoder | None:
    """Reject an output that could not be written; return the encoder, None for pictures.

    Raises: OutputError, CodecMissingError, SettingsError, ExtraMissingError.
    """
    require_extra("av", "video", PURPOSE)
    if numbered := numbered_pictures(output):
        folder, _ = numbered
        if any(folder.resolve() == path.resolve() for path in inputs):
            raise OutputError(f"{output}: {folder} is the input: choose another folder")
        return None
    path = Path(output)
    if path.is_dir():
        raise OutputError(f"{path}: is a folder: for numbered pictures write {path}/%06d.png")
    check_output(path, force=force, inputs=inputs, extensions=CONTAINERS)
    codec = import_extra("av.codec", "video", PURPOSE)
    there = {name for name in codec.codecs_available if _encodes(codec, name)}
    return choose_encoder(path, settings.codec, settings.crf, there)


def _encodes(codec: Any, name: str) -> bool:
    try:
        return bool(codec.Codec(name, "w").is_encoder)
    except Exception:  # a decoder only
        return False
