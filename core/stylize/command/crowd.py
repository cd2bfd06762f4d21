"""Whether other programs keep the processor from a run."""

from __future__ import annotations

import os
import time

from stylize.command.saying import warn
from stylize.contract.run import Progress

__all__ = ["CrowdTeller"]

# Seconds of steps that are watched, and the share of its time below which a thread is held up:
# alone on the machine it waits a little for the others, too.
WATCHED = 5.0
CROWDED = 0.6


class CrowdTeller:
    """Warns once if torch's threads get much less of the processor than they could use.

    They wait for each other at every operation: several on a busy machine can be slower than one.

    Args:
        threads: of torch; one has nobody to wait for.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._began: tuple[float, float] | None = None
        self._done = threads < 2 or "OMP_NUM_THREADS" in os.environ

    def progressed(self, progress: Progress) -> None:
        """Compare the time that the first steps took with what they had of the processor."""
        del progress
        if self._done:
            return
        now, used = time.monotonic(), time.process_time()
        if self._began is None:
            self._began = now, used
            return
        watched = now - self._began[0]
        if watched < WATCHED:
            return
        self._done = True
        share = (used - self._began[1]) / (watched * self._threads)
        if share < CROWDED and _is_crowded():
            warn(
                f"other programs keep the processor busy: torch's {self._threads} threads have "
                f"{share:.0%} of their time, and wait for each other: it is often several times "
                f"as fast as OMP_NUM_THREADS=1 stylize ..."
            )


def _is_crowded() -> bool:
    """Whether more wants to run than there are processors, where the system tells."""
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > (os.cpu_count() or 1)
