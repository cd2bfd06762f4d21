"""A plugin with the faults that a test requests in ACME_FAULTS: each is `HOOK:FAULT`.

Without requests, it is honest and prints nothing.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

from stylize import BackboneSpec, LossSpec, MethodSpec, Role, SmoothingSpec, WeightsSpec, hookimpl

__all__ = ["Panic", "act"]

STYLIZE_PLUGIN_API = 1


class Panic(BaseException):
    """An error like those of extensions written in Rust."""


def act(place: str) -> Any:
    """Commit the requested fault at a place: print, raise, exit ... or return rubbish."""
    for fault in os.environ.get("ACME_FAULTS", "").split():
        at, _, what = fault.partition(":")
        if at != place:
            continue
        if what == "print":
            print(f"printed at {place}")
        elif what == "write":
            os.write(1, f"written at {place}\n".encode())
        elif what == "bytes":
            sys.stdout.buffer.write(f"bytes at {place}\n".encode())
        elif what == "thread":
            thread = threading.Thread(target=print, args=(f"threaded at {place}",))
            thread.start()
            thread.join()
        elif what == "child":
            os.system(f"echo child at {place}")
        elif what == "raise":
            raise ValueError(f"no luck at {place}")
        elif what == "exit":
            sys.exit(7)
        elif what == "panic":
            raise Panic(f"panic at {place}")
        elif what == "hang":
            time.sleep(1000)
        elif what == "rubbish":
            return 7
        elif what == "change":
            os.environ["ACME_CHANGED"] = place
            os.chdir("/")
        elif what == "torch":
            import torch  # noqa: F401
        elif what == "slow":
            time.sleep(4)
    return None


act("import")


@hookimpl
def stylize_components() -> Any:
    if act("components"):
        return 7
    return [
        SmoothingSpec(
            "acme_curve",
            factory="acme_guest.parts:Curve",
            settings="acme_guest.settings:CurveSettings",
            summary="A curve",
            pointwise=True,
        ),
        LossSpec("acme_mean", factory="acme_guest.parts:Mean", summary="Means", role=Role.STYLE),
        MethodSpec("acme_fade", factory="acme_guest.parts:Fade", summary="A fade"),
        BackboneSpec(
            "acme_net",
            factory="acme_guest.parts:Net",
            summary="A network",
            content_layers=("block2",),
            style_layers=("block*",),
            smooth_layers=("block2",),
            weights=(WeightsSpec("mine", gains={"block2": 1.0}, license="CC0-1.0"),),
        ),
    ]


@hookimpl
def stylize_check(plan: Any) -> Any:
    del plan
    return act("check") or []


@hookimpl
def stylize_weights(backbone: str, tag: str) -> Any:
    if rubbish := act("weights"):
        return rubbish
    if (backbone, tag) == ("acme_net", "mine"):
        from acme_guest.parts import Source

        return Source()
    return None


@hookimpl
def stylize_observers(plan: Any) -> Iterable[Any]:
    del plan
    rubbish: Any = act("observers")
    return rubbish or [Diary()]


class Diary:
    """An observer."""

    def progressed(self, progress: Any) -> None:
        del progress
        act("observer")


@hookimpl
def stylize_commands(app: Any) -> None:
    from stylize.command import add_command

    act("commands")
    faults = os.environ.get("ACME_FAULTS", "").split()
    if "commands:callback" in faults:

        @app.callback()
        def state() -> None:
            """Take the place of the command's own."""

    if "commands:clear" in faults:
        app.registered_commands.clear()
    add_command(app, "acme", "acme_guest.command:acme", "Do what is asked for.")
