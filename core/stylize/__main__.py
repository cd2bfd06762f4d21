"""The command, and `python -m stylize`. Ctrl-C is handled from here on."""

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
# The plugin that is being loaded, in words: the one to blame if loading hangs.
_loading = ""
# Time that handling Ctrl-C may take before the process is ended: some libraries swallow it.
GRACE = 10.0


def leave(number: int, frame: FrameType | None) -> None:
    """End at once, before any work: modules are being loaded, and some swallow exceptions."""
    del number, frame
    try:
        doing = f", while plugin {_loading}" if _loading else ""
        os.write(2, f"\nstylize: interrupted{doing}\n".encode())
    finally:
        os._exit(INTERRUPTED)


def interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, and make sure that the process ends; a second Ctrl-C is final."""
    import threading

    signal.signal(signal.SIGINT, leave)
    timer = threading.Timer(GRACE, leave, (number, None))
    timer.daemon = True
    timer.start()
    signal.default_int_handler(number, frame)


def note_loading(plugin: str) -> None:
    """Note which plugin is being loaded, to name it after an interrupt."""
    global _loading
    _loading = plugin


def hear_interrupts() -> None:
    """From now on, let the running command handle Ctrl-C in its own way."""
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
    gc.freeze()  # or the collector goes through all of torch once more at exit
    sys.exit(code)


if __name__ == "__main__":
    main()
