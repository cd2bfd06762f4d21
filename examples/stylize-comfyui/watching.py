"""ComfyUI's progress bar and its Cancel button; without ComfyUI, neither."""

from __future__ import annotations

import threading

from stylize import Progress

try:
    from comfy.model_management import throw_exception_if_processing_interrupted
    from comfy.utils import ProgressBar
except ImportError:  # in tests, and in scripts that use the nodes
    ProgressBar = None

    def throw_exception_if_processing_interrupted() -> None:
        """Nobody interrupts."""


# Units of the bar per picture.
STEPS = 1000


class Watcher:
    """Shows the progress of a batch, and ends it when the user cancels.

    Args:
        pictures: their number.

    Attributes:
        cancelled: set when the user cancels: the picture being made then ends at once.
    """

    def __init__(self, pictures: int) -> None:
        self.cancelled = threading.Event()
        self._interruption: Exception | None = None
        self._finished = 0
        self._bar = ProgressBar(pictures * STEPS) if ProgressBar else None

    def progressed(self, progress: Progress) -> None:
        """Show the progress of the current picture; stylize calls this."""
        self._show(progress.fraction)
        # ComfyUI's exception must not reach stylize, which drops observers that raise.
        try:
            throw_exception_if_processing_interrupted()
        except Exception as interruption:
            self._interruption = interruption
            self.cancelled.set()

    def finish_picture(self) -> None:
        """Count a picture. Raises: ComfyUI's exception if the user has cancelled."""
        if self._interruption is not None:
            raise self._interruption
        throw_exception_if_processing_interrupted()
        self._finished += 1
        self._show(0)

    def _show(self, fraction: float) -> None:
        if self._bar is not None:
            self._bar.update_absolute(round((self._finished + fraction) * STEPS))
