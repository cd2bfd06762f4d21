"""Standard output, kept for what a command itself writes: a picture, JSON, lines for a person."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from stylize.command.saying import explain
from stylize.errors import PluginError
from stylize.guests import guest

__all__ = ["carries_data", "clean_stdout", "give_stdout_away", "own_stdout"]


@contextlib.contextmanager
def clean_stdout() -> Iterator[None]:
    """Keep what plugins and libraries print (torch, of downloads) out of a picture or JSON.

    What a plugin prints goes to standard error under its name.

    Raises: PluginError for what is no Exception, as sys.exit during the work.
    """
    with guest():
        try:
            yield
        except (Exception, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            raise PluginError(explain(error)[0]) from error


def carries_data(arguments: Sequence[str]) -> bool:
    """Whether a command line sends a picture or JSON to standard output."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    given = arguments[:end]
    outputs = {name for name, value in pairwise(given) if value == "-"}
    return not {"--json", "-o-", "--output=-"}.isdisjoint(given) or not {
        "-o",
        "--output",
    }.isdisjoint(outputs)


@contextlib.contextmanager
def own_stdout() -> Iterator[None]:
    """Keep standard output from all that writes past the command while it carries data.

    The descriptor, which extensions and other programs write to, is standard error; so is
    `sys.stdout` of any other thread.
    """
    whole: Any = sys.stdout
    binary = getattr(whole, "buffer", None)
    if binary is None:  # none at all, or one that is text alone
        yield
        return
    with contextlib.ExitStack() as stack:
        if _descriptor(whole) == 1:
            whole.flush()
            copy = os.dup(1)
            stack.callback(_restore, copy)
            binary = stack.enter_context(_opened(copy))
            _hand_over()
        sys.stdout = io.TextIOWrapper(
            _OwnThread(binary), whole.encoding, whole.errors, write_through=True
        )
        try:
            yield
        finally:
            written, sys.stdout = sys.stdout, whole
            if isinstance(written, io.TextIOWrapper):  # typer puts another there for a broken pipe
                with contextlib.suppress(BrokenPipeError):
                    written.flush()
                written.detach()


def give_stdout_away() -> None:
    """Let nothing more reach standard output: what plugins do when the program ends prints."""
    sys.stdout = sys.stderr
    with contextlib.suppress(OSError):
        _hand_over()


@contextlib.contextmanager
def _opened(descriptor: int) -> Iterator[BinaryIO]:
    """Write to a descriptor, which stays open."""
    file = os.fdopen(descriptor, "wb", closefd=False)
    try:
        yield file
        with contextlib.suppress(BrokenPipeError):
            file.flush()
    finally:
        with contextlib.suppress(OSError):  # told already, where it is full
            file.close()


def _restore(copy: int) -> None:
    os.dup2(copy, 1)
    os.close(copy)


def _hand_over() -> None:
    """Make the descriptor of standard output that of standard error, or of nothing."""
    try:
        os.dup2(2, 1)
    except OSError:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 1)


def _descriptor(stream: Any) -> int | None:
    try:
        number: int = stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None
    return number


class _OwnThread(io.BufferedIOBase):
    """Bytes of the thread that made it go to a file, those of others to standard error."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._thread = threading.get_ident()

    def write(self, data: Any) -> int:
        if threading.get_ident() == self._thread:
            return self._file.write(data)
        with contextlib.suppress(AttributeError, OSError):
            sys.stderr.buffer.write(data)
        return len(data)

    def flush(self) -> None:
        self._file.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._file.isatty()

    def fileno(self) -> int:
        return self._file.fileno()
