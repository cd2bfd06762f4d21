"""Reporting of faults, shared by all contracts. No torch, for plugins that need none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stylize.testing.failure import ContractFailure

__all__ = ["Contract"]


class Contract:
    """Tests, without fixtures, of the part or plugin that a subclass names.

    `stylize plugins check` runs the same tests without pytest's collection.
    """

    @property
    def title(self) -> str:
        """The subject of the tests, for messages."""
        raise NotImplementedError

    def require(self, kept: object, fault: str, remedy: str) -> None:
        """Raise ContractFailure unless a promise is kept."""
        __tracebackhide__ = True
        if not kept:
            raise ContractFailure(self.title, fault, remedy)

    @contextmanager
    def calls(self, what: str) -> Iterator[None]:
        """Turn errors of foreign code into a ContractFailure that names the call."""
        __tracebackhide__ = True
        try:
            yield
        except ContractFailure:
            raise
        except (KeyboardInterrupt, pytest.skip.Exception):
            raise
        except BaseException as error:
            reason = " ".join(str(error).split())[:300]
            raise ContractFailure(
                self.title,
                f"{what} raises {type(error).__name__}: {reason}",
                "make the call work; the cause is in the traceback",
            ) from error
