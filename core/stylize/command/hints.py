"""Advice of methods, for people who watch."""

from __future__ import annotations

from stylize.command.saying import say

__all__ = ["HintTeller"]


class HintTeller:
    """Prints each hint once. A hint is no warning: it is in no record, and `--quiet` hides it."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def hinted(self, hint: str) -> None:
        """Print a hint, unless it was printed before."""
        if hint not in self._told:
            self._told.add(hint)
            say(f"stylize: hint: {hint}")

    def progressed(self, progress: object) -> None:
        """Do nothing: progress is for others."""
