"""Files: written whole or not at all, told by their bytes, and carried by packages."""

from __future__ import annotations

import hashlib
import secrets
import sys
from importlib import resources
from pathlib import Path

from stylize.errors import ImageError, OutputError, PluginError

__all__ = ["package_file", "sha256_of", "write_file"]


def write_file(path: str | Path, data: bytes) -> None:
    """Write a file, whole or not at all, over one that exists; "-" is standard output.

    Raises:
        OutputError: the place cannot be written, or the disk is full.
    """
    try:
        if str(path) == "-":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            _replace(Path(path), data)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}): free some space or write elsewhere"
        ) from error


def package_file(reference: str) -> Path:
    """Return the path of the file that "package:file" names, which may not be there.

    Raises:
        PluginError: there is no such package.
    """
    package, _, file = reference.partition(":")
    try:
        # A wheel is always unpacked; of zipped packages, which Python allows, files have no path.
        return Path(str(resources.files(package) / file))
    except (ImportError, TypeError) as error:  # TypeError: of a single module
        raise PluginError(f"{reference}: {error}: install the plugin that has it again") from error


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        ImageError: the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}): check the name") from error


def _replace(path: Path, data: bytes) -> None:
    """Write a file that is seen whole or not at all, however the writing ends."""
    # Not tempfile's: those can be read by their owner only, and the name carries over to `path`.
    temporary = path.with_name(f".stylize-{secrets.token_hex(8)}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
