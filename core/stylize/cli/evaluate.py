"""`stylize evaluate`: how far a picture is from its content and its style; how still a clip is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylize.cli.options import DeviceOption
from stylize.cli.report import warn
from stylize.errors import UsageError
from stylize.extras import require_extra
from stylize.plugins import PluginHost

if TYPE_CHECKING:
    from stylize.evaluate import Evaluation

__all__ = ["add_command"]


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
    ctx: typer.Context,
    picture: Annotated[
        Path,
        typer.Argument(metavar="PICTURE", help="The picture, or with --video the clip, to judge."),
    ],
    content: Annotated[
        Path,
        typer.Option(
            "--content", "-c", metavar="FILE", help="The photograph, or the clip, that it is of."
        ),
    ],
    style: Annotated[
        Path | None,
        typer.Option(
            "--style",
            "-s",
            metavar="FILE",
            help="The painting it is like; of a clip it may be left out.",
        ),
    ] = None,
    video: Annotated[
        bool,
        typer.Option(
            "--video",
            help="Both are clips: measure how still the first holds, which needs the extra video.",
        ),
    ] = False,
    no_ssim: Annotated[
        bool,
        typer.Option("--no-ssim", help="Leave out SSIM, which needs the extra evaluate."),
    ] = False,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a picture's distance from its content and from its style, 0 for equal.

    The judge is one for all pictures: VGG-16 at a longer side of 512 pixels. Content is the
    relative distance of features at relu4_1, style that of Gram matrices, averaged over relu1_1 to
    relu5_1. Compare both numbers of two pictures, each on its own: a painting has no style
    distance from itself.

    Of a clip it is the mean over some frames, and two numbers more, both smaller for what holds
    stiller: the warping error is the mean squared difference between a frame and the one before
    it, moved as the source moved, where both show the same; flicker is the mean difference there
    beyond the source's own. Compare them to those of the same clip made with --no-temporal.
    """
    host: PluginHost = ctx.obj
    if video:
        _evaluate_video(host, picture, content, style, device, as_json=as_json)
        return
    if style is None:
        raise UsageError("--style is missing: name the painting that the picture is like")
    from stylize.evaluate import evaluate_picture

    evaluation = evaluate_picture(
        picture, content, style, ssim=not no_ssim, host=host, device=device
    )
    if as_json:
        files = {"picture": str(picture), "content": str(content), "style": str(style)}
        typer.echo(json.dumps({**files, **evaluation.record}, indent=2))
        return
    for warning in evaluation.warnings:
        warn(warning)
    _print(evaluation)


def _evaluate_video(
    host: PluginHost, clip: Path, content: Path, style: Path | None, device: str, *, as_json: bool
) -> None:
    require_extra("av", "video", "evaluating a video")
    require_extra("cv2", "video", "evaluating a video")
    from stylize.video.evaluation import evaluate_video

    evaluation = evaluate_video(clip, content, style, host=host, device=device)
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
        f"frames            {evaluation.frames}, {held.pairs} pairs compared, "
        f"new scenes at: {', '.join(map(str, held.cuts)) or 'none'}"
    )
    if held.warping_error is not None and held.source_warping_error is not None:
        typer.echo(f"warping error     {held.warping_error:.6f}")
        typer.echo(f"  of the source   {held.source_warping_error:.6f}")
    if held.flicker is not None:
        typer.echo(f"flicker           {held.flicker * 255:.3f} of 255")
    if evaluation.content is not None and evaluation.style is not None:
        typer.echo(f"content distance  {evaluation.content:.3f}")
        typer.echo(f"style distance    {evaluation.style:.3f}")
        typer.echo(f"  means of frames {', '.join(map(str, evaluation.judged))}")


def _print(evaluation: Evaluation) -> None:
    verdict = evaluation.verdict
    typer.echo(f"content distance  {verdict.content:.3f}")
    typer.echo(f"style distance    {verdict.style:.3f}")
    if evaluation.ssim is not None:
        typer.echo(f"SSIM to content   {evaluation.ssim:.3f}")
    typer.echo("\nstyle distance by layer, of Gram matrices, means and standard deviations:")
    for layer, gram in verdict.layers.items():
        mean, deviation = verdict.means[layer], verdict.deviations[layer]
        typer.echo(f"  {layer}  {gram:6.3f}  {mean:6.3f}  {deviation:6.3f}")
