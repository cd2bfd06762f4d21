"""The faults of its pictures that a training reports, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from stylize_train.data import Sample

__all__ = ["Teller"]


class Teller:
    """Tells each message once.

    Args:
        tell: called with each message, as one line.
        crop: side of the squares of the training.
    """

    def __init__(self, tell: Callable[[str], None], crop: int) -> None:
        self._tell = tell
        self._crop = crop
        self._told: set[str] = set()

    def __call__(self, message: str) -> None:
        """Tell a message, unless it was told before."""
        if message not in self._told:
            self._told.add(message)
            self._tell(message)

    def tell_of(self, samples: Iterable[Sample]) -> None:
        """Tell what was wrong with pictures."""
        for sample in samples:
            for fault in sample.faults:
                self(fault)
            if sample.grown:
                self(
                    f"some pictures are smaller than the crop of {self._crop} and are enlarged: "
                    f"--small skip leaves them out"
                )
