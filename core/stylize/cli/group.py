"""The grammar: a first token that is no command's name belongs to the default command."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

__all__ = ["DEFAULT_COMMAND", "StylizeCommand", "StylizeGroup"]

DEFAULT_COMMAND = "picture"


class StylizeCommand(TyperCommand):
    """A command whose help lists options by panel, which plain typer help does not."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options, a section a panel."""
        write_options(self.get_params(ctx), ctx, formatter)


class StylizeGroup(TyperGroup):
    """`stylize PHOTO PAINTING` is `stylize picture PHOTO PAINTING`; its help shows both levels."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command's name before arguments that name no command."""
        own = {option for param in self.get_params(ctx) for option in param.opts}
        if not args or args[0] not in own.union(self.commands):
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        """Write how the default command and the others are called."""
        formatter.write_usage(ctx.command_path, "[OPTIONS] [PHOTO]... [PAINTING]")
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]...", prefix=" " * len("Usage: "))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the default command's options with the global ones, then the commands."""
        default = self.commands[DEFAULT_COMMAND].get_params(ctx)
        params = [param for param in default if param.name != "help"]
        write_options([*params, *self.get_params(ctx)], ctx, formatter)
        with formatter.section("Commands"):
            # The first sentence of each, wrapped: typer would cut it at the end of the line.
            formatter.write_dl(
                [
                    (name, command.get_short_help_str(limit=200))
                    for name, command in self.commands.items()
                    if not command.hidden
                ]
            )


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
        with formatter.section(panel):
            formatter.write_dl(records)
