"""The priority of this program, which an encoder must not change."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["keep_priority"]

THREADS = Path("/proc/self/task")  # of Linux


@contextlib.contextmanager
def keep_priority() -> Iterator[None]:
    """Give threads that were moved or made in the meantime the priority of this one.

    libsvtav1, run by root, moves its threads and the calling one to real-time priority, the
    highest. Everything that the program starts later inherits that, and keeps all others from the
    processor.
    """
    if not THREADS.is_dir():
        yield
        return
    own = os.sched_getscheduler(0), os.sched_getparam(0)
    before = _priorities()
    try:
        yield
    finally:
        for thread, priority in _priorities().items():
            if priority != before.get(thread, own):
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setscheduler(thread, *before.get(thread, own))


def _priorities() -> dict[int, tuple[int, os.sched_param]]:
    """Return the policy and the priority of each thread of this program."""
    found = {}
    for thread in (int(entry.name) for entry in THREADS.iterdir()):
        with contextlib.suppress(ProcessLookupError):  # it has ended
            found[thread] = os.sched_getscheduler(thread), os.sched_getparam(thread)
    return found
