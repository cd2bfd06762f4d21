"""A run that shows its progress: by a function of the caller, or in a line of text."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stylize.contract.run import Progress, Run

__all__ = ["FollowedRun", "ProgressFunction", "follower"]

# Called with a run's progress; returning False ends the run with the best picture so far.
ProgressFunction = Callable[[Progress], object]
# Characters of the bar, and the least seconds between two of its states.
WIDTH = 30
EVERY = 0.1


@dataclass
class FollowedRun(Run):
    """A run that also calls a function of the caller, whose errors reach the caller.

    Args:
        raised: the function's errors.
    """

    follow: ProgressFunction | None = None
    raised: BaseException | None = None

    def report(self, progress: Progress) -> None:
        """Call the observers and the function, which may end the run."""
        super().report(progress)
        if self.follow is None:
            return
        try:
            goes_on = self.follow(progress)
        except BaseException as error:
            self.raised = error
            raise
        if goes_on is False and progress.fraction < 1:
            self.stop_reason = "interrupted"


@contextlib.contextmanager
def follower(
    progress: ProgressFunction | bool | None, name: str
) -> Iterator[ProgressFunction | None]:
    """Yield a run's follower: a function, or a line of text if True, or if None in a notebook.

    Args:
        name: the picture's.
    """
    if callable(progress):
        yield progress
    elif progress or (progress is None and _in_notebook()):
        line = _Line(name)
        try:
            yield line
        finally:
            line.end()
    else:
        yield None


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


class _Line:
    """A line on standard error that is overwritten: notebooks need no widget to show it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = time.monotonic()
        self._shown = 0.0
        self._length = 0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.fraction < 1 and now - self._shown < EVERY:
            return
        self._shown = now
        done = round(progress.fraction * WIDTH)
        bar = "#" * done + "." * (WIDTH - done)
        seconds = now - self._began
        line = f"{self._name} [{bar}] {progress.fraction:4.0%} {progress.stage} {seconds:.0f} s"
        if sys.stderr:
            sys.stderr.write(f"\r{line.ljust(self._length)}")
            sys.stderr.flush()
        self._length = len(line)

    def end(self) -> None:
        """End the line, if it has begun."""
        if self._length and sys.stderr:
            sys.stderr.write("\n")
