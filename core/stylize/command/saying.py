"""Lines for a person on standard error, and errors in one line."""

from __future__ import annotations

import difflib
from typing import Any

import typer

from stylize.errors import StylizeError

__all__ = ["INTERRUPTED", "explain", "say", "warn"]

INTERRUPTED = 130


def say(message: str) -> None:
    """Print a line for a person: on standard error, so that standard output stays clean."""
    typer.echo(message, err=True)


def warn(message: str) -> None:
    """Print a warning."""
    say(f"stylize: warning: {message}")


def explain(error: Exception) -> tuple[str, int]:
    """Tell an error in one line, with what was noted on its way, and the exit code it means."""
    if isinstance(error, StylizeError):
        message, code = str(error), error.exit_code
    elif hasattr(error, "format_message"):  # typer's own, whose classes are private
        message, code = _explain_usage(error), 2
    elif _is_memory(error):
        message, code = f"out of memory ({error}): use a smaller --size", 1
    elif isinstance(error, OSError) and error.filename:
        message, code = f"{error.filename}: {error.strerror}", 2
    else:
        message = f"{type(error).__name__}: {error} (this is a fault of ours: --debug shows where)"
        code = 1
    message = "; ".join([message, *getattr(error, "__notes__", ())])
    return " ".join(message.split()), code


def _explain_usage(error: Any) -> str:
    """Tell a usage error of typer, with the nearest option for one that does not exist."""
    help_command = f"{error.ctx.command_path} --help" if error.ctx else "stylize --help"
    if not (given := getattr(error, "option_name", None)) or not hasattr(error, "possibilities"):
        return f"{error.format_message().rstrip('.')} (see {help_command})"
    known = {name.lstrip("-"): name for name in error.possibilities or ()}
    near = difflib.get_close_matches(given.lstrip("-"), known, n=1)
    hint = f"; did you mean {known[near[0]]}?" if near else ""
    return f"no such option {given}{hint} (see {help_command})"


def _is_memory(error: Exception) -> bool:
    """Whether memory ran out, in Python or in torch, which has a class for it on GPUs only."""
    return isinstance(error, MemoryError) or any(
        sign in f"{type(error).__name__} {error}"
        for sign in ("OutOfMemoryError", "can't allocate memory", "not enough memory")
    )
