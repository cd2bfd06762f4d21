"""Runs the command inside the test process, as a user would in a folder of pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stylize.cli import run

__all__ = ["ENDLESS", "FAST", "SMALL", "STEPS", "Command", "Outcome"]

# In float32, as the probe of bfloat16 is not repeatable.
SMALL = ("--size", "48", "--precision", "float32")
# One evaluation makes a picture, which is the photograph itself; four make one that differs.
FAST = (*SMALL, "--set", "gatys.iterations=1")
STEPS = (*SMALL, "--set", "gatys.iterations=4")
ENDLESS = (*SMALL, "--set", "gatys.iterations=100000")


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it printed."""

    code: int
    stdout: bytes
    err: str

    @property
    def out(self) -> str:
        """Standard output as text."""
        return self.stdout.decode()

    @property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as JSON records, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def complaint(self) -> str:
        """Standard error, which must be the one line of an error."""
        assert self.err.startswith("stylize: "), self.err
        assert self.err.count("\n") == 1, self.err
        return self.err.strip()


class Command:
    """`command("photo.png", "painting.png", *FAST)` is that line typed in `folder`."""

    def __init__(
        self,
        folder: Path,
        capture: pytest.CaptureFixture[bytes],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.folder = folder
        self._capture = capture
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str | Path, stdin: bytes = b"") -> Outcome:
        self._monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(stdin)))
        self._capture.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = self._capture.readouterr()
        return Outcome(code, out, err.decode())

    @property
    def files(self) -> set[str]:
        """What the folder holds besides the photograph and the painting, and folders' contents."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*"))
        return {str(path) for path in found} - {"photo.png", "painting.png"}
