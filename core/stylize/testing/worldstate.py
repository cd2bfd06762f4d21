"""State of the whole process that no plugin may change: detecting and restoring it."""

from __future__ import annotations

import gc
import locale
import logging
import os
import random
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["WorldState", "watch_world"]

# Filters for all warnings of these classes silence or amplify those of other code.
BROAD = (Warning, UserWarning, DeprecationWarning, FutureWarning, RuntimeWarning)


class WorldState:
    """The current state of the process, with torch's and numpy's if they are imported."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {
            "the working folder": _folder(),
            "the environment": _environment(),
            "the locale": locale.setlocale(locale.LC_ALL),
            "the warning filters": [each for each in warnings.filters if _is_broad(each)],
            "the threads": {thread.ident for thread in threading.enumerate()},
            "the random seed": random.getstate(),
            "sys.path": list(sys.path),
            "standard output or error": (sys.stdout, sys.stderr),
            "sys.excepthook": sys.excepthook,
            "the recursion limit": sys.getrecursionlimit(),
            "the signal handlers": [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)],
            "the time limit of sockets": socket.getdefaulttimeout(),
            "the garbage collector": gc.isenabled(),
            "the root logger": (logging.root.level, list(logging.root.handlers)),
        }
        if torch := sys.modules.get("torch"):
            self.values |= _of_torch(torch)
            self._generator = torch.get_rng_state()
        if numpy := sys.modules.get("numpy"):
            self.values["numpy's random seed"] = numpy.random.get_state()[1].tobytes()

    def changes(self, before: WorldState, ignored: Collection[str] = ()) -> list[str]:
        """Return the differences from an earlier state, in words."""
        found = []
        for name, value in before.values.items():
            now = self.values.get(name, value)
            if now != value and name not in ignored:
                found.append(f"{name}{_difference(value, now)}")
        return found

    def restore(self) -> None:
        """Restore what can be restored."""
        values = self.values
        with suppress(OSError):
            os.chdir(values["the working folder"])
        if _environment() != values["the environment"]:
            own = {name: value for name, value in os.environ.items() if _is_torch_s(name)}
            os.environ.clear()
            os.environ.update(values["the environment"] | own)
        locale.setlocale(locale.LC_ALL, values["the locale"])
        random.setstate(values["the random seed"])
        sys.path[:] = values["sys.path"]
        sys.excepthook = values["sys.excepthook"]
        sys.setrecursionlimit(values["the recursion limit"])
        socket.setdefaulttimeout(values["the time limit of sockets"])
        (gc.enable if values["the garbage collector"] else gc.disable)()
        if "torch's default dtype" in values:
            self._restore_torch(sys.modules["torch"])

    def _restore_torch(self, torch: Any) -> None:
        """Restore only what has changed: some setters import torch's compiler."""
        torch.set_rng_state(self._generator)
        now = _of_torch(torch)
        for name, put_back in {
            "torch's default dtype": torch.set_default_dtype,
            "torch's number of threads": torch.set_num_threads,
            "torch's gradients": torch.set_grad_enabled,
            "torch's deterministic algorithms": torch.use_deterministic_algorithms,
            "torch's precision of matrix products": torch.set_float32_matmul_precision,
        }.items():
            if now[name] != self.values[name]:
                put_back(self.values[name])


@contextmanager
def watch_world(ignored: Collection[str] = ()) -> Iterator[list[str]]:
    """Yield a list that holds the changes of the block at its end; restore the state."""
    found: list[str] = []
    before = WorldState()
    try:
        yield found
    finally:
        found += WorldState().changes(before, ignored)
        if found:
            before.restore()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not _is_torch_s(name)}


def _is_torch_s(name: str) -> bool:
    """Whether torch itself sets it, for its compiler, which the first optimizer imports."""
    return name.startswith(("TORCHINDUCTOR_", "TRITON_"))


def _of_torch(torch: Any) -> dict[str, Any]:
    return {
        "torch's default dtype": torch.get_default_dtype(),
        "torch's number of threads": torch.get_num_threads(),
        "torch's random seed": torch.initial_seed(),
        "torch's gradients": torch.is_grad_enabled(),
        "torch's deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "torch's precision of matrix products": torch.get_float32_matmul_precision(),
        "torch's default device": str(torch.empty(0).device),
        "cuDNN's benchmark": torch.backends.cudnn.benchmark,
    }


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109  it may be gone
    except OSError:
        return ""


def _is_broad(rule: Any) -> bool:
    _, message, category, module, _ = rule
    return message is None and module is None and category in BROAD


def _difference(before: Any, now: Any) -> str:
    """Return a description of a change, for values that fit on a line."""
    if isinstance(before, dict):
        names = {n for n in {*before, *now} if before.get(n) != now.get(n)}
        return f" ({', '.join(sorted(names))})"
    if isinstance(before, int | float | str) or type(before).__name__ == "dtype":
        return f" ({before} to {now})"
    return ""
