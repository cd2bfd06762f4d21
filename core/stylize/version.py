"""The installed version."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

__all__ = ["DISTRIBUTION", "framework_version"]

DISTRIBUTION = "stylize-nst"


def framework_version() -> str:
    """Return the installed version, or "unknown" for a bare checkout."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"
