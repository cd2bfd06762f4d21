"""The installed version."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["framework_version"]


def framework_version() -> str:
    """Return the installed version, or "unknown" for a bare checkout."""
    try:
        return version("stylize-nst")
    except PackageNotFoundError:
        return "unknown"
