"""`stylize webcam`: its options, its models and the session that they start."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from stylize import (
    MethodSpec,
    ModelFile,
    Plan,
    PluginHost,
    known_models,
    make_plan,
    make_settings,
    parse_settings,
)
from stylize.command import (
    DeviceOption,
    ForceOption,
    clean_stdout,
    completion_of,
    format_seconds,
    interruptible,
    require_extra,
    say,
    settings_options,
)
from stylize.errors import ExtraMissingError, StylizeError, UsageError
from stylize_webcam.settings import WebcamSettings

__all__ = ["webcam"]

KEYS = 9


@settings_options((WebcamSettings, {"Webcam": ("camera", "size", "time")}))
def webcam(
    ctx: typer.Context,
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODEL...",
            help="Models of one painting, by name or file, for the keys 1 to 9; by default the "
            "first networks of one painting that stylize models lists.",
            autocompletion=completion_of("model"),
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Record everything shown: .mp4, .mov, .mkv."
        ),
    ] = None,
    temporal: Annotated[
        bool,
        typer.Option(
            "--temporal/--no-temporal",
            help="Hold strokes still over time, or not (faster, but flickers).",
        ),
    ] = True,
    force: ForceOption = False,
    device: DeviceOption = "auto",
    **settings: str | None,
) -> None:
    """Show a camera's picture in the style of trained models.

    In the window, 1 to 9 choose the style, r starts and ends a recording, s saves a snapshot, and
    q quits. Frames that arrive while a picture is being made are dropped and counted. Without a
    window, as with opencv-python-headless, -o records until Ctrl-C or --time.
    """
    host: PluginHost = ctx.obj
    given = {name: value for name, value in settings.items() if value is not None}
    asked = parse_settings(WebcamSettings, given)
    require_extra("cv2", "video", "stylize webcam")
    require_extra("av", "video", "stylize webcam")
    plans = _plan(host, models or _networks(host), asked.size, device)
    with clean_stdout():
        _show(host, plans, asked, output, temporal=temporal, force=force)


def _networks(host: PluginHost) -> list[str]:
    """Return the names of networks of one painting. Raises: UsageError if there is none."""
    found = [
        model.name
        for model in known_models(host)
        if isinstance(model, ModelFile) and not model.base and not _takes_paintings(host, model)
    ]
    if found:
        return found[:KEYS]
    raise UsageError("no network of one painting is installed: name models (see stylize models)")


def _takes_paintings(host: PluginHost, model: ModelFile) -> bool:
    try:
        return host.get(MethodSpec, model.header.method).needs_style
    except StylizeError:  # its method is not installed
        return True


def _plan(host: PluginHost, names: list[str], size: int, device: str) -> dict[str, Plan]:
    """Return plans by the name of their style. Raises: UsageError, ModelError."""
    if len(names) > KEYS:
        raise UsageError(f"{len(names)} models are too many for {KEYS} keys: name fewer")
    plans: dict[str, Plan] = {}
    for name in names:
        plan = make_plan(host, make_settings({"model": name, "size": size, "device": device}))
        if plan.needs_style:
            raise UsageError(f"model {name} takes a painting: name models of one painting")
        plans[Path(name).stem] = plan
    return plans


def _show(
    host: PluginHost,
    plans: dict[str, Plan],
    asked: WebcamSettings,
    output: Path | None,
    *,
    temporal: bool,
    force: bool,
) -> None:
    from stylize import Stylizer
    from stylize_webcam.cameras import open_camera
    from stylize_webcam.recording import check_recording
    from stylize_webcam.session import Session
    from stylize_webcam.windows import OpenCVWindow, why_no_window

    if output is not None:
        check_recording(output, str(asked.camera), force=force)
    missing = why_no_window()
    if missing and output is None:
        raise ExtraMissingError(f"no window: {missing}; or record without one: -o FILE.mp4")
    stylizers = {name: Stylizer(plan, host) for name, plan in plans.items()}
    cancelled = threading.Event()
    with open_camera(asked.camera) as camera:
        if missing:
            until = "until Ctrl-C" if asked.time is None else f"for {format_seconds(asked.time)}"
            say(f"no window: {missing}; recording {output} {until}")
        window = None if missing else OpenCVWindow()
        session = Session(
            camera,
            stylizers,
            size=asked.size,
            temporal=temporal,
            window=window,
            folder=Path(),
            tell=say,
        )
        end = float("inf") if asked.time is None else time.monotonic() + asked.time
        try:
            with interruptible(cancelled, "ending the recording"):
                session.run(
                    lambda: cancelled.is_set() or time.monotonic() > end, output, force=force
                )
        finally:
            if window is not None:
                window.close()
