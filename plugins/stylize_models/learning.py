"""`stylize learn`: turns the user's own painting into a named model."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stylize import (
    CHECKPOINT,
    Kind,
    MethodSpec,
    ModelFile,
    PluginHost,
    clear_training,
    find_model,
    known_models,
    make_plan,
    open_image,
    training_folder,
    user_models_folder,
)
from stylize.command import (
    STANDARD,
    SetOption,
    clean_stdout,
    collect_settings,
    completion_of,
    loading,
    require_extra,
    require_files,
    say,
    warn,
)
from stylize.errors import ImageError, OutputError, UsageError

if TYPE_CHECKING:
    from stylize import Picture

__all__ = ["learn"]

# Longer side of the stored painting, in pixels, and its quality as a JPEG file. Pictures of 1024
# pixels use all of it.
LONGEST, QUALITY = 1024, 90
# Least shorter side in pixels, and the deviation below which all colours count as one.
LEAST, BLANK = 32, 1 / 255
# The model that paints with paintings, and how a network of their own is trained: from another one,
# which knows photographs and strokes, so that the demo's few pictures are enough.
PAINTS = "any"
METHOD, PRESET = "johnson", "johnson_learn"
TRAINING = ("train", METHOD, "--preset", PRESET, "--validate-every", "20", "--plain")


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
    model_name: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help=f"The model that paints with it, which has to take any painting (by default "
            f"{PAINTS}); with --network, the network to start from (by default the included one "
            "whose strokes are nearest to the painting's).",
            autocompletion=completion_of("model"),
        ),
    ] = None,
    network: Annotated[
        bool,
        typer.Option(
            "--network",
            help="Train a network of its own instead, in about ten minutes on two cores: pictures "
            "and clips then take a blink.",
        ),
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="With --network, continue a training that was stopped."),
    ] = False,
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

    With --network, stylize train learns the painting from an included network and the package's own
    pictures; the line is printed, to be varied. What the network paints so far is in
    NAME.training/preview.jpg. Ctrl-C saves the network so far, and --resume continues.
    """
    host: PluginHost = ctx.obj
    require_files([painting])
    if resume and not network:
        raise UsageError("--resume continues the training of a network: add --network")
    if resume and (force or model_name):
        other = "--force starts over" if force else f"--model {model_name} starts from there"
        raise UsageError(f"--resume continues; {other}: leave one out")
    once = str(painting) == STANDARD or painting.is_fifo()
    if once and network:
        raise UsageError(f"{painting}: a training reads its painting again to go on: give a file")
    if not once:
        with open_image(painting):
            pass
    if network:
        if (
            model_name
            and host.get(MethodSpec, find_model(host, model_name).header.method).needs_style
        ):
            raise UsageError(
                f"--model {model_name}: takes any painting: give a network of one, or leave it out"
            )
        path = _choose_path(host, painting, name, output, force=force, resume=resume)
        require_extra("accelerate", "train", "learn --network")
        start = model_name or ""
        if not (start or resume):  # a checkpoint holds its start
            start = _choose_start(host, painting, assignments or ())
        options = {"--init": start, "--summary": summary, "--license": license_}
        line = _training(painting, path, options, assignments or ())
        say(f"stylize {shlex.join(line)}")
        root: Any = ctx.find_root().command
        more = ["--force"] * force + ["--resume"] * resume
        code = root([*line, *more], standalone_mode=False, obj=host) or 0
        if path.is_file():
            say(f"to paint with it: {_use(path, output)}")
        raise typer.Exit(code)
    base = model_name or PAINTS
    model = find_model(host, base)
    plan = make_plan(host, collect_settings(host, {"model": base}, None, assignments or ()))
    if not plan.needs_style:
        raise UsageError(
            f"--model {base}: has learnt its painting: give one that takes any painting"
        )
    path = _choose_path(host, painting, name, output, force=force)
    if path.stem == base and output is None:
        raise UsageError(f"--name {base}: is the model that paints with it: choose another name")
    title = path.stem if str(painting) == STANDARD else painting.name
    own = dict(model.header.network)
    assert plan.method_settings is not None  # any method that applies a model has them
    suits = plan.method_settings.model_dump(mode="json", exclude_unset=True)
    usual = {key: value for key, value in suits.items() if key not in own}
    with clean_stdout():
        import numpy as np
        import torch

        from stylize import StyleRecord, framework_version, to_pil, write_model

        picture = _read(painting)
        for warning in picture.warnings:
            warn(warning)
        held = io.BytesIO()
        to_pil(picture.pixels).save(held, "JPEG", quality=QUALITY)
        header = model.header.model_copy(
            update={
                "base": str(model.path.resolve()) if base.endswith(".safetensors") else base,
                "usual": usual,
                "styles": (StyleRecord(name=title, sha256=picture.sha256),),
                "summary": summary or f"The painting {title}",
                "license": license_,
                "framework": framework_version(),
            }
        )
        data = torch.from_numpy(np.frombuffer(held.getvalue(), dtype=np.uint8).copy())
        write_model(path, header, {"painting": data}, force=force)
    clear_training(training_folder(path))  # of a network whose place it takes
    say(f"{path}: {path.stat().st_size / 1000:.0f} kB; to paint with it: {_use(path, output)}")


def _use(path: Path, output: Path | None) -> str:
    """Return the command that paints with a model."""
    return f"stylize --model {shlex.quote(str(path)) if output else path.stem} photo.jpg"


def _read(painting: Path) -> Picture:
    """Read a painting at the size that is stored. Raises: ImageError if it has nothing to learn."""
    from stylize import read_image

    picture = read_image(str(painting), size=LONGEST)
    height, width = picture.pixels.shape[-2:]
    if min(height, width) < LEAST:
        raise ImageError(
            f"{painting}: is stored as {width}x{height}, but each side needs {LEAST} pixels: "
            f"use a larger picture, or crop it"
        )
    if picture.pixels.std(dim=(2, 3)).max() < BLANK:
        raise ImageError(f"{painting}: is a single colour, without strokes: use another")
    return picture


def _choose_start(host: PluginHost, painting: Path, assignments: Sequence[str]) -> str:
    """Return the included network whose strokes are nearest to a painting's, and say so.

    Raises: ImageError; UsageError if settings are given that no included network has.
    """
    asked = collect_settings(host, {"method": METHOD}, PRESET, assignments)
    plan = make_plan(host, asked, training=True)
    own = plan.method_settings.model_dump() if plan.method_settings else {}
    fitting = [
        model
        for model in known_models(host)
        if isinstance(model, ModelFile)
        and model.distribution  # of a plugin
        and model.header.method == METHOD
        and all(own.get(key) == value for key, value in model.header.network.items())
    ]
    if not fitting:
        raise UsageError(
            f"--set {' --set '.join(assignments)}: no included network is so: give one to start "
            f"from with --model, or leave out what shapes the network"
        )
    with clean_stdout(), loading():
        from stylize_models.nearest import nearest_model

        start = nearest_model(host, _read(painting).pixels, fitting).name
    say(
        f"starts from {start}, the nearest in strokes of {len(fitting)} included networks "
        f"(--model NAME takes another)"
    )
    return start


def _choose_path(
    host: PluginHost,
    painting: Path,
    name: str | None,
    output: Path | None,
    *,
    force: bool,
    resume: bool = False,
) -> Path:
    """Return the file of a style, in a folder that exists. Raises: UsageError, OutputError.

    Args:
        force, resume: allow one that exists.
    """
    if name is None and str(painting) == STANDARD:
        raise UsageError("-: standard input has no name: give the style one, as --name my_style")
    style = name if name is not None else re.sub(r"\W+", "_", painting.stem).strip("_")
    if not re.fullmatch(r"\w[\w-]*", style):
        raise UsageError(f"--name {style!r}: give letters, digits, - and _, such as my_style")
    fresh = not (force or resume)
    if output is None and style in host.names(Kind.MODEL) and fresh:
        raise UsageError(f"{style} is an included style: give another --name, or --force")
    path = output or user_models_folder() / f"{style}.safetensors"
    if path.is_dir():
        raise OutputError(f"{path}: is a folder: name a file, as -o {path / 'mine.safetensors'}")
    if path.suffix != ".safetensors":
        named = path.with_suffix(".safetensors")
        raise OutputError(f"-o {path}: a model file ends in .safetensors: use {named}")
    kept = training_folder(path) / CHECKPOINT
    if resume and not kept.exists():
        raise UsageError(f"--resume: there is no {kept}: leave out --resume to start over")
    found = next((file for file in (path, kept) if file.exists()), None)
    if found and fresh:
        further = "continue its training with --network --resume, " if kept.exists() else ""
        raise OutputError(
            f"{found}: exists: {further}replace it with --force, or give another --name"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be created ({error.strerror})") from error
    return path


def _training(
    painting: Path, path: Path, options: Mapping[str, str], assignments: Sequence[str]
) -> list[str]:
    """Return the command line that trains a network of the painting."""
    photographs = Path(str(resources.files("stylize") / "demo"))
    line = [*TRAINING, "--data", str(photographs), "--style", str(painting.resolve())]
    line += ["-o", str(path.resolve())]
    given = {option: value for option, value in options.items() if value}
    sets = [word for assignment in assignments for word in ("--set", assignment)]
    return [*line, *(word for pair in given.items() for word in pair), *sets]
