"""Watches the process that loads plugins: a plugin that hangs or ends it is a finding too."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from stylize.disabling import DISABLE_VARIABLE
from stylize_develop.doctor.finding import Finding, problem

__all__ = ["examine_plugins"]

# The child sees the modules that this process sees, wherever it found them.
START = """\
import json, sys
request = json.loads(sys.stdin.readline())
sys.path[:] = request["path"]
from stylize_develop.doctor.loading import run
run(request["stuck"])
"""
# Seconds for torch alone: minutes from a cold network disk.
PATIENCE = 300.0


@dataclass
class Step:
    """What the process is doing; `plugin` is "" if no plugin is to blame."""

    plugin: str = ""
    title: str = ""
    doing: str = "start"


@dataclass
class Report:
    """The lines of the process, and how it ended; `ending` is "" if it finished."""

    findings: list[Finding] = field(default_factory=list)
    step: Step = field(default_factory=Step)
    ending: str = ""


def examine_plugins(time_limit: float) -> list[Finding]:
    """Load all plugins in a separate process, and return what is wrong with them.

    A plugin that hangs or ends the process is left out of the next one, until all others are seen.

    Args:
        time_limit: seconds that each step of a plugin may take.
    """
    stuck: dict[str, Finding] = {}
    while True:
        report = _examine_once(list(stuck), time_limit)
        step = report.step
        if not report.ending:
            return [*stuck.values(), *report.findings]
        if not step.plugin or step.plugin in stuck:
            finding = problem(
                step.doing if step.plugin == "" else step.title,
                f"the examination {report.ending} at {step.doing}; plugins were not fully seen",
                "fix the other findings, then run stylize plugins doctor again",
            )
            return [*stuck.values(), *report.findings, finding]
        stuck[step.plugin] = problem(
            step.title,
            f"{report.ending} at {step.doing}",
            f"report it to its author; until then leave it out with "
            f"{DISABLE_VARIABLE}={step.plugin}",
        )


def _examine_once(stuck: list[str], time_limit: float) -> Report:
    report = Report()
    with _process(stuck) as (lines, errors, process):
        while True:
            limit = time_limit if report.step.plugin else max(time_limit, PATIENCE)
            try:
                line = lines.get(timeout=limit)
            except queue.Empty:
                report.ending = f"hangs (no end after {limit:g} s)"
                return report
            if line is None:
                code = process.wait()
                errors.seek(0)
                last = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
                report.ending = f"ends the process (exit code {code}) {last[:200]}".rstrip()
                return report
            if line.get("done"):
                return report
            if "step" in line:
                report.step = Step(**line["step"])
            else:
                report.findings.append(Finding(**line["finding"]))


@contextmanager
def _process(
    stuck: list[str],
) -> Iterator[tuple[queue.Queue[Any], IO[bytes], subprocess.Popen[bytes]]]:
    """Start the process; give its lines (None at its end), its standard error and itself."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        lines: queue.Queue[Any] = queue.Queue()
        # A thread, as a pipe cannot be read with a time limit everywhere.
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        try:
            process.stdin.write(json.dumps({"path": sys.path, "stuck": stuck}).encode() + b"\n")
            process.stdin.close()
            yield lines, errors, process
        finally:
            process.kill()  # also where all was told: a plugin's thread may keep it alive
            process.wait()


def _read(stream: IO[bytes], lines: queue.Queue[Any]) -> None:
    with stream:
        for line in stream:
            lines.put(json.loads(line))
    lines.put(None)
