"""Whole processes for benchmarks: the seconds and the peak memory of each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from stylize import Verdict

__all__ = ["Row", "enlarge", "run", "stylize"]


@dataclass(frozen=True)
class Row:
    """A finished process: its seconds, its peak memory in MB, and the judge's verdict."""

    name: str
    seconds: float
    peak: float
    verdict: Verdict | None = None


def run(name: str, command: list[str]) -> Row:
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} failed: {' '.join(command)}")
    return Row(name, time.monotonic() - started, usage.ru_maxrss / 1024)


def enlarge(path: str, size: int, folder: Path) -> str:
    """Write a copy of a picture with a longer side of `size`: stylize itself never enlarges."""
    with Image.open(path) as image:
        scale = size / max(image.size)
        copy = image.convert("RGB").resize([round(side * scale) for side in image.size])
    copy.save(folder / f"{Path(path).stem}_{size}.png")
    return str(folder / f"{Path(path).stem}_{size}.png")


def stylize(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "stylize", "--device", "cpu", "--quiet", "--force", *arguments]
