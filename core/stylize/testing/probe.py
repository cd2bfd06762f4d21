"""Imports a plugin and calls its hooks in a separate process, and reports the results.

A plugin that prints, hangs, calls sys.exit or crashes the interpreter does so there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["NOT_DONE", "Probed", "probe_plugin"]

RUN = "stylize.testing.probing"
NOT_DONE = "is not done after"


@dataclass
class Probed:
    """The results of importing a plugin and calling its hooks.

    Args:
        stage: the stage in which it ended: "import", "components", "settings", "commands",
            "command NAME" for each that is loaded, the names of other hooks, "observer" and
            "source" for their results, and "done" if it reached the end.
        error: the error in that stage, or how the process ended.
        heavy: the first heavy module that each stage imported.
        printed: its standard output at import.
        hooks: the names of the hooks that it implements.
        commands: the names of the commands that it adds.
        api: its STYLIZE_PLUGIN_API, "" if it has none.
        failed: failures of stages that did not stop later ones.
        changed: the changes of each stage to the process.
        seconds: duration of the import.
        usual: duration of the framework's own, on the same machine just before.
    """

    stage: str = "import"
    error: str = ""
    heavy: dict[str, str] = field(default_factory=dict)
    printed: str = ""
    hooks: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    api: str = ""
    failed: dict[str, str] = field(default_factory=dict)
    changed: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0
    usual: float = 0.0

    @property
    def hangs(self) -> bool:
        """Whether it had to be killed."""
        return self.error.startswith(NOT_DONE)


def probe_plugin(plugin: str, seconds: float) -> Probed:
    """Import a plugin ("module" or "module:object") in another process, with a limit per stage.

    A stage that hangs ends after twice the limit at the latest.
    """
    with tempfile.TemporaryDirectory() as folder:
        report, printed = Path(folder) / "report.json", Path(folder) / "printed"
        paths = os.pathsep.join(path for path in sys.path if path)
        with printed.open("wb") as stdout:
            process = subprocess.Popen(
                [sys.executable, "-m", RUN, plugin, str(report)],
                env={**os.environ, "PYTHONPATH": paths, "STYLIZE_OFFLINE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
            )
            in_time = _wait(process, report, seconds)
        probed = _read(report)
        probed.printed = printed.read_text(errors="replace")
        if not in_time:
            probed.error = f"{NOT_DONE} {seconds:g} s"
        elif probed.stage != "done" and not probed.error:
            probed.error = f"ends the interpreter with exit code {process.returncode}"
        return probed


def _wait(process: subprocess.Popen[bytes], report: Path, seconds: float) -> bool:
    """Wait for the end as long as new stages begin in time; return whether it came."""
    stage = Probed().stage
    while True:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            if (now := _read(report).stage) != stage:
                stage = now
                continue
            process.kill()
            process.wait()
            return False
        return True


def _read(report: Path) -> Probed:
    try:
        return Probed(**json.loads(report.read_text()))
    except (OSError, ValueError):  # it never began to write, or was stopped while writing
        return Probed()
