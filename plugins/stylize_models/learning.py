"""`stylize learn`: turns the user's own painting into a named model."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

from stylize import Kind, PluginHost, find_model, make_plan, open_image, user_models_folder
from stylize.command import (
    SetOption,
    clean_stdout,
    collect_settings,
    completion_of,
    require_files,
    say,
)
from stylize.errors import ImageError, OutputError, UsageError

__all__ = ["learn"]

# Longer side of the stored painting, in pixels, and its quality as a JPEG file. Pictures of 1024
# pixels use all of it.
LONGEST, QUALITY = 1024, 90
# Least shorter side in pixels, and the deviation below which all colours count as one.
LEAST, BLANK = 32, 1 / 255


def learn(
    ctx: typer.Context,
    painting: Annotated[Path, typer.Argument(metavar="PAINTING", help="A picture file.")],
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="The style's name; by default the file's."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write it to FILE, not to your own models."
        ),
    ] = None,
    base: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="The model that paints with it. It has to take any painting.",
            autocompletion=completion_of("model"),
        ),
    ] = "any",
    summary: Annotated[
        str, typer.Option("--summary", metavar="TEXT", help="One line for stylize models list.")
    ] = "",
    license_: Annotated[
        str, typer.Option("--license", metavar="TEXT", help="Licence of the painting.")
    ] = "",
    assignments: SetOption = None,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Replace an existing style of that name.")
    ] = False,
) -> None:
    """Save a painting as a named style, for stylize --model NAME.

    This takes a second, as the style uses a network that takes any painting. Settings of the method
    that suit the painting, such as --set adain.stroke_size=2, are saved with it.
    """
    host: PluginHost = ctx.obj
    require_files([painting])
    if not painting.is_fifo():  # which can be read once
        with open_image(painting):
            pass
    model = find_model(host, base)
    plan = make_plan(host, collect_settings(host, {"model": base}, None, assignments or ()))
    if not plan.needs_style:
        raise UsageError(
            f"--model {base}: has learnt its painting: give one that takes any painting"
        )
    style = name if name is not None else re.sub(r"\W+", "_", painting.stem).strip("_")
    if not re.fullmatch(r"\w[\w-]*", style):
        raise UsageError(f"--name {style!r}: give letters, digits, - and _, such as my_style")
    if output is None and style in host.names(Kind.MODEL) and not force:
        raise UsageError(f"{style} is an included style: give another --name, or --force")
    if style == base:
        raise UsageError(f"--name {style}: is the model that paints with it: choose another name")
    path = output or user_models_folder() / f"{style}.safetensors"
    if path.suffix != ".safetensors":
        named = path.with_suffix(".safetensors")
        raise OutputError(f"-o {path}: a model file ends in .safetensors: use {named}")
    if path.exists() and not force:
        raise OutputError(f"{path}: exists: replace it with --force, or give another --name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be created ({error.strerror})") from error
    own = dict(model.header.network)
    assert plan.method_settings is not None  # any method that applies a model has them
    suits = plan.method_settings.model_dump(mode="json", exclude_unset=True)
    usual = {key: value for key, value in suits.items() if key not in own}
    with clean_stdout():
        import numpy as np
        import torch

        from stylize import StyleRecord, framework_version, read_image, to_pil, write_model

        picture = read_image(str(painting), size=LONGEST)
        height, width = picture.pixels.shape[-2:]
        if min(height, width) < LEAST:
            raise ImageError(
                f"{painting}: is stored as {width}x{height}, but each side needs {LEAST} pixels: "
                f"use a larger picture, or crop it"
            )
        if picture.pixels.std(dim=(2, 3)).max() < BLANK:
            raise ImageError(f"{painting}: is a single colour, without strokes: use another")
        held = io.BytesIO()
        to_pil(picture.pixels).save(held, "JPEG", quality=QUALITY)
        header = model.header.model_copy(
            update={
                "base": str(model.path.resolve()) if base.endswith(".safetensors") else base,
                "usual": usual,
                "styles": (StyleRecord(name=painting.name, sha256=picture.sha256),),
                "summary": summary or f"The painting {painting.name}",
                "license": license_,
                "framework": framework_version(),
            }
        )
        data = torch.from_numpy(np.frombuffer(held.getvalue(), dtype=np.uint8).copy())
        write_model(path, header, {"painting": data}, force=force)
    shown = shlex.quote(str(path)) if output else path.stem
    say(f"{path}: {path.stat().st_size / 1000:.0f} kB: stylize --model {shown} photo.jpg")
