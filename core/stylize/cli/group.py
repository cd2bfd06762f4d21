"""The grammar: a first token that is no command's name belongs to the default command."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

__all__ = ["DEFAULT_COMMAND", "StylizeGroup"]

DEFAULT_COMMAND = "picture"


class StylizeGroup(TyperGroup):
    """`stylize PHOTO PAINTING` is `stylize picture PHOTO PAINTING`; its help shows both levels."""

    helping = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command's name before arguments that name no command."""
        if args and args[0] in self.global_flags(ctx):
            return super().parse_args(ctx, args)
        if not args or args[0] not in self.commands:
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)

    def global_flags(self, ctx: Any) -> set[str]:
        """The options that stand before a command's name."""
        return {option for param in super().get_params(ctx) for option in param.opts}

    def get_params(self, ctx: Any) -> list[Any]:
        """In help only, list the default command's arguments and options too."""
        own = super().get_params(ctx)
        if not self.helping:
            return own
        default = self.commands[DEFAULT_COMMAND].get_params(ctx)
        return [*(param for param in default if param.name != "help"), *own]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of the group and of the default command."""
        self.helping = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.helping = False

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """The usage of the default command; commands are listed below it."""
        return ["[OPTIONS] [FILES]...  |  COMMAND [ARGS]..."]
