"""`stylize evaluate`: how far a picture is from its content and from its style."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stylize.cli.options import DeviceOption
from stylize.cli.report import warn
from stylize.plugins import PluginHost

if TYPE_CHECKING:
    from stylize.evaluate import Evaluation

__all__ = ["add_command"]


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)


def evaluate(
    ctx: typer.Context,
    picture: Annotated[Path, typer.Argument(metavar="PICTURE", help="The picture to evaluate.")],
    content: Annotated[
        Path, typer.Option("--content", "-c", metavar="FILE", help="The photograph it is of.")
    ],
    style: Annotated[
        Path, typer.Option("--style", "-s", metavar="FILE", help="The painting it is like.")
    ],
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
    """
    host: PluginHost = ctx.obj
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
