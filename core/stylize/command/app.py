"""The `stylize` command."""

from __future__ import annotations

import logging
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated

import typer

from stylize.command.grammar import StylizeGroup
from stylize.command.plugins import add_plugin_commands
from stylize.command.saying import (
    INTERRUPTED,
    LogTeller,
    explain,
    knowing,
    offer,
    say,
    take_warnings,
)
from stylize.command.streams import carries_data, own_stdout
from stylize.disabling import DISABLE_VARIABLE
from stylize.discovery.host import PluginHost
from stylize.discovery.rows import PluginInfo
from stylize.errors import UsageError
from stylize.version import DISTRIBUTION, framework_version

__all__ = ["build_app", "run"]

EPILOG = """A file with a command's name is written ./NAME, or after --.

Exit codes: 0 done; 1 some pictures of several failed, or a fault of ours; 2 wrong usage or
input; 3 something is unavailable; 130 after Ctrl-C, which saves the best picture so far.
"""

# What loads plugins in a process of its own, and must work where one of them hangs at import: our
# own plugins, of which the command is one, are all that it needs.
GUARDED = (["plugins", "check"], ["plugins", "doctor"])
# After how many seconds a plugin that loads is named.
LONG = 10.0
# Set by the shell for a word to complete, when nothing else may be printed.
COMPLETING = "_STYLIZE_COMPLETE"


def build_app(host: PluginHost, *, debug: bool = False, begun: float | None = None) -> typer.Typer:
    """Return the command, with what the host's plugins add to it.

    Commands get the host as `ctx.obj`, whether to print tracebacks as `ctx.meta["debug"]`, and when
    the program started as `ctx.meta["begun"]`.

    Args:
        begun: `time.monotonic()` at the program's start; by default when a command runs.
    """
    app = typer.Typer(
        name="stylize",
        cls=StylizeGroup,
        help="Make pictures of photographs in the style of paintings.",
        epilog=EPILOG,
        rich_markup_mode=None,
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"], "obj": host},
    )

    @app.callback()
    def state(
        ctx: typer.Context,
        version: Annotated[bool, typer.Option("--version", "-V", help="Show the version.")] = False,
        debug_: Annotated[
            bool, typer.Option("--debug", help="Show tracebacks of errors; works anywhere.")
        ] = False,
    ) -> None:
        ctx.meta["debug"] = debug or debug_
        ctx.meta["begun"] = time.monotonic() if begun is None else begun
        if version:
            typer.echo(f"stylize {framework_version()}")
            raise typer.Exit

    add_plugin_commands(host, app)
    return app


def run(
    arguments: Sequence[str],
    started: Callable[[], None] = lambda: None,
    loading: Callable[[str], None] = lambda _: None,
    begun: float | None = None,
) -> int:
    """Run the command and return its exit code; errors become one line on standard error.

    Args:
        started: is called when the plugins are loaded, before the command runs.
        loading: is called with each plugin before it is loaded, and how to leave it out.
        begun: `time.monotonic()` at the program's start, if that is not now.
    """
    begun = time.monotonic() if begun is None else begun
    arguments, debug = _take_debug(arguments)
    offer(())
    take_warnings()
    log = logging.getLogger("stylize")
    teller = logging.NullHandler() if COMPLETING in os.environ else LogTeller()
    log.addHandler(teller)
    try:
        _refuse_dashes(arguments)
        guarded = arguments[:2] in GUARDED
        with own_stdout() if carries_data(arguments) else nullcontext():
            with _patience(loading) as told:
                host = (
                    PluginHost.discover(strict=False, only=[DISTRIBUTION])
                    if guarded
                    else PluginHost.discover(loading=told)
                )
            knowing(host)
            started()
            command = typer.main.get_command(build_app(host, debug=debug, begun=begun))
            code = command.main(arguments, prog_name="stylize", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except SystemExit as ended:  # of typer, where standard output was closed, or of a plugin
        return ended.code if isinstance(ended.code, int) else 1
    except BaseException as error:  # of an extension too, as a panic
        if debug:
            traceback.print_exc()
        message, code = explain(error)
        say(f"stylize: {message}")
    finally:
        log.removeHandler(teller)
    return code if isinstance(code, int) else 0


def _take_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """Split off `--debug`, which works anywhere before `--`."""
    arguments = list(arguments)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [argument for argument in arguments[:end] if argument != "--debug"]
    return [*options, *arguments[end:]], len(options) < end


def _refuse_dashes(arguments: Sequence[str]) -> None:
    """Refuse a file whose name would be read as options. Raises: UsageError."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    for name in arguments[:end]:
        if name.startswith("-") and len(name) > 2 and Path(name).is_file():
            raise UsageError(f"{name}: begins with a dash, as options do: write ./{name}")


@contextmanager
def _patience(loading: Callable[[str], None]) -> Iterator[Callable[[PluginInfo], None]]:
    """Give what is told of each plugin before it is loaded: it names one that takes long."""
    timers: list[threading.Timer] = []

    def tell(info: PluginInfo) -> None:
        say(
            f"stylize: plugin {info.key} is loading for {LONG:g} s: Ctrl-C ends, and "
            f"{DISABLE_VARIABLE}={info.entry} leaves it out"
        )

    def watch(info: PluginInfo | None) -> None:
        while timers:
            timers.pop().cancel()
        if info:
            timers.append(threading.Timer(LONG, tell, (info,)))
            timers[-1].daemon = True
            timers[-1].start()
            loading(f"{info.key} was loading: {DISABLE_VARIABLE}={info.entry} leaves it out")

    try:
        yield watch
    finally:
        watch(None)
