"""Giving a finished file its name, without replacing a file that has taken it meanwhile."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["place_file"]


def place_file(made: Path, path: Path, *, force: bool) -> Path:
    """Give a finished file its name, and return it. A FIFO or a device gets the file's bytes.

    Args:
        force: replace a file of that name. Without it one that has appeared since the run began
            stays, and the new file gets the next free name, such as picture_2.png.

    Raises:
        OSError: it cannot be written there.
    """
    if path.exists() and not path.is_file():
        with made.open("rb") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
        made.unlink()
        return path
    if force:
        return made.replace(path)
    taken, number = path, 2
    while not _take_name(made, taken):
        taken, number = path.with_stem(f"{path.stem}_{number}"), number + 1
    return taken


def _take_name(made: Path, path: Path) -> bool:
    """Rename a file if the name is free; return whether it was."""
    try:
        os.link(made, path)  # fails if the name is taken, unlike renaming
    except FileExistsError:
        return False
    except OSError:  # a disk without links
        if path.exists():
            return False
        made.rename(path)
        return True
    made.unlink()
    return True
