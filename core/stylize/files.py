"""Files: written whole or not at all, identified by their bytes, and carried by packages."""

from __future__ import annotations

import hashlib
import secrets
import sys
from importlib import resources
from pathlib import Path

from stylize.errors import ImageError, OutputError, PluginError
from stylize.missing import tell_missing
from stylize.placing import place_file

__all__ = ["package_file", "sha256_of", "write_file"]


def write_file(path: str | Path, data: bytes, *, force: bool = True) -> None:
    """Write a file, whole or not at all; "-" is standard output.

    Args:
        force: replace a file of that name; see `place_file`.

    Raises: OutputError if the place cannot be written, the disk is full, or, without `force`, the
        name is taken.
    """
    try:
        if str(path) == "-":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        # Not tempfile's: those can be read by their owner only, and the name carries over.
        temporary = Path(path).with_name(f".stylize-{secrets.token_hex(8)}.tmp")
        try:
            temporary.write_bytes(data)
            placed = place_file(temporary, Path(path), force=force)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}): free some space or write elsewhere"
        ) from error
    if placed != Path(path):
        raise OutputError(
            f"{path}: has appeared since this run began, and is left as it is: what was made is "
            f"{placed}"
        )


def package_file(reference: str) -> Path:
    """Return the path of the file that "package:file" names; it may not exist.

    Raises: PluginError if there is no such package.
    """
    package, _, file = reference.partition(":")
    try:
        # A wheel is always unpacked; files of zipped packages, which Python allows, have no path.
        return Path(str(resources.files(package) / file))
    except (ImportError, TypeError) as error:  # TypeError: a single module
        raise PluginError(f"{reference}: {error}: install the plugin that has it again") from error


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises: ImageError if the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise ImageError(tell_missing(path)) from error
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}): check the name") from error
