"""Correction of times that restart, repeat, run backwards or leap, so that they increase."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from stylize_video.frames import Tell
from stylize_video.settings import clock

__all__ = ["LONGEST", "Timeline"]

# A smaller step back is a single wrong time; a larger one is a part with a new clock.
SMALL = Fraction(1)
# A longer pause is a leap of the clock. Shorter ones, as of slides and still screens, are real.
LONGEST = Fraction(600)


class Timeline:
    """Places items in time, so that each begins after the previous one.

    An item whose time repeats or falls back a little is put after the previous one. One that falls
    back further, or leaps far ahead, begins a part with a new clock, which is appended. So no item
    is left out, and none is shortened.

    Args:
        what: name of the items, for the warning.
        tell: receives the warning, once.
        longest: longest pause that is not a leap, in seconds.
    """

    def __init__(self, path: Path, what: str, tell: Tell, longest: Fraction = LONGEST) -> None:
        self._longest = longest
        self._path = path
        self._what = what
        self._tell = tell
        self._told = False
        self._last: Fraction | None = None
        self._next = Fraction(0)
        self._shifts = Fraction(0), Fraction(0)  # of this part, and of the previous one

    def place(self, time: Fraction, duration: Fraction) -> Fraction:
        """Return when an item begins, in seconds.

        Args:
            time: its time in the file.
            duration: its approximate duration, above 0.
        """
        placed = time
        if self._last is not None:
            # After a single wrong time, the previous clock continues.
            now, before = self._shifts
            if abs(time + before - self._next) < abs(time + now - self._next):
                self._shifts = before, now
            placed = time + self._shifts[0]
            if not self._last < placed <= self._next + self._longest:
                self._warn()
                if not self._last - SMALL < placed <= self._last:
                    self._shifts = self._next - time, self._shifts[0]
                placed = self._next
        self._last, self._next = placed, placed + duration
        return placed

    def _warn(self) -> None:
        if not self._told:
            self._told = True
            self._tell(
                f"{self._path}: times of its {self._what} fall back, repeat or leap, first at "
                f"{clock(self._next)}: each is put after the previous one"
            )
