"""The pages of the command: every command and option, exit codes and errors."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from _reference.markdown import cell, code, page, paragraphs, table
from stylize import errors
from stylize.command.app import build_app
from stylize.command.grammar import EXAMPLES
from stylize.testing.hosts import builtin_host

__all__ = ["command", "exit_codes"]

COMMAND = (
    "All commands and options, as in `--help`. The default command makes pictures; stylize uses "
    "it if the first word is not a command's name. Write a file with a command's name as "
    "`./NAME`, or after `--`. Plugins add commands: `stylize --help` lists the installed ones."
)
EXIT_CODES = (
    "The exit codes of `stylize`, and the errors that it raises in Python. Every error is one line "
    "that names the value, the limit and the remedy; `--debug` adds a traceback. All classes are "
    "in `stylize.errors`, and `stylize.StylizeError` catches them all."
)
MEANINGS = {
    0: "done",
    1: "some pictures of several failed (a summary names them), a result cannot be computed, or "
    "stylize has a bug",
    2: "wrong usage or input: an option, a setting, a file",
    3: "something is unavailable: weights that cannot be downloaded, an extra that is not "
    "installed, a GPU with too old a driver",
    130: "Ctrl-C; the best picture, or the training, so far is saved",
}


def command() -> str:
    """Return the page of the command."""
    group: Any = typer.main.get_command(build_app(builtin_host()))
    with group.make_context("stylize", ["--help"], resilient_parsing=True) as ctx:
        lines = ["## stylize", "", *_usage("stylize [OPTIONS] PHOTOGRAPH... [PAINTING]")]
        lines += ["```sh", *(line for line, _ in EXAMPLES), "```", ""]
        lines += _parameters(group.commands[group.commands.default], ctx)
        lines += ["### For any command", "", *_options(group, ctx)["Options"]]
        for path, child in _commands(group):
            lines += _command(path, child, ctx)
    return page("The command", COMMAND, lines)


def exit_codes() -> str:
    """Return the page of exit codes and errors."""
    lines = [
        "## Exit codes",
        "",
        *table(("code", "meaning"), [(str(c), m) for c, m in MEANINGS.items()]),
    ]
    classes = [getattr(errors, name) for name in errors.__all__]
    if unknown := {error.exit_code for error in classes} - MEANINGS.keys():
        raise ValueError(f"say what exit code {min(unknown)} means")
    rows = [
        (
            code(error.__name__),
            str(error.exit_code),
            code(error.__base__.__name__) if error is not errors.StylizeError else "",
            cell(" ".join((inspect.getdoc(error) or "").split())),
        )
        for error in sorted(classes, key=lambda error: error.__name__)
    ]
    lines += ["## Errors", "", *table(("error", "exit code", "is a", "means"), rows)]
    return page("Exit codes and errors", EXIT_CODES, lines)


def _commands(group: Any, path: str = "stylize") -> Iterator[tuple[str, Any]]:
    # Plugins add commands in any order; a group's are in the order of its author.
    children, default = group.commands.items(), getattr(group.commands, "default", None)
    for name, child in sorted(children) if path == "stylize" else children:
        if name != default and not child.hidden:
            yield f"{path} {name}", child
            if hasattr(child, "commands"):
                yield from _commands(child, f"{path} {name}")


def _command(path: str, command: Any, parent: Any) -> list[str]:
    mark = "##" if path.count(" ") == 1 else "###"
    with command.make_context(path, [], parent=parent, resilient_parsing=True) as ctx:
        usage = " ".join([path, *command.collect_usage_pieces(ctx)])
        text = inspect.cleandoc(command.help or "")
        lines = [f"{mark} {path}", "", *paragraphs(text), *_usage(usage)]
        return [*lines, *_parameters(command, ctx)]


def _usage(text: str) -> list[str]:
    return ["```text", text, "```", ""]


def _parameters(command: Any, ctx: Any) -> list[str]:
    """Return the tables of a command's arguments and options, one per panel."""
    arguments = [
        (code(param.display_name_raw), cell(param.help or ""))
        for param in command.params
        if param.param_type_name == "argument"
    ]
    lines = table(("argument", "meaning"), arguments) if arguments else []
    panels = _options(command, ctx)
    for panel, rows in panels.items():
        if len(panels) > 1:
            lines += [f"**{panel}**", ""]
        lines += rows
    return lines


def _options(command: Any, ctx: Any) -> dict[str, list[str]]:
    panels: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(ctx):
        if param.param_type_name != "argument" and not param.hidden and param.name != "help":
            panel = getattr(param, "rich_help_panel", None) or "Options"
            names, says = param.get_help_record(ctx)
            panels.setdefault(panel, []).append((code(names), cell(says)))
    return {panel: table(("option", "meaning"), rows) for panel, rows in panels.items()}
