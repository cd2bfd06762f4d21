"""The failure that a contract raises for a part that breaks it."""

from __future__ import annotations

__all__ = ["ContractFailure"]


class ContractFailure(AssertionError):  # noqa: N818  # a test that fails, not an error
    """A broken promise; `str()` is the one line to show.

    Args:
        part: the part that breaks it, such as "smoothing cubic_root".
        fault: the observation.
        remedy: what to fix.
    """

    def __init__(self, part: str, fault: str, remedy: str) -> None:
        super().__init__(f"{part}: {fault}: {remedy}")
        self.part = part
        self.fault = fault
        self.remedy = remedy
