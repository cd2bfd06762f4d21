"""One rule for times that restart, repeat, run backwards or leap: they are made to rise."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from stylize_video.frames import Tell
from stylize_video.settings import clock

__all__ = ["LONGEST", "Timeline"]

# What falls back by less is one time that is wrong; by more, a part that counts again.
SMALL = Fraction(1)
# A longer pause is a leap of the clock. Such of slides and of screens that stay the same are real.
LONGEST = Fraction(600)


class Timeline:
    """Places what comes in order in time, so that each begins after the one before.

    A time that repeats or falls back a little is put after the one before. One that falls back
    further, or leaps far ahead, begins a part that counts again, and that follows on: nothing is
    left out, and nothing squeezed.

    Args:
        what: has the times, for the warning.
        tell: gets it, once.
        longest: pause that is no leap, in seconds.
    """

    def __init__(self, path: Path, what: str, tell: Tell, longest: Fraction = LONGEST) -> None:
        self._longest = longest
        self._path = path
        self._what = what
        self._tell = tell
        self._told = False
        self._last: Fraction | None = None
        self._next = Fraction(0)
        self._shifts = Fraction(0), Fraction(0)  # now, and of the part before

    def place(self, time: Fraction, duration: Fraction) -> Fraction:
        """Return when it begins, in seconds.

        Args:
            time: as the file says.
            duration: how long it lasts, at least about: above 0.
        """
        placed = time
        if self._last is not None:
            # After a single wrong time the clock is again that of before.
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
                f"{clock(self._next)}: each is put after the one before"
            )
