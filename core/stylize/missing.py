"""What is said of a file that is not there: perhaps the nearest name in its folder was meant."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path

from stylize.disabling import DISABLE_VARIABLE, disabled_names
from stylize.spelling import nearest_name

__all__ = ["tell_missing"]

# A path has lost one of the two slashes.
ADDRESS = re.compile(r"(https?|ftp):/+(?=[^/])", re.IGNORECASE)


def tell_missing(path: str | Path) -> str:
    """Say that there is no such file, with the nearest name in its folder if one is near."""
    if ADDRESS.match(str(path)):
        address = ADDRESS.sub(r"\1://", str(path), count=1)
        return f"{address}: no such file: download it first, and name the file"
    path = Path(path)
    near = _nearest(path)
    remedy = f"did you mean {near}?" if near else "check the name and the folder"
    if disabled_names() and path.name == str(path) and not path.suffix:
        listed = ",".join(disabled_names())
        remedy += f" ({DISABLE_VARIABLE}={listed} takes away the commands of these plugins too)"
    return f"{path}: no such file: {remedy}"


def _nearest(path: Path) -> Path | None:
    try:
        files = sorted(path.parent.iterdir())
    except OSError:
        return None
    # Names are compared without their extensions, in which all photographs are alike.
    stems: dict[str, list[Path]] = {}
    for file in files:
        if _kind(file) == _kind(path) and not file.name.startswith("."):
            stems.setdefault(file.stem.casefold(), []).append(file)
    near = nearest_name(path.stem.casefold(), stems)
    wanted = path.suffix.casefold()
    return min(stems[near], key=lambda file: file.suffix.casefold() != wanted) if near else None


def _kind(path: Path) -> str:
    """Return "image" or "video", else the extension."""
    kind, _ = mimetypes.guess_type(path.name, strict=False)
    return kind.partition("/")[0] if kind else path.suffix.casefold()
