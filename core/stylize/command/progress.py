"""How far a run is: a live bar in a terminal, a line now and then in a log; and times in words."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from stylize.command.saying import say
from stylize.contract.run import Observer, Progress

__all__ = ["ProgressBar", "ProgressLines", "format_seconds", "loading", "watch"]


@contextlib.contextmanager
def watch(label: str, *, quiet: bool = False, lines: bool = False) -> Iterator[list[Observer]]:
    """Give the observers of a piece of work: a bar where standard error is a terminal.

    Args:
        label: what the bar is called.
        quiet: show nothing.
        lines: write a line every half minute where there is no terminal: for long work.
    """
    if quiet:
        yield []
    elif _at_terminal():
        with ProgressBar(label) as bar:
            yield [bar]
    else:
        yield [ProgressLines()] if lines else []


@contextlib.contextmanager
def loading(*, quiet: bool = False) -> Iterator[None]:
    """Show that the program loads, where standard error is a terminal, until that is done."""
    shown = _at_terminal() and not quiet
    if shown:
        sys.stderr.write("loading ...")
        sys.stderr.flush()
    try:
        yield
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def format_seconds(seconds: float) -> str:
    """Write a time to wait, as "40 s", "12 min" or "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


BAR = 24


class ProgressBar:
    """A live bar on standard error with share, time left and losses; silent without a terminal."""

    def __init__(self, label: str) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            TaskProgressColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as LiveBar

        self._bar = LiveBar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=BAR),
            TaskProgressColumn(),
            TimeRemainingColumn(elapsed_when_finished=False),
            TextColumn("left", markup=False),
            # Last, as it changes in width.
            TextColumn("{task.fields[state]}", markup=False),
            console=Console(stderr=True),
            transient=True,
            disable=not _at_terminal(),
        )
        self._task = self._bar.add_task(label, total=1.0, state="starting")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def progressed(self, progress: Progress) -> None:
        """Show how far the run is."""
        self._bar.update(self._task, completed=progress.fraction, state=_state(progress))


class ProgressLines:
    """A line on standard error every so often, for logs: what `ProgressBar` does without one.

    Args:
        every: seconds between lines.
    """

    def __init__(self, every: float = 30.0) -> None:
        self._every = every
        self._began = time.monotonic()
        self._start: float | None = None
        self._said = self._began

    def progressed(self, progress: Progress) -> None:
        """Say how far the run is, if the last time is long ago."""
        now = time.monotonic()
        if self._start is None:
            self._start, self._began = progress.fraction, now
        if now - self._said < self._every:
            return
        self._said = now
        done = progress.fraction - self._start
        left = (now - self._began) * (1 - progress.fraction) / done if done else float("nan")
        say(_state(progress) + (f", {left / 60:.0f} min left" if done else ""))


def _state(progress: Progress) -> str:
    """Return the stage, the step and the losses in a line."""
    losses = (f"{name} {value:.3g}" for name, value in progress.losses.items())
    return " ".join([progress.stage, f"{progress.step} of {progress.steps}", *losses])


def _at_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()
