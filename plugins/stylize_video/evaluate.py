"""`stylize evaluate-video`: a clip's stability, and its distances from source and painting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from stylize import PluginHost
from stylize.command import (
    DeviceOption,
    JsonOption,
    JudgeSizeOption,
    clean_stdout,
    require_extra,
    require_files,
    warn,
)

__all__ = ["evaluate_video_command"]


def evaluate_video_command(
    ctx: typer.Context,
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="The stylised clip.")],
    content: Annotated[
        Path, typer.Option("--content", "-c", metavar="FILE", help="Its source clip.")
    ],
    style: Annotated[
        Path | None,
        typer.Option(
            "--style",
            "-s",
            metavar="FILE",
            help="Its painting; without one, no frame is judged.",
        ),
    ] = None,
    judge_size: JudgeSizeOption = 512,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure the stability of a stylised clip, and its distances from its source and painting.

    Two numbers are smaller for more stable clips. The warping error is the mean squared difference
    between a frame and the previous one, moved as the source moved, over the pixels that both show.
    Flicker is the mean difference there beyond the source's own. Compare them with those of the
    same clip made with --no-temporal. With a painting, the command also reports the distances of
    stylize evaluate, as means over some frames.
    """
    host: PluginHost = ctx.obj
    require_extra("av", "video", "evaluating a video")
    require_extra("cv2", "video", "evaluating a video")
    require_files([clip, content, *([style] if style else [])])
    from stylize_video.evaluation import evaluate_video

    with clean_stdout():
        evaluation = evaluate_video(
            clip, content, style, host=host, device=device, judge_size=judge_size
        )
    if as_json:
        files = {
            "video": str(clip),
            "content": str(content),
            "style": None if style is None else str(style),
        }
        typer.echo(json.dumps({"files": files, **evaluation.record}, indent=2))
        return
    for warning in evaluation.warnings:
        warn(warning)
    held = evaluation.consistency
    typer.echo(
        f"frames              {evaluation.frames}, {held.pairs} pairs compared, "
        f"new scenes at: {', '.join(map(str, held.cuts)) or 'none'}"
    )
    if held.warping_error is not None and held.source_warping_error is not None:
        typer.echo(f"warping error       {held.warping_error:.6f}")
        typer.echo(f"  of the source     {held.source_warping_error:.6f}")
    if held.flicker is not None:
        typer.echo(f"flicker             {held.flicker * 255:.3f} of 255")
    if evaluation.judged:
        for name in ("content", "style", "structure", "strokes"):
            typer.echo(f"{f'{name} distance':18}  {getattr(evaluation, name):.3f}")
        typer.echo(f"  means of frames {', '.join(map(str, evaluation.judged))}")
