"""`stylize video` and `stylize evaluate-video`: clips in the style of a painting."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stylize import hookimpl

if TYPE_CHECKING:
    import typer

    from stylize import PluginHost
    from stylize.command import RerunRequest

STYLIZE_PLUGIN_API = 1


@hookimpl(tryfirst=True)  # so that no other plugin takes these names
def stylize_commands(app: typer.Typer) -> None:
    from stylize.command import add_command

    add_command(
        app,
        "video",
        "stylize_video.command:video",
        "Make videos in the style of a painting, with their sound.",
    )
    add_command(
        app,
        "evaluate-video",
        "stylize_video.evaluate:evaluate_video_command",
        "Measure the stability of a stylised clip, and its distances from its source and painting.",
    )


@hookimpl
def stylize_rerun(path: Path) -> Callable[[PluginHost, RerunRequest], int] | None:
    from stylize_video.formats import CONTAINERS

    if path.suffix.lower() not in CONTAINERS:
        return None
    from stylize_video.rerun import rerun_video

    return rerun_video
