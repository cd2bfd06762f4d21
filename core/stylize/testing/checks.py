"""The findings of a plugin's check: one line per promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Check", "CheckStatus"]

CheckStatus = Literal["kept", "broken", "skipped"]


@dataclass(frozen=True)
class Check:
    """A promise that was put to the test.

    Args:
        part: the part that promised it, such as "smoothing cubic_root".
        promise: the test's name in words.
        fault: what was seen if it is broken, or why it was skipped.
        remedy: what to fix.
    """

    part: str
    promise: str
    status: CheckStatus
    fault: str = ""
    remedy: str = ""
