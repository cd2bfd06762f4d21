"""What the command says: lines on standard error, JSON records on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import typer

if TYPE_CHECKING:
    from stylize.run import Progress

__all__ = ["ProgressBar", "say", "warn", "write_json"]


def say(message: str) -> None:
    """Print a line for a person: on standard error, so that standard output stays clean."""
    typer.echo(message, err=True)


def warn(message: str) -> None:
    """Print a warning."""
    typer.echo(f"stylize: warning: {message}", err=True)


def write_json(record: Mapping[str, Any], *, to_stderr: bool = False) -> None:
    """Print one record on a line of its own."""
    typer.echo(json.dumps(record, ensure_ascii=False), err=to_stderr)


class ProgressBar:
    """A live bar on standard error with share, time left and losses; silent without a terminal."""

    def __init__(self, label: str, *, enabled: bool = True) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            transient=True,
            disable=not (enabled and sys.stderr.isatty()),
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
        losses = " ".join(f"{name} {value:.3g}" for name, value in progress.losses.items())
        state = f"{progress.stage} {progress.step}/{progress.steps} {losses}"
        self._bar.update(self._task, completed=progress.fraction, state=state)
