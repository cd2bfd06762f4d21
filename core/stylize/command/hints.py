"""Advice of methods, for people who watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stylize.command.saying import say

if TYPE_CHECKING:
    from stylize.contract.plan import RunSettings

__all__ = ["HintTeller"]


class HintTeller:
    """Prints each hint once. A hint is no warning: it is in no record, and `--quiet` hides it."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._told: set[str] = set()

    def hinted(self, hint: str) -> None:
        """Print a hint, unless it was printed before."""
        if not self._quiet and hint not in self._told:
            self._told.add(hint)
            say(f"stylize: hint: {hint}")

    def made(self, settings: RunSettings, record: Mapping[str, Any]) -> None:
        """Tell of a picture that is smaller than asked for: none is larger than its photograph."""
        asked, longest = settings.size, max(record["width"], record["height"])
        if "size" in settings.model_fields_set and asked != "full" and longest < asked:
            self.hinted("a picture is never larger than its photograph, whatever --size says")

    def progressed(self, progress: object) -> None:
        """Do nothing: progress is for others."""
