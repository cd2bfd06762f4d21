"""Checks plugins in separate processes, within a time limit. Imports neither torch nor pytest.

A plugin that hangs, prints, calls sys.exit or crashes the interpreter is one broken promise in
the report, and no more.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

from stylize.errors import UsageError
from stylize.testing.checks import Check
from stylize.testing.target import Target

__all__ = ["check_target"]

RUN = "stylize.testing.contractrun"


def check_target(target: Target, seconds: float) -> Iterator[Check]:
    """Yield each finding as soon as it is known.

    Args:
        seconds: time limit of each plugin.

    Raises: UsageError if a module is not a plugin at all.
    """
    for plugin in target.plugins:
        with tempfile.TemporaryFile() as errors:
            yield from _check(plugin, target, seconds, errors)


def _check(plugin: str, target: Target, seconds: float, errors: IO[bytes]) -> Iterator[Check]:
    declared = "declared" if target.declared else "given"
    paths = [*map(str, target.paths), *(path for path in sys.path if path)]
    process = subprocess.Popen(
        # -P: the working folder is not the plugin's, so its files must not count as modules.
        [sys.executable, "-P", "-m", RUN, plugin, declared, str(seconds)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "STYLIZE_OFFLINE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
        encoding="utf-8",
    )
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill(process)

    timer = threading.Timer(seconds, stop)
    timer.start()
    part, promise, done = f"plugin {plugin}", "can be checked", False
    try:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            kind = event.pop("event")
            if kind == "no plugin":
                raise UsageError(
                    f"{plugin} is not a plugin: it has neither STYLIZE_PLUGIN_API nor a hook "
                    f"marked with stylize.hookimpl"
                )
            if kind == "start":
                part, promise = event["part"], event["promise"]
            elif kind == "check":
                yield Check(**event)
            else:
                done = True
        code = process.wait()
    finally:
        timer.cancel()
        _kill(process)
        process.wait()
    if late.is_set():
        fault = f"it is not done after {seconds:g} s"
        yield Check(part, promise, "broken", fault, "find what hangs, or allow more --time-limit")
    elif not done:
        last = _last_line(errors)
        fault = f"it ends the interpreter with exit code {code}" + (
            f", last printing {last!r}" if last else ""
        )
        yield Check(part, promise, "broken", fault, "call neither sys.exit nor os._exit")


def _kill(process: subprocess.Popen[str]) -> None:
    """End a process and its child processes."""
    if process.poll() is not None:
        return
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _last_line(file: IO[bytes]) -> str:
    file.seek(0)
    lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:200] if lines else ""
