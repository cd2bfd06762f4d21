"""How the C library handles large tensors."""

from __future__ import annotations

import contextlib
import ctypes
import os

__all__ = ["give_memory_back"]

# glibc's number of the option, and the block size above which memory comes from the system.
M_MMAP_THRESHOLD = -3
MAPPED_FROM = 8 * 2**20


def give_memory_back() -> None:
    """Make the C library return large tensors to the system at once. For commands, not libraries.

    glibc keeps freed blocks of up to 32 MB for reuse, and the many sizes of feature maps leave
    gaps between them: a third of the peak memory of a 1024 px picture. Huge pages make up
    for the cost of fresh ones. Without glibc, nothing happens.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")  # torch reads it at its first allocation
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MAPPED_FROM)
