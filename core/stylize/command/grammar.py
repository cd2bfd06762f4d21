"""The grammar: a first token that is no command's name belongs to the default command.

Commands of plugins are imported when they are run, or asked for their options.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from entrypoints import EntryPoint
from typer.core import TyperCommand, TyperGroup

from stylize.command.absent import refuse_absent
from stylize.command.options import with_settings_options
from stylize.command.saying import offer, say
from stylize.errors import UsageError
from stylize.guests import guest
from stylize.spelling import nearest_name

__all__ = [
    "EXAMPLES",
    "StylizeCommand",
    "StylizeGroup",
    "add_command",
    "build_command",
    "refuse_command",
]

EXAMPLES = (
    ("stylize photo.jpg painting.jpg", "the photograph in the painting's style"),
    ("stylize photo.jpg --model starry_night", "in a trained style, at once"),
    ("stylize photo.jpg -s one.jpg -s two.jpg", "in a blend of two paintings"),
    ("stylize photos/ painting.jpg -o styled --size 1024", "a folder of photographs"),
    ("stylize video clip.mp4 --model starry_night", "a video"),
)


def add_command(
    app: typer.Typer, name: str, reference: str, summary: str, *, default: bool = False
) -> None:
    """Add a command whose module is imported when it is run: for `stylize_commands`.

    Args:
        name: as it is typed, "count-colors".
        reference: "module:object" of a function, which typer makes a command of (options by its
            signature; further ones by `settings_options`), or of a `typer.Typer` with commands.
        summary: the line of `stylize --help`: the first sentence of the command's own help.
        default: run it where the first word is no command's name. There is one such command.
    """

    def placeholder() -> None:
        """Never called: the command itself takes its place."""

    lazy = type("LazyCommand", (_LazyCommand,), {"reference": reference, "default": default})
    app.command(name, cls=lazy, help=summary)(placeholder)


def build_command(command: Callable[..., None] | typer.Typer, name: str, host: Any) -> Any:
    """Make typer's command of a function, or its group of an app.

    Args:
        host: the plugins whose parts' options a function with `settings_options` takes.
    """
    if isinstance(command, typer.Typer):
        _make_ours(command)
        group: Any = typer.main.get_group(command)
        group.name = name
        return group
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name, cls=StylizeCommand)(with_settings_options(command, host))
    return typer.main.get_command(app)


def _make_ours(app: typer.Typer) -> None:
    """Give the commands of an app our help, unless they have a class of their own."""
    for each in app.registered_commands:
        if each.cls in (None, TyperCommand):
            each.cls = StylizeCommand
    for group in app.registered_groups:
        if group.typer_instance:
            _make_ours(group.typer_instance)


class StylizeCommand(TyperCommand):
    """A command whose help lists options by panel, and names arguments without braces."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage line: PICTURE, [PICTURE] if it can be left out."""
        arguments = [p for p in self.get_params(ctx) if p.param_type_name == "argument"]
        return [str(self.options_metavar), *map(_word_of, arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, a section a panel."""
        write_options(self.get_params(ctx), ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete a word; `--keep-colour` is not offered beside `--keep-color`, which it is."""
        found = super().shell_complete(ctx, incomplete)
        values = {each.value for each in found}
        return [
            each
            for each in found
            if (plain := each.value.replace("colour", "color")) == each.value or plain not in values
        ]


def _word_of(argument: Any) -> str:
    word = str(argument.display_name_raw)
    if argument.nargs != 1 and "..." not in word:
        word += "..."
    return word if argument.required or word.startswith("[") else f"[{word}]"


class _LazyCommand(TyperCommand):
    """What stands for a command until it is needed."""

    reference = ""
    default = False

    def load(self, host: Any) -> Any:
        """Import the command. Raises: PluginError."""
        with guest(lambda: f"command {self.name} ({self.reference}) cannot be loaded"):
            command = EntryPoint.from_string(self.reference, self.reference).load()
            return build_command(command, str(self.name), host)


class _Commands(dict[str, Any]):
    """Commands by name; one that is looked up is loaded first."""

    def __init__(self, commands: Iterable[tuple[str, Any]], host: Any) -> None:
        super().__init__(commands)
        self._host = host
        marked = [name for name, command in super().items() if getattr(command, "default", False)]
        self.default = marked[0] if marked else None

    def __getitem__(self, name: str) -> Any:
        command = super().__getitem__(name)
        if isinstance(command, _LazyCommand):
            command = self[name] = command.load(self._host)
        return command

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def values(self) -> Any:
        return [self[name] for name in self]

    def items(self) -> Any:
        return [(name, self[name]) for name in self]

    def summaries(self) -> list[tuple[str, str]]:
        """Return the name and first sentence of each command that is shown; loads none."""
        shown = [(name, super(_Commands, self).__getitem__(name)) for name in sorted(self)]
        return [(n, c.get_short_help_str(limit=200)) for n, c in shown if not c.hidden]


@dataclass(frozen=True)
class _Completion:
    """A word that may follow, as shells are told of it."""

    value: str
    help: str
    type: str = "plain"


class StylizeGroup(TyperGroup):
    """`stylize PHOTO PAINTING` is `stylize picture PHOTO PAINTING`; its help shows both levels."""

    commands: _Commands

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        host = (self.context_settings or {}).get("obj")
        self.commands = _Commands(self.commands.items(), host)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command's name before arguments that name no command."""
        own = {option for param in self.get_params(ctx) for option in param.opts}
        if not args and not ctx.resilient_parsing:
            typer.echo(self.short_help_of(ctx))
            ctx.exit()
        if args and args[0] == "help":
            args = [*args[1:], "--help"]
        if args and args[0] in own.union(self.commands):
            return super().parse_args(ctx, args)
        if not args and ctx.resilient_parsing:  # a first word is being completed
            return super().parse_args(ctx, args)
        if args and not ctx.resilient_parsing:  # before its options are taken for pictures'
            refuse_command(args[0], self.commands)
            refuse_absent(args[0], ctx.obj, default=bool(self.commands.default))
        default = [self.commands.default] if self.commands.default else []
        return super().parse_args(ctx, [*default, *args])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, and note its options for the advice of errors."""
        name, command, rest = super().resolve_command(ctx, args)
        several = [command, *getattr(command, "commands", {}).values()]
        params = [param for each in several for param in getattr(each, "params", ())]
        module = str(getattr(getattr(command, "callback", None), "__module__", ""))
        offer((option for param in params for option in param.opts), str(name), module)
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and say if it is interrupted without handling that."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("stylize: interrupted")
            raise

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Complete a first word: a command, or an option, the default command's too."""
        found = TyperCommand.shell_complete(self, ctx, incomplete)
        if name := self.commands.default:
            default = self.commands[name]
            with default.make_context(name, [], parent=ctx, resilient_parsing=True) as sub:
                found = [*default.shell_complete(sub, incomplete), *found]
        names = [pair for pair in self.commands.summaries() if pair[0].startswith(incomplete)]
        return [*found, *(_Completion(name, summary) for name, summary in names)]

    def short_help_of(self, ctx: Any) -> str:
        """Return what the command prints without arguments: how it is called, by examples."""
        formatter = ctx.make_formatter()
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        formatter.write_paragraph()
        tried = "Try it with the pictures of stylize demo; see" if self.commands.default else "See"
        formatter.write_text(
            f"{tried} trained styles with stylize models, and all options with stylize --help."
        )
        text: str = formatter.getvalue()
        return text.rstrip()

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what the command is for, and examples."""
        super().format_help_text(ctx, formatter)
        if not self.commands.default:
            return
        with formatter.section(_styled("Examples", bold=True)):
            formatter.write_dl(
                [(_styled(line, fg="cyan"), what) for line, what in EXAMPLES], col_max=50
            )

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write how the default command and the others are called."""
        prefix = "Usage: "
        if name := self.commands.default:
            params = self.commands[name].params
            words = [p.display_name_raw for p in params if p.param_type_name == "argument"]
            formatter.write_usage(ctx.command_path, " ".join(["[OPTIONS]", *words]))
            prefix = " " * len(prefix)
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]...", prefix=prefix)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the default command's options with the global ones, then the commands."""
        name = self.commands.default
        default = self.commands[name].get_params(ctx) if name else []
        params = [param for param in default if param.name != "help"]
        write_options([*params, *self.get_params(ctx)], ctx, formatter)
        with formatter.section(_styled("Commands", bold=True)):
            # The first sentence of each, wrapped: typer would cut it at the end of the line.
            formatter.write_dl([(_styled(n, fg="cyan"), s) for n, s in self.commands.summaries()])


def refuse_command(word: str, commands: Iterable[str]) -> None:
    """Raise UsageError where a word is no file, and is or nearly is a command's name.

    An option never is: `--preset` is near enough to `presets`.
    """
    near = nearest_name(word, commands, cutoff=0.75)
    if near and not (word.startswith("-") or Path(word).exists()):
        raise UsageError(f"{word}: no such file or command: did you mean stylize {near} ...?")


def write_options(params: list[Any], ctx: Any, formatter: Any) -> None:
    """Write help of arguments and options, a section a panel."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for param in params:
        if param.param_type_name == "argument":
            panels.setdefault("Arguments", []).append((param.display_name_raw, param.help))
        elif record := param.get_help_record(ctx):
            panels.setdefault(getattr(param, "rich_help_panel", None) or "Options", []).append(
                record
            )
    for panel, records in panels.items():
        with formatter.section(_styled(panel, bold=True)):
            formatter.write_dl([(_styled(names, fg="cyan"), says) for names, says in records])


def _styled(text: str, **style: Any) -> str:
    """Return text in a style of terminals, unless NO_COLOR is set; typer strips it from files."""
    return text if os.environ.get("NO_COLOR") else typer.style(text, **style)
