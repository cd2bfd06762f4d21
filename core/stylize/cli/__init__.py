"""The `stylize` command."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from stylize.cli import picture, plugins, presets, rerun
from stylize.cli.group import StylizeGroup
from stylize.errors import StylizeError
from stylize.plugins import PluginHost
from stylize.version import framework_version

__all__ = ["build_app", "main", "run"]

INTERRUPTED = 130


def build_app(host: PluginHost) -> typer.Typer:
    """Return the command with its built-in commands and those of the host's plugins."""
    app = typer.Typer(
        name="stylize",
        cls=StylizeGroup,
        help="Make a picture of a photograph in the style of a painting.",
        add_completion=False,
        rich_markup_mode=None,
    )

    @app.callback()
    def state(
        ctx: typer.Context,
        version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
    ) -> None:
        ctx.obj = host
        if version:
            typer.echo(f"stylize {framework_version()}")
            raise typer.Exit

    picture.add_command(app)
    rerun.add_command(app)
    app.add_typer(plugins.app, name="plugins")
    app.add_typer(presets.app, name="presets")
    host.add_commands(app)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code; errors become one line on standard error."""
    arguments = list(arguments)
    debug = _take_debug(arguments)
    try:
        host = PluginHost.discover()
        command = typer.main.get_command(build_app(host))
        for failure in host.failures:
            typer.echo(f"stylize: warning: {failure}", err=True)
        code = command.main(arguments, prog_name="stylize", standalone_mode=False)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (StylizeError, typer.Abort, Exception) as error:
        if debug:
            traceback.print_exc()
        return _explain(error)
    return code if isinstance(code, int) else 0


def _take_debug(arguments: list[str]) -> bool:
    """Remove `--debug`, which every command takes anywhere before `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    if "--debug" not in arguments[:end]:
        return False
    arguments.remove("--debug")
    return True


def _explain(error: Exception) -> int:
    """Print an error as one line and return the exit code."""
    if isinstance(error, typer.Abort):
        return INTERRUPTED
    if isinstance(error, StylizeError):
        message, code = str(error), error.exit_code
    elif hasattr(error, "format_message"):  # typer's own, whose classes are private
        message, code = error.format_message(), 2
    else:
        message = f"{type(error).__name__}: {error} (this is a fault of ours: --debug shows where)"
        code = 1
    typer.echo(f"stylize: {' '.join(message.split())}", err=True)
    return code


def main() -> None:
    """Entry point of the installed command."""
    sys.exit(run(sys.argv[1:]))
