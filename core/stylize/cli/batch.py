"""Make the pictures of a run, one after another: each is reported, and none stops the rest."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stylize.cli.jobs import STANDARD, Job
from stylize.cli.report import ProgressBar, Report, say, warn
from stylize.errors import OutputError
from stylize.images import MAX_PIXELS
from stylize.outputs import check_output
from stylize.plan import Plan
from stylize.plugins import PluginHost

__all__ = ["clean_stdout", "interruptible", "make_pictures"]

PICTURE = "saving the best picture so far (Ctrl-C again to drop it)"


def make_pictures(
    host: PluginHost,
    plan: Plan,
    jobs: Sequence[Job],
    report: Report,
    *,
    force: bool = False,
    skip_existing: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> int:
    """Make all pictures with one loaded network and return the exit code.

    Outputs are checked before torch is imported.

    Raises: StylizeError for what concerns all pictures.
    """
    started = time.monotonic()
    for problem in plan.problems:
        warn(problem.message)
    if any(job.output == STANDARD for job in jobs) and (not sys.stdout or sys.stdout.isatty()):
        raise OutputError("-o - writes a PNG: send standard output to a file or a pipe")
    inputs = {path for job in jobs for path in job.inputs}
    todo: list[Job] = []
    for job in jobs:
        if skip_existing and not force and Path(job.output).exists():
            report.skipped(job, "the output exists (--force makes it again)")
            continue
        try:
            check_output(job.output, force=force, inputs=inputs)
        except OutputError as error:
            report.failed(job, error)
        else:
            todo.append(job)
    try:
        interrupted = bool(todo) and _make_all(host, plan, todo, report, force, max_pixels, started)
    except KeyboardInterrupt:  # while torch is loaded, or for a second time
        say("stylize: interrupted, and the picture being made is dropped")
        interrupted = True
    return report.finish(interrupted=interrupted)


def _make_all(
    host: PluginHost,
    plan: Plan,
    jobs: Sequence[Job],
    report: Report,
    force: bool,
    max_pixels: int,
    started: float,
) -> bool:
    """Make pictures and say whether that was interrupted."""
    with clean_stdout():
        from stylize.device import give_memory_back
        from stylize.pictures import Stylizer

        give_memory_back()
        stylizer = Stylizer(plan.settings, host, max_pixels=max_pixels, started=started)
    with interruptible(stylizer.cancelled, PICTURE):
        for job in jobs:
            if stylizer.cancelled.is_set():
                report.skipped(job, "interrupted")
                continue
            try:
                with (
                    clean_stdout(),
                    ProgressBar(Path(job.title).name, enabled=not report.quiet) as bar,
                ):
                    stylizer.observers = (bar,)
                    result = stylizer(job.content, job.styles)
                result.save(job.output, force=force)
            except Exception as error:
                report.failed(job, error)
            else:
                report.made(job, result)
    return stylizer.cancelled.is_set()


def clean_stdout() -> contextlib.redirect_stdout[Any]:
    """Keep what plugins and libraries print (torch, of downloads) out of a picture or JSON."""
    return contextlib.redirect_stdout(sys.stderr)


@contextlib.contextmanager
def interruptible(cancelled: threading.Event, what: str) -> Iterator[None]:
    """Make the first Ctrl-C (or SIGTERM) set `cancelled` and say what follows; a second is final.

    Args:
        what: is done now, after "stopping: ".
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, frame: Any) -> None:
        del number, frame
        if cancelled.is_set():
            raise KeyboardInterrupt
        cancelled.set()
        # Not print: the signal may have come in the middle of one.
        with contextlib.suppress(OSError):
            os.write(2, f"\nstopping: {what}\n".encode())

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
