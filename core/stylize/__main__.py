"""The command, and `python -m stylize`. Ctrl-C is heard from here on."""

from __future__ import annotations

import os
import signal
import sys
import time

TYPE_CHECKING = False  # nothing is imported before main() listens
if TYPE_CHECKING:
    from types import FrameType

__all__ = ["hear_interrupts", "main"]

INTERRUPTED = 130
BEGUN = time.monotonic()
# The plugin that is being loaded, in words: what hangs then.
_loading = ""
# How long what handles Ctrl-C may take, or the process ends: some libraries swallow it.
GRACE = 10.0


def leave(number: int, frame: FrameType | None) -> None:
    """End at once, while nothing is begun: modules are loaded, and some swallow exceptions."""
    del number, frame
    try:
        doing = f", while plugin {_loading}" if _loading else ""
        os.write(2, f"\nstylize: interrupted{doing}\n".encode())
    finally:
        os._exit(INTERRUPTED)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, and see to it that the process ends; a second time is final."""
    import threading

    signal.signal(signal.SIGINT, leave)
    timer = threading.Timer(GRACE, os._exit, (INTERRUPTED,))
    timer.daemon = True
    timer.start()
    signal.default_int_handler(number, frame)


def note_loading(plugin: str) -> None:
    """Note what is loaded now, for who interrupts it."""
    global _loading
    _loading = plugin


def hear_interrupts() -> None:
    """Let the command that runs end in its own way at Ctrl-C, from now on."""
    note_loading("")
    if signal.getsignal(signal.SIGINT) is leave:
        signal.signal(signal.SIGINT, interrupt)


def main() -> None:
    """Entry point of the installed command."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)
    import gc

    from stylize.command.app import run
    from stylize.command.streams import carries_data, give_stdout_away

    code = run(sys.argv[1:], started=hear_interrupts, loading=note_loading, begun=BEGUN)
    if carries_data(sys.argv[1:]):
        give_stdout_away()
    gc.freeze()  # or the collector goes through all of torch once more, to end
    sys.exit(code)


if __name__ == "__main__":
    main()
