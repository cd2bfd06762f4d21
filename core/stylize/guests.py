"""Running the code of plugins: where its output goes, how its errors read, who owns a module."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import metadata
from typing import BinaryIO, TextIO

from stylize.errors import PluginError, StylizeError
from stylize.version import DISTRIBUTION

__all__ = ["GROUP", "canonical_name", "guest", "is_memory", "one_line", "plugin_of", "title_of"]

GROUP = "stylize"  # of entry points
# Messages of Python and torch when memory runs out; torch has a class for it on some GPUs only.
MEMORY_SIGNS = (
    "OutOfMemoryError",
    "out of memory",
    "ALLOC_FAILED",
    "can't allocate memory",
    "not enough memory",
    "failed to map segment",  # of a library, such as torch's
    "Cannot allocate memory",
)


@contextlib.contextmanager
def guest(title: Callable[[], str] | None = None) -> Iterator[None]:
    """Run code of a plugin: what it prints goes to standard error, under the plugin's name.

    Args:
        title: what to blame for errors other than ours and lack of memory, such as "smoothing
            power of acme".

    Raises: PluginError, with a title; without one only for a raise of something other than an
        Exception, such as sys.exit or a panic of an extension, which would end the program.
        Ctrl-C passes.
    """
    with _named_stdout():
        try:
            yield
        except (StylizeError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            if isinstance(error, Exception) and (title is None or is_memory(error)):
                raise
            told = one_line(error)
            raise PluginError(f"{title()}: {told}" if title else told) from error


def one_line(error: BaseException) -> str:
    """Return an error in one line; our own need no class name."""
    text = textwrap.shorten(str(error), 400, placeholder=" ...")
    if isinstance(error, SystemExit):
        return f"it called sys.exit({text})"
    if isinstance(error, PluginError) and text:
        return text
    return f"{type(error).__name__}: {text}".rstrip(": ")


def is_memory(error: BaseException) -> bool:
    """Whether memory ran out: nobody's fault."""
    text = f"{type(error).__name__} {error}"
    return isinstance(error, MemoryError) or any(sign in text for sign in MEMORY_SIGNS)


def canonical_name(name: str) -> str:
    """Normalise a distribution's name as PEP 503 does."""
    return re.sub(r"[-_.]+", "-", name).lower()


def plugin_of(module: str) -> str:
    """Return the distribution, normalised, whose plugin has a module; "" for none and for ours."""
    return _owners(tuple(sys.path)).get(module.partition(".")[0], "")


def title_of(made: object) -> str:
    """Return the name of a plugin's object for messages, such as "PreviewWriter of acme"."""
    plugin = plugin_of(type(made).__module__)
    return f"{type(made).__name__}{f' of {plugin}' if plugin else ''}"


@lru_cache(maxsize=4)
def _owners(path: tuple[str, ...]) -> dict[str, str]:
    """Return the distributions by the top-level modules that their entry points name."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions(path=list(path)):
        try:
            points = distribution.entry_points.select(group=GROUP)
            names = {point.value.partition(":")[0].partition(".")[0] for point in points}
            if names and (name := canonical_name(distribution.name)) != DISTRIBUTION:
                found.update(dict.fromkeys(names, name))
        except Exception:  # damaged: discovery reports it
            continue
    return found


class _NamedStderr(io.TextIOBase):
    """Standard error as it is now, with the plugin's name at the start of each of its lines.

    This applies to the thread that made it, until it has ended, and to plugins in other threads.
    All others write to the previous standard output.
    """

    def begin(self) -> None:
        """Take the place of standard output."""
        self._begins = True
        self._thread = threading.get_ident()
        self.before = sys.stdout
        self.ended = False
        sys.stdout = self

    @property
    def _stream(self) -> TextIO:
        own = self._thread == threading.get_ident() or _writer()
        return sys.stderr if own and not self.ended else self.before

    def write(self, text: str) -> int:
        stream = self._stream
        if stream is self.before:
            return stream.write(text) if stream else len(text)
        with contextlib.suppress(OSError):  # the terminal is gone
            for line in text.splitlines(keepends=True) if stream else ():
                if self._begins and (name := _writer()):
                    stream.write(f"{name}: ")
                stream.write(line)
                self._begins = line.endswith("\n")
        return len(text)

    def flush(self) -> None:
        if self._stream:
            self._stream.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return bool(self._stream and self._stream.isatty())

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def buffer(self) -> BinaryIO:
        """Where bytes go."""
        return self._stream.buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding


# The replacements of standard output, in the order in which they began: guests of several
# threads end in any order. None is ever freed, as a thread may still be printing to it.
_standing_in: list[_NamedStderr] = []
_spare: list[_NamedStderr] = []
_lock = threading.Lock()


@contextlib.contextmanager
def _named_stdout() -> Iterator[None]:
    """Send what this thread prints to standard error, under the names of plugins."""
    with _lock:
        own = _spare.pop() if _spare else _NamedStderr()
        _standing_in.append(own)
        own.begin()
    try:
        yield
    finally:
        with _lock:
            own.ended = True
            while _standing_in and _standing_in[-1].ended:
                _spare.append(_standing_in.pop())
                sys.stdout = _spare[-1].before


def _writer() -> str:
    """Return the plugin that prints, by the innermost module of one on the stack."""
    frame = sys._getframe(2)
    while frame is not None:
        if name := plugin_of(str(frame.f_globals.get("__name__", ""))):
            return name
        frame = frame.f_back  # type: ignore[assignment]
    return ""
