"""Sections of tasks on one clock: tasks that do not fit are reported as not run."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from stylize.errors import ExtraMissingError

__all__ = ["Clock", "NotRun", "Outcome", "Row", "Section", "Task", "run_sections"]


class NotRun(Exception):  # noqa: N818  # no error: a fact that goes into the table
    """The reason why a task cannot run here."""


@dataclass(frozen=True)
class Clock:
    """The end of a task's time, on the clock of `time.monotonic()`."""

    end: float

    @property
    def left(self) -> float:
        """The seconds left."""
        return self.end - time.monotonic()


@dataclass
class Outcome:
    """The results of a task.

    Args:
        values: numbers and words by name, for the table.
        claims: whether each claim holds, by its text.
        notes: lines for the reader.
        skipped: parts of the task that did not fit, reported as "not run".
    """

    values: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, bool] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    skipped: str = ""


@dataclass(frozen=True)
class Task:
    """One thing to check or measure. `least`: it starts only with this many seconds left."""

    name: str
    run: Callable[[Clock], Outcome]
    least: float = 0.0


@dataclass(frozen=True)
class Section:
    """Tasks with a share of the time, the most important first.

    Args:
        checks: whether it checks claims. Running out of memory then fails the task; in a
            measurement it is a result.
    """

    name: str
    share: float
    tasks: Sequence[Task]
    checks: bool = True


@dataclass(frozen=True)
class Row:
    """A task's status, "holds", "FAILS", "measured" or "not run", and its results."""

    section: str
    task: str
    status: str
    seconds: float
    outcome: Outcome

    @property
    def failed(self) -> bool:
        """Whether a claim does not hold."""
        return self.status == "FAILS"


def run_sections(sections: Sequence[Section], end: float) -> Iterator[Row]:
    """Run all tasks in order and yield a row for each, even if it did not fit.

    A section gets its share of the time that is left when it begins, and each of its tasks an
    equal part of that. Time that one does not use goes to the next.

    Args:
        end: on the clock of `time.monotonic()`.
    """
    shares = sum(section.share for section in sections)
    for section in sections:
        left = max(0.0, end - time.monotonic())
        stop = time.monotonic() + left * section.share / shares
        shares -= section.share
        for number, task in enumerate(section.tasks):
            left = stop - time.monotonic()
            if left <= task.least:
                why = f"{task.least:.0f} s are needed, " if left > 0 else ""
                yield _not_run(section, task, f"{why}no time is left")
                continue
            part = max(left / (len(section.tasks) - number), task.least)
            yield _do(section, task, Clock(time.monotonic() + part))


def _do(section: Section, task: Task, clock: Clock) -> Row:
    """Run a task; an error fails this task, and does not stop others."""
    started = time.monotonic()
    try:
        outcome = task.run(clock)
    except (NotRun, ExtraMissingError) as error:
        return _not_run(section, task, str(error))
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        if isinstance(error, torch.OutOfMemoryError) and not section.checks:
            return _not_run(section, task, f"out of memory: {said}")
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{where.filename.rsplit('/', 1)[-1]}:{where.lineno}"
        outcome = Outcome({}, {f"ends ({type(error).__name__} at {place}: {said})": False})
    status = "measured"
    if outcome.claims:
        status = "holds" if all(outcome.claims.values()) else "FAILS"
    return Row(section.name, task.name, status, time.monotonic() - started, outcome)


def _not_run(section: Section, task: Task, why: str) -> Row:
    return Row(section.name, task.name, "not run", 0.0, Outcome(skipped=why))
