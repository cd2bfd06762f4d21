"""What came of each piece of a batch: lines on standard error, JSON records on standard output."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterable, Mapping
from typing import Any

import typer

from stylize.command.inputs import STANDARD, Job
from stylize.command.saying import INTERRUPTED, explain, say, take_warnings

__all__ = ["ENDINGS", "Report", "count"]

# What is added to the line of a run that ended early.
ENDINGS = {"done": "", "time": ", stopped by the time limit", "interrupted": ", interrupted"}


def count(number: int, noun: str) -> str:
    """Return "1 step" or "2 steps"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


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
        self.skips: dict[str, list[str]] = {}
        self._shared: list[str] = []

    def share_warnings(self) -> None:
        """Let the warnings printed so far belong to all that is made from now on."""
        self._shared += take_warnings()

    def tell_device(self, record: Mapping[str, Any]) -> str:
        """Return a run's device and precision, of its record; stylize devices says why."""
        return f"{record['device']} in {record['settings']['precision']}"

    def made(self, job: Job, record: Mapping[str, Any], line: str) -> None:
        """Print the record or the line of what was made and saved.

        Its warnings are those of the record, and all that were printed meanwhile.
        """
        warnings = self._warnings(record.get("warnings", ()))
        self._write(job, {"status": "made", **record, "warnings": warnings})
        if not (self.quiet or self.as_json):
            say(line)

    def skipped(self, job: Job, reason: str) -> None:
        """Note a picture that was not attempted."""
        self.skips.setdefault(reason, []).append(job.output)
        self._write(job, {"status": "skipped", "reason": reason})

    def failed(self, job: Job, error: BaseException) -> None:
        """Tell of a picture that could not be made."""
        if self.debug:
            traceback.print_exception(error)
        message, code = explain(error)
        self.failures.append((job.title, code))
        named = self.total == 1 or job.title in message
        say(f"stylize: {message if named else f'{job.title}: {message}'}")
        self._write(job, {"status": "failed", "error": message, "warnings": self._warnings()})

    def finish(self, *, interrupted: bool = False) -> int:
        """Sum up, and return the exit code."""
        if not self.quiet:
            for reason, outputs in self.skips.items():
                skipped = f"{len(outputs)} of {self.total} {self.noun} skipped"
                say(f"{outputs[0] if self.total == 1 else skipped}: {reason}")
        if self.failures and self.total > 1:
            names = ", ".join(name for name, _ in self.failures)
            say(f"stylize: {len(self.failures)} of {self.total} {self.noun} failed: {names}")
        if interrupted:
            return INTERRUPTED
        if self.failures:
            return self.failures[0][1] if self.total == 1 else 1
        return 0

    def _warnings(self, own: Iterable[str] = ()) -> list[str]:
        return list(dict.fromkeys([*self._shared, *take_warnings(), *own]))

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
