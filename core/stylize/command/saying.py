"""Lines for a person on standard error, and errors in one line."""

from __future__ import annotations

import contextlib
import errno
import logging
import re
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import typer

from stylize.contract.settings import short
from stylize.disabling import tell_disabled
from stylize.discovery.host import PluginHost
from stylize.errors import PluginError, StylizeError, UnknownNameError
from stylize.guests import is_memory, one_line, plugin_of
from stylize.making.blame import blame
from stylize.spelling import nearest_name

__all__ = [
    "INTERRUPTED",
    "LogTeller",
    "explain",
    "knowing",
    "offer",
    "say",
    "take_warnings",
    "warn",
]

INTERRUPTED = 130
# What takes less memory, if the command that runs has the option.
SMALLER = ("--size", "--judge-size", "--crop", "--batch")
# How typer tells a value that is none of an option's choices.
CHOICE = re.compile(r"(?:Value error, )?'(.*)' is not one of (.*)", re.DOTALL)
COMMAND = re.compile(r"No such command '(.*?)'\.")
# Typer's other sentences, and ours: first the value, then what is wrong with it.
REWORDED = (
    (r"Missing (?:argument|option) (.*?)\. Choose from:\s*(.*)", r"\1 is missing: give one of \2"),
    (r"Missing (?:argument|option) (.*)", r"\1 is missing: give it"),
    (r"Missing command", "no command: give one"),
    (r"Option (.*) requires an argument", r"\1 has no value: give one after it"),
    (r"Option (.*) does not take a value", r"\1 takes no value: give it alone"),
    (r"Got unexpected extra argument(?:s|\(s\))? \((.*)\)", r"\1 is too much: leave it out"),
)
# Warnings that were printed, and are in no record yet.
_printed: list[str] = []
_offered: ContextVar[frozenset[str]] = ContextVar("_offered", default=frozenset())
_command: ContextVar[tuple[str, str]] = ContextVar("_command", default=("", ""))
_known: ContextVar[PluginHost | None] = ContextVar("_known", default=None)


def say(message: str) -> None:
    """Print a line for a person: on standard error, so that standard output stays clean."""
    with contextlib.suppress(OSError):  # of a terminal that is gone: no reason to lose a picture
        typer.echo(message, err=True)


def warn(message: str) -> None:
    """Print a warning, and keep it for the record of the picture that is being made."""
    say(f"stylize: warning: {message}")
    _printed.append(message)


def take_warnings() -> list[str]:
    """Return the warnings that were printed since this was last called."""
    taken = _printed.copy()
    _printed.clear()
    return taken


class LogTeller(logging.Handler):
    """Prints what the framework logs as warnings, each once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self._told:
            self._told.add(message)
            warn(message)


def offer(options: Iterable[str], name: str = "", module: str = "") -> None:
    """Note the command that runs now: its options, so that advice names no other, and whose it is.

    Args:
        module: of its function.
    """
    _offered.set(frozenset(options))
    _command.set((name, module))


def knowing(host: PluginHost) -> None:
    """Note the plugins of the command that runs now, which may be to blame for an error."""
    _known.set(host)


def explain(error: BaseException) -> tuple[str, int]:
    """Tell an error in one line, with what was noted on its way, and the exit code it means."""
    if isinstance(error, StylizeError):
        message, code = str(error), error.exit_code
    elif hasattr(error, "format_message"):  # typer's own, whose classes are private
        message, code = _explain_usage(error), 2
    elif is_memory(error):
        message, code = _explain_memory(error), 1
    elif isinstance(error, OSError) and error.filename:
        message, code = f"{error.filename}: {error.strerror}", 2
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        message = f"standard output cannot be written ({error.strerror}): send it elsewhere"
        code = 2
    elif isinstance(error, FileNotFoundError):
        message, code = "the working folder is gone: go to another one (cd)", 2
    elif whose := _blame(error):
        message, code = f"{whose}: {one_line(error)}", PluginError.exit_code
    else:
        message = f"{one_line(error)} (this is a fault of ours: --debug shows where)"
        code = 1
    message = "; ".join([message, *getattr(error, "__notes__", ())])
    return " ".join(message.split()), code


def _blame(error: BaseException) -> str:
    """Return the part or the command of a plugin that raised; "" where it is ours, or unknown."""
    host, (command, module) = _known.get(), _command.get()
    whose = blame(host, error) if host else ""
    plugin = plugin_of(module)
    return f"command {command} of {plugin}" if whose == f"plugin {plugin}" else whose


def _explain_usage(error: Any) -> str:
    """Tell a usage error of typer in our words, with the nearest of names that exist."""
    running = f"stylize {_command.get()[0]}".strip()
    see = f"(see {error.ctx.command_path if error.ctx else running} --help)"
    if found := CHOICE.match(str(getattr(error, "message", ""))):
        option = error.param.opts[0] if error.param else "value"
        unknown = UnknownNameError(option, found[1], re.findall("'([^']+)'", found[2]))
        return f"{unknown} {see}"
    if error.ctx and (found := COMMAND.match(str(getattr(error, "message", "")))):
        return f"{UnknownNameError('command', found[1], error.ctx.command.commands)} {see}"
    if not (given := getattr(error, "option_name", None)) or not hasattr(error, "possibilities"):
        return f"{_reword(error)} {see}"
    known = {name.lstrip("-"): name for name in error.possibilities or ()}
    near = nearest_name(given.lstrip("-"), known)
    hint = f"; did you mean {known[near]}?" if near else ""
    host = _known.get()
    disabled = host.disabled_plugins if host else []
    told = [f"no such option {given}{hint} {see}", *([tell_disabled(disabled)] if disabled else [])]
    return "; ".join(told)


def _reword(error: Any) -> str:
    """Tell any other usage error of typer: the option or argument, its value, and its limit."""
    param = getattr(error, "param", None)
    problems: list[Any] = getattr(error.__cause__, "errors", list)()  # of pydantic
    if problems and param:
        name = param.opts[0] if param.param_type_name == "option" else param.display_name_raw
        limit = str(problems[0]["msg"]).replace("Input should be", "must be")
        return f"{name} is {short(problems[0]['input'])}: {limit}"
    message = " ".join(error.format_message().rstrip(".").split())
    for pattern, ours in REWORDED:
        if found := re.fullmatch(pattern, message):
            return found.expand(ours).replace("'", "").replace(" / ", ", ")
    return message


def _explain_memory(error: BaseException) -> str:
    """Tell what ran out, and what the command that runs can change."""
    offered = _offered.get()
    smaller = [option for option in SMALLER if option in offered]
    ways = [f"a smaller {' or '.join(smaller)}"] if smaller else []
    if "--precision" in offered:
        ways.append("--precision bfloat16")
    if {"--model", "--set"} <= offered:
        ways.append("smaller tiles of a trained model (--set METHOD.tile=512)")
    # torch goes on about its allocator for a paragraph.
    said = " ".join(str(error).split()) or "no memory is left"
    said = ". ".join(said.split(". ")[:2]).strip(". ")
    text = f"{type(error).__name__} {error}"
    gpu = any(name in text for name in ("CUDA", "CUBLAS", "CUDNN", "HIP", "MPS"))
    if gpu and "--device" in offered:
        ways.append("--device cpu")
    advice = f"use {', or '.join(ways)}" if ways else "close other programs"
    return f"out of {'GPU ' * gpu}memory ({said}): {advice}"
