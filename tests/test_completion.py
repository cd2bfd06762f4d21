"""Completion in real shells, as typed at a terminal, and without torch."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
# The command that starts each shell without user settings, and loads the completions.
SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], "source <(_STYLIZE_COMPLETE=source_bash stylize)"),
    "zsh": (
        ["-f", "-i"],
        'autoload -Uz compinit; compinit -u -D; eval "$(_STYLIZE_COMPLETE=source_zsh stylize)"',
    ),
    "fish": (["--no-config", "-i"], "_STYLIZE_COMPLETE=source_fish stylize | source"),
}
# The text typed before the tab key, and the line after it.
TYPED = {
    "stylize calib": "calibrate",
    "stylize plugins doc": "doctor",
    "stylize --keep-c": "--keep-color",
    "stylize --stroke": "--stroke-size",
    "stylize photo.jpg --smooth softs": "softsign",
    "stylize --backbone resnet50_thin.o": "resnet50_thin.open_nsfw",
    "stylize --model composition_v": "composition_vii",
    "stylize --preset gatys_day": "gatys_daytime",
    "stylize --quality dr": "draft",
    "stylize train --schedule cos": "cosine",
    "stylize compare --style-loss was": "wasserstein",
}


class Terminal:
    """A shell at its own terminal."""

    def __init__(self, shell: str, folder: Path) -> None:
        arguments, setup = SHELLS[shell]
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            environment = {
                **os.environ,
                "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
                "TERM": "dumb",
                "HOME": str(folder),
                "PS1": "ready> ",
            }
            os.execvpe(shell, [shell, *arguments], environment)
        self.type(f"{setup}; echo set''up\n")
        self.read_until(r"setup\r?\n")

    def type(self, text: str) -> None:
        os.write(self.file, text.encode())

    def read_until(self, pattern: str, seconds: float = 60.0) -> str:
        """Return the terminal's text up to a pattern."""
        shown, end = "", time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.file], [], [], 0.2)[0]:
                shown += os.read(self.file, 65536).decode(errors="replace")
                # fish asks the terminal who it is, and waits for the answer.
                if "\x1b[c" in shown or "\x1b[0c" in shown:
                    os.write(self.file, b"\x1b[?1;2c")
                    shown = shown.replace("\x1b[c", "").replace("\x1b[0c", "")
            if re.search(
                pattern, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x08", "", shown)
            ):
                return shown
        raise AssertionError(f"no {pattern!r} in {shown!r}")

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.file)


@pytest.fixture(scope="module", params=SHELLS)
def terminal(request, tmp_path_factory) -> Iterator[Terminal]:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    opened = Terminal(request.param, tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()


@pytest.mark.slow
def test_shells_complete_commands_options_and_the_names_of_parts(terminal):
    for typed, word in TYPED.items():
        terminal.type(f"{typed}\t")
        terminal.read_until(re.escape(word))
        terminal.type("\x15")  # clears the line


def complete(line: str, **variables: str) -> list[str]:
    """Return bash's completions of a line."""
    words = line.split(" ")
    ended = subprocess.run(
        [BIN / "stylize"],
        env={
            **os.environ,
            "_STYLIZE_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
            **variables,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr == ""
    return ended.stdout.split()


def test_a_first_word_may_be_a_command_and_no_word_is_lost_to_a_file():
    assert {"compare", "rerun", "train", "video"} <= set(complete("stylize "))
    assert set(complete("stylize p")) == {"picture", "plugins", "presets"}
    assert complete("stylize photo.j") == []  # the shell's own completion of files takes over


def test_one_spelling_of_an_option_is_offered():
    for words in ("stylize ", "stylize photo.jpg "):
        assert complete(f"{words}--keep-c") == ["--keep-color"]
        assert complete(f"{words}--keep-colou") == ["--keep-colour"]


def test_the_last_name_of_a_list_is_completed():
    found = complete("stylize analyze activations --smooth none,sof")
    assert set(found) == {"none,softmax", "none,softsign"}


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("presets show gatys_day", "gatys_daytime"),
        ("presets diff defaults swag_ta", "swag_tanh"),
        ("models show composition_v", "composition_vii"),
        ("plugins show softs", "softsign"),
        ("train john", "johnson"),
    ],
)
def test_names_are_completed_as_arguments_too(typed, word):
    assert complete(f"stylize {typed}") == [word]


def test_a_broken_plugin_says_nothing_into_a_line_that_is_typed(tmp_path):
    place = tmp_path / "acme_broken-1.0.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-broken\nVersion: 1.0\n")
    (place / "entry_points.txt").write_text("[stylize]\nbroken = no_such_module\n")
    assert "tanh" in complete("stylize --smooth ta", PYTHONPATH=str(tmp_path))


def test_completing_imports_no_torch(tmp_path):
    trap = tmp_path / "torch"
    trap.mkdir()
    (trap / "__init__.py").write_text("raise SystemExit('torch was imported')")
    for line in ("stylize --model st", "stylize train --", "stylize --style-loss g"):
        assert complete(line, PYTHONPATH=str(tmp_path))
