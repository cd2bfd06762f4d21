"""The folders of a training's pictures: checked without torch."""

from __future__ import annotations

from pathlib import Path

from stylize.errors import UsageError

__all__ = ["require_folder"]


def require_folder(folder: str | Path, option: str) -> None:
    """Raise UsageError, naming the option, if there is no such folder."""
    if not Path(folder).is_dir():
        raise UsageError(f"{option} {folder}: is no folder: give one with pictures in it")
