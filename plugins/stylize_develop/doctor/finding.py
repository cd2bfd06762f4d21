"""One thing that is wrong, or that could be better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Level", "advice", "problem"]

Level = Literal["problem", "advice"]


@dataclass(frozen=True)
class Finding:
    """A fault or advice, and what to do about it.

    Args:
        level: a problem fails `stylize plugins doctor`; advice does not.
        about: the plugin, part or package, as "plugin acme 1.0 (acme)".
        message: what is wrong, in one line.
        remedy: what to do, in one line.
    """

    level: Level
    about: str
    message: str
    remedy: str


def problem(about: str, message: str, remedy: str) -> Finding:
    """Return something that is wrong."""
    return Finding("problem", about, message, remedy)


def advice(about: str, message: str, remedy: str) -> Finding:
    """Return something that may be intended."""
    return Finding("advice", about, message, remedy)
