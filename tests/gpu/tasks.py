"""Sections of tasks against one clock: what does not fit is written as not run, never left out."""

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
    """Why a task cannot be done here."""


@dataclass(frozen=True)
class Clock:
    """Until when a task may go on, on the clock of `time.monotonic()`."""

    end: float

    @property
    def left(self) -> float:
        """Seconds."""
        return self.end - time.monotonic()


@dataclass
class Outcome:
    """What a task found.

    Args:
        values: numbers and words by name, for the table.
        claims: what must hold, by what is claimed.
        notes: lines for a person.
        skipped: parts of the task that did not fit, reported as "not run".
    """

    values: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, bool] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    skipped: str = ""


@dataclass(frozen=True)
class Task:
    """One thing to check or measure. `least`: seconds without which it is not begun."""

    name: str
    run: Callable[[Clock], Outcome]
    least: float = 0.0


@dataclass(frozen=True)
class Section:
    """Tasks with a share of the time, the most important first.

    Args:
        checks: whether it holds claims: memory that runs out is then a failure; of a measurement
            it is a fact.
    """

    name: str
    share: float
    tasks: Sequence[Task]
    checks: bool = True


@dataclass(frozen=True)
class Row:
    """How a task ended: "holds", "FAILS", "measured" or "not run"."""

    section: str
    task: str
    status: str
    seconds: float
    outcome: Outcome

    @property
    def failed(self) -> bool:
        """Whether something that must hold does not."""
        return self.status == "FAILS"


def run_sections(sections: Sequence[Section], end: float) -> Iterator[Row]:
    """Do all tasks in order and yield a row for each, those that did not fit too.

    A section has its share of the time that is left when it begins, and each task in it an equal
    part of the section's: what one leaves, the next may take.

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
                why = f"{task.least:.0f} s are wanted, " if left > 0 else ""
                yield _not_run(section, task, f"{why}no time is left")
                continue
            part = max(left / (len(section.tasks) - number), task.least)
            yield _do(section, task, Clock(time.monotonic() + part))


def _do(section: Section, task: Task, clock: Clock) -> Row:
    """Do a task; what it raises is a failure of it, and stops nothing else."""
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
