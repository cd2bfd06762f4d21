"""The findings of a plugin's check: one line per promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "CheckStatus"]

CheckStatus = Literal["kept", "broken", "skipped"]


@dataclass(frozen=True)
class Check:
    """The result of testing a promise.

    Args:
        part: the part that promises it, such as "smoothing cubic_root".
        promise: the test's name in words.
        fault: the observation if it is broken, or the reason if it was skipped.
        remedy: what to fix.
    """

    part: str
    promise: str
    status: CheckStatus
    fault: str = ""
    remedy: str = ""
