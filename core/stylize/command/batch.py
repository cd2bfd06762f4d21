"""A batch: one thing after another; each is reported, and none stops the rest."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylize.command.crowd import CrowdTeller
from stylize.command.hints import HintTeller
from stylize.command.inputs import STANDARD, Job, require_files
from stylize.command.progress import loading, watch
from stylize.command.recorded import RunRecord
from stylize.command.report import ENDINGS, Report, count
from stylize.command.rerun import compare_runs, validate_record
from stylize.command.saying import say, warn
from stylize.command.streams import clean_stdout
from stylize.contract.plan import Plan
from stylize.contract.run import Observer
from stylize.discovery.host import PluginHost
from stylize.errors import OutputError
from stylize.pictures.reading import MAX_PIXELS
from stylize.pictures.record import RecordKind
from stylize.pictures.writing import check_output

if TYPE_CHECKING:
    from stylize.making.result import Result

__all__ = ["Made", "Make", "interruptible", "make_pictures", "run_batch"]

# A time limit that is overrun by more seconds was too short.
LATE = 0.5
INTERRUPTED = "saving the best picture so far (Ctrl-C again to drop it)"


@dataclass(frozen=True)
class Made:
    """What came of one job.

    Args:
        line: for a person; a function is asked for it once the output is saved.
        record: for `--json`; anything that JSON holds.
        warnings: printed, and in the record; those that the record has are printed already.
        save: writes the output, where that is still to be done: standard output is then free.
    """

    line: str | Callable[[], str]
    record: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    save: Callable[[], None] = lambda: None


# Does a job, telling observers how far it is.
Make = Callable[[Job, Sequence[Observer]], Made]


def run_batch(
    jobs: Sequence[Job],
    report: Report,
    prepare: Callable[[threading.Event], Make],
    *,
    check: Callable[[Job], object] | None = None,
    force: bool = False,
    skip_existing: bool | None = None,
    on_interrupt: str = "finishing what is begun (Ctrl-C again to drop it)",
    lines: bool = False,
) -> int:
    """Do all jobs, reporting each, and return the command's exit code.

    Ctrl-C ends the current job early, where it listens, and skips those after it.

    Args:
        prepare: imports and loads what all jobs need, once it is known that there are any; gets
            the event that Ctrl-C sets, and returns what does a job, telling observers how far
            it is.
        check: raises what is wrong with a job before anything heavy is loaded; by default
            `check_output` does, of its output.
        force: replace outputs that exist.
        skip_existing: without `force`, leave out jobs whose output exists; by default where there
            are several.
        on_interrupt: is said at Ctrl-C, after "stopping: ".
        lines: write a line every half minute where there is no terminal: for long jobs.

    Raises: StylizeError for what concerns all jobs.
    """
    inputs = {path for job in jobs for path in job.inputs}
    check = check or (lambda job: check_output(job.output, force=force, inputs=inputs))
    skips = not force and (len(jobs) > 1 if skip_existing is None else skip_existing)
    todo: list[Job] = []
    report.share_warnings()
    for job in jobs:
        if skips and Path(job.output).exists():
            report.skipped(job, "the output exists (--force makes it again)")
            continue
        try:
            check(job)
        except (Exception, SystemExit) as error:
            report.failed(job, error)
        else:
            todo.append(job)
    cancelled = threading.Event()
    interrupted = False
    try:
        if todo:
            with clean_stdout(), loading(quiet=report.quiet), _uncollected():
                make = prepare(cancelled)
            report.share_warnings()
            with interruptible(cancelled, on_interrupt):
                for number, job in enumerate(todo, 1):
                    label = Path(job.title).name
                    if len(todo) > 1:
                        label = f"{label} ({number} of {len(todo)})"
                    _do(job, make, report, cancelled, label, lines=lines)
            interrupted = cancelled.is_set()
    except KeyboardInterrupt:  # while torch is loaded, or for a second time
        say(f"stylize: interrupted, and the {report.noun.removesuffix('s')} being made is dropped")
        interrupted = True
    return report.finish(interrupted=interrupted)


def _do(
    job: Job, make: Make, report: Report, cancelled: threading.Event, label: str, *, lines: bool
) -> None:
    """Do a job and report it, unless Ctrl-C came before."""
    if cancelled.is_set():
        report.skipped(job, "interrupted")
        return
    try:
        with clean_stdout(), watch(label, quiet=report.quiet, lines=lines) as observers:
            made = make(job, observers)
        made.save()
    except (Exception, SystemExit) as error:
        report.failed(job, error)
        return
    for warning in made.warnings:
        warn(warning)
    line = made.line if isinstance(made.line, str) else made.line()
    report.made(job, made.record, line)


def make_pictures(
    host: PluginHost,
    plan: Plan,
    jobs: Sequence[Job],
    report: Report,
    *,
    force: bool = False,
    skip_existing: bool | None = None,
    max_pixels: int = MAX_PIXELS,
    record: RecordKind = "names",
    remarks: Mapping[str, str] | None = None,
    begun: float | None = None,
    before: RunRecord | None = None,
) -> int:
    """Make all pictures with one loaded network and return the exit code.

    Args:
        force, skip_existing: as of `run_batch`.
        record: what files record of their making, as in `Result.save`.
        remarks: what is added to the line of a picture, by its output.
        begun: `time.monotonic()` from which the time limit and the seconds of the first picture
            count; now, by default.
        before: the run that is repeated; what may make the pixels differ is warned of.

    Raises: StylizeError for what concerns all pictures.
    """
    started = time.monotonic() if begun is None else begun
    for problem in plan.problems:
        warn(problem.message)
    if any(job.output == STANDARD for job in jobs) and (not sys.stdout or sys.stdout.isatty()):
        raise OutputError("-o - writes a PNG: send standard output to a file or a pipe")

    def prepare(cancelled: threading.Event) -> Make:
        import torch

        from stylize.making.memory import give_memory_back
        from stylize.making.stylizer import Stylizer

        give_memory_back()
        stylizer = Stylizer(plan, host, max_pixels=max_pixels, started=started, cancelled=cancelled)
        on_cpu = stylizer.parts.device.type == "cpu"
        crowd = [CrowdTeller(torch.get_num_threads())] if on_cpu else []
        hints = HintTeller(quiet=report.quiet)
        limit = plan.settings.time
        begins = iter([started])

        def make(job: Job, observers: Sequence[Observer]) -> Made:
            began = next(begins, time.monotonic())
            result = stylizer(job.content, job.styles, [*observers, *crowd, hints])
            told = result.record
            hints.made(plan.settings, told)
            if before:
                compare_runs(before, validate_record(RunRecord, told, job.output))

            def line() -> str:
                took = time.monotonic() - began
                ending = ENDINGS[result.stopped]
                if result.stopped == "time" and limit is not None and took > limit + LATE:
                    ending += f", {took - limit:.1f} s late: loading and one step take longer"
                where = "standard output" if job.output == STANDARD else job.output
                remark = (remarks or {}).get(job.output)
                return (
                    f"{where}: {told['width']}x{told['height']}, {count(told['steps'], 'step')}, "
                    f"{took:.1f} s on {report.tell_device(told)}{ending}"
                    + (f"; {remark}" if remark else "")
                )

            def save() -> None:
                _save(result, job.output, force=force, record=record)

            return Made(line, told, result.warnings, save)

        return make

    def check(job: Job) -> None:
        require_files(job.inputs)
        check_output(job.output, force=force, inputs=inputs)

    inputs = {path for job in jobs for path in job.inputs}
    return run_batch(
        jobs,
        report,
        prepare,
        check=check,
        force=force,
        skip_existing=skip_existing,
        on_interrupt=INTERRUPTED,
    )


def _save(result: Result, output: str, *, force: bool, record: RecordKind) -> None:
    """Save a picture: beside a file that has taken its name since the run began. See `Result`."""
    try:
        result.save(output, force=force, record=record)
    except OutputError as error:
        path = Path(output)
        if force or not path.is_file():
            raise
        names = (path.with_stem(f"{path.stem}_{number}") for number in itertools.count(2))
        free = next(name for name in names if not name.exists())
        result.save(free, record=record)
        raise OutputError(
            f"{output}: has appeared since this run began, and is left as it is: the picture is "
            f"{free}"
        ) from error


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Import without the garbage collector, which finds all that torch makes in use, many times."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextlib.contextmanager
def interruptible(cancelled: threading.Event, what: str) -> Iterator[None]:
    """Make the first Ctrl-C set `cancelled` and say what follows; a second is final.

    SIGTERM and, where it is not ignored, SIGHUP count as Ctrl-C.

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

    heard = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:  # as of nohup
        heard.append(hangup)
    before = {number: signal.signal(number, ask) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
