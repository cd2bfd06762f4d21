"""What checking a plugin finds: one line a promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "CheckStatus"]

CheckStatus = Literal["kept", "broken", "skipped"]


@dataclass(frozen=True)
class Check:
    """A promise that was put to the test.

    Args:
        part: what promised it, as "smoothing cubic_root".
        promise: the test's name in words.
        fault: what is seen where it is broken; why it was skipped.
        remedy: what to mend.
    """

    part: str
    promise: str
    status: CheckStatus
    fault: str = ""
    remedy: str = ""
