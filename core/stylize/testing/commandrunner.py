"""Runs the command inside the test process, as a user would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

__all__ = ["CommandRunner", "Outcome"]


@dataclass(frozen=True)
class Outcome:
    """A command's exit code and output."""

    code: int
    stdout: bytes
    err: str

    @property
    def out(self) -> str:
        """Standard output as text."""
        return self.stdout.decode()

    @property
    def records(self) -> list[dict[str, Any]]:
        """Standard output as JSON records, one per line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def complaint(self) -> str:
        """Standard error, which must be the one line of an error."""
        assert self.err.startswith("stylize: "), self.err
        assert self.err.count("\n") == 1, self.err
        return self.err.strip()


class CommandRunner:
    """`stylize_command("photo.png", "painting.png")` runs that command line in `folder`."""

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
        """Run the command, with plugins found again, and return its outcome."""
        from stylize.command.app import run

        self._monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=BytesIO(stdin)))
        self._capture.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = self._capture.readouterr()
        return Outcome(code, out, err.decode())
