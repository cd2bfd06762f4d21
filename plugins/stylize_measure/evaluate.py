"""`stylize evaluate`: how far a picture is from its content and its style."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylize import PluginHost
from stylize.command import DeviceOption, JudgeSizeOption, clean_stdout, require_files, warn
from stylize.errors import UsageError

if TYPE_CHECKING:
    from stylize_measure.evaluation import Evaluation

__all__ = ["evaluate"]


def _refuse_video(asked: bool) -> None:
    """Name the replacement, whatever else is on the line."""
    if asked:
        raise UsageError("--video is now a command: stylize evaluate-video CLIP --content SOURCE")


def evaluate(
    ctx: typer.Context,
    picture: Annotated[
        Path,
        typer.Argument(metavar="PICTURE", help="The picture to judge."),
    ],
    content: Annotated[
        Path,
        typer.Option("--content", "-c", metavar="FILE", help="Its photograph."),
    ],
    style: Annotated[
        Path | None,
        typer.Option("--style", "-s", metavar="FILE", help="Its painting."),
    ] = None,
    video: Annotated[
        bool,
        typer.Option(
            "--video",
            hidden=True,
            is_eager=True,
            callback=_refuse_video,
            help="Replaced by stylize evaluate-video.",
        ),
    ] = False,
    no_ssim: Annotated[
        bool,
        typer.Option("--no-ssim", help="Leave out SSIM, which needs the extra evaluate."),
    ] = False,
    judge_size: JudgeSizeOption = 512,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a picture's four distances from its photograph and its painting; 0 means equal.

    One judge measures all pictures: VGG-16 at a longer side of 512 pixels. Content is the relative
    distance of features at relu4_1. Style is that of Gram matrices, averaged over relu1_1 to
    relu5_1. Structure is the distance of self-similarities at relu3_1 and relu4_1: lost shapes
    raise it, new colours and strokes hardly do. Strokes is the relaxed earth mover's distance to
    the painting, averaged over relu1_1 to relu4_1: it is low only if each patch of the picture
    resembles one of the painting, and the other way round (both: STROTSS, Kolkin et al. 2019).
    Compare each number separately: a painting has no style distance from itself.
    """
    del video
    host: PluginHost = ctx.obj
    if style is None:
        raise UsageError("--style is missing: name the painting that the picture is like")
    require_files([picture, content, style])
    from stylize_measure.evaluation import evaluate_picture

    with clean_stdout():
        evaluation = evaluate_picture(
            picture,
            content,
            style,
            ssim=not no_ssim,
            host=host,
            device=device,
            judge_size=judge_size,
        )
    if as_json:
        files = {"picture": str(picture), "content": str(content), "style": str(style)}
        typer.echo(json.dumps({**files, **evaluation.record}, indent=2))
        return
    for warning in evaluation.warnings:
        warn(warning)
    _print(evaluation)


def _print(evaluation: Evaluation) -> None:
    verdict = evaluation.verdict
    typer.echo(f"content distance    {verdict.content:.3f}")
    typer.echo(f"style distance      {verdict.style:.3f}")
    typer.echo(f"structure distance  {verdict.structure:.3f}")
    typer.echo(f"strokes distance    {verdict.strokes:.3f}")
    if evaluation.ssim is not None:
        typer.echo(f"SSIM to content     {evaluation.ssim:.3f}")
    typer.echo("\ndistances to the painting by layer:")
    typer.echo("           style   means  deviations  strokes")
    for layer, style in verdict.layers.items():
        mean, deviation = verdict.means[layer], verdict.deviations[layer]
        strokes = verdict.stroke_layers.get(layer)
        end = "" if strokes is None else f"  {strokes:7.3f}"
        typer.echo(f"  {layer}  {style:6.3f}  {mean:6.3f}  {deviation:10.3f}{end}")
