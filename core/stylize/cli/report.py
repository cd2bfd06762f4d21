"""What the command says: lines on standard error, JSON records on standard output."""

from __future__ import annotations

import difflib
import json
import sys
import time
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import typer

from stylize.cli.jobs import STANDARD, Job
from stylize.errors import StylizeError

if TYPE_CHECKING:
    from stylize.pictures import Result
    from stylize.run import Progress

__all__ = ["INTERRUPTED", "ProgressBar", "ProgressLines", "Report", "explain", "say", "warn"]

INTERRUPTED = 130
ENDINGS = {"done": "", "time": ", stopped in time", "interrupted": ", interrupted"}


def say(message: str) -> None:
    """Print a line for a person: on standard error, so that standard output stays clean."""
    typer.echo(message, err=True)


def warn(message: str) -> None:
    """Print a warning."""
    say(f"stylize: warning: {message}")


def explain(error: Exception) -> tuple[str, int]:
    """Tell an error in one line, with what was noted on its way, and the exit code it means."""
    if isinstance(error, StylizeError):
        message, code = str(error), error.exit_code
    elif hasattr(error, "format_message"):  # typer's own, whose classes are private
        message, code = _explain_usage(error), 2
    elif _is_memory(error):
        message, code = f"out of memory ({error}): use a smaller --size", 1
    elif isinstance(error, OSError) and error.filename:
        message, code = f"{error.filename}: {error.strerror}", 2
    else:
        message = f"{type(error).__name__}: {error} (this is a fault of ours: --debug shows where)"
        code = 1
    message = "; ".join([message, *getattr(error, "__notes__", ())])
    return " ".join(message.split()), code


def _explain_usage(error: Any) -> str:
    """Tell a usage error of typer, with the nearest option for one that does not exist."""
    help_command = f"{error.ctx.command_path} --help" if error.ctx else "stylize --help"
    if not (given := getattr(error, "option_name", None)) or not hasattr(error, "possibilities"):
        return f"{error.format_message().rstrip('.')} (see {help_command})"
    known = {name.lstrip("-"): name for name in error.possibilities or ()}
    near = difflib.get_close_matches(given.lstrip("-"), known, n=1)
    hint = f"; did you mean {known[near[0]]}?" if near else ""
    return f"no such option {given}{hint} (see {help_command})"


def _is_memory(error: Exception) -> bool:
    """Whether memory ran out, in Python or in torch, which has a class for it on GPUs only."""
    return isinstance(error, MemoryError) or any(
        sign in f"{type(error).__name__} {error}"
        for sign in ("OutOfMemoryError", "can't allocate memory", "not enough memory")
    )


class Report:
    """Tells how each picture of a run ended, and what that makes of the run as a whole.

    Args:
        total: pictures asked for.
        as_json: print one record a picture. It is on standard output, but on standard error for
            a picture that is itself on standard output.
        quiet: no lines but warnings and errors.
        debug: print the tracebacks of errors.
        noun: what is made.
    """

    def __init__(
        self, total: int, *, as_json: bool, quiet: bool, debug: bool, noun: str = "pictures"
    ) -> None:
        self.total = total
        self.noun = noun
        self.as_json = as_json
        self.quiet = quiet
        self.debug = debug
        self.failures: list[tuple[str, int]] = []
        self.skips: dict[str, int] = {}

    def made(self, job: Job, result: Result) -> None:
        """Tell of a picture that was made and saved."""
        for warning in result.warnings:
            warn(warning)
        record = result.record
        where = "standard output" if job.output == STANDARD else job.output
        self.tell_made(
            job,
            {**record, "warnings": result.warnings},
            f"{where}: {record['width']}x{record['height']}, {record['steps']} steps, "
            f"{record['seconds']:.1f} s on {record['device']} in "
            f"{record['settings']['precision']}{ENDINGS[result.stopped]}",
        )

    def tell_made(self, job: Job, record: Mapping[str, Any], line: str) -> None:
        """Print the record or the line of what was made."""
        self._write(job, {"status": "made", **record})
        if not (self.quiet or self.as_json):
            say(line)

    def skipped(self, job: Job, reason: str) -> None:
        """Note a picture that was not attempted."""
        self.skips[reason] = self.skips.get(reason, 0) + 1
        self._write(job, {"status": "skipped", "reason": reason})

    def failed(self, job: Job, error: Exception) -> None:
        """Tell of a picture that could not be made."""
        if self.debug:
            traceback.print_exception(error)
        message, code = explain(error)
        self.failures.append((job.title, code))
        named = self.total == 1 or job.title in message
        say(f"stylize: {message if named else f'{job.title}: {message}'}")
        self._write(job, {"status": "failed", "error": message})

    def finish(self, *, interrupted: bool = False) -> int:
        """Sum up, and return the exit code."""
        if not self.quiet:
            for reason, count in self.skips.items():
                say(f"{count} of {self.total} {self.noun} skipped: {reason}")
        if self.failures and self.total > 1:
            names = ", ".join(name for name, _ in self.failures)
            say(f"stylize: {len(self.failures)} of {self.total} {self.noun} failed: {names}")
        if interrupted:
            return INTERRUPTED
        if self.failures:
            return self.failures[0][1] if self.total == 1 else 1
        return 0

    def _write(self, job: Job, record: Mapping[str, Any]) -> None:
        if not self.as_json:
            return
        inputs = {
            "content": job.content and {"name": job.content},
            "styles": [{"name": style} for style in job.styles],
        }
        # In ASCII, as file names need not be text and standard output need not be UTF-8.
        line = json.dumps({"output": job.output, **inputs, **record})
        typer.echo(line, err=job.output == STANDARD)


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

        terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            TimeElapsedColumn(),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=Console(stderr=True),
            transient=True,
            disable=not (enabled and terminal),
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
        losses = " ".join(f"{name} {value:.3g}" for name, value in progress.losses.items())
        say(
            f"{progress.stage} {progress.step}/{progress.steps} {losses}"
            + (f", {left / 60:.0f} min left" if done else "")
        )
