"""`stylize train`: make a model of a method that applies one."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from stylize import (
    MethodSpec,
    Observer,
    PluginHost,
    Progress,
    RunSettings,
    find_model,
    load_preset,
    make_plan,
    parse_settings,
)
from stylize.command import (
    INTERRUPTED,
    PresetOption,
    QuietOption,
    SetOption,
    clean_stdout,
    collect_settings,
    completion_of,
    interruptible,
    require_files,
    say,
    settings_options,
    warn,
    watch,
)
from stylize.errors import UsageError
from stylize_train.folders import require_folder
from stylize_train.settings import TrainingSettings

__all__ = ["train"]

PANELS = {
    "Parts": (
        "backbone", "weights", "smooth", "smooth_layers", "gains", "content_loss", "style_loss",
        "image_loss", "content_layers", "style_layers",
    ),
    "Look": ("strength", "style_weights", "balance", "content_weight", "style_weight"),
    "Run": ("time", "seed", "device", "precision"),
}  # fmt: skip
SAVING = "saving the checkpoint, the model so far and a preview of it"
TRAINING_PANELS = {"Training": tuple(TrainingSettings.model_fields)}


def _known_method(ctx: typer.Context, name: str) -> str:
    """Return the method's name, checked before options that are missing are asked for.

    Raises: UnknownNameError; UsageError if it applies no model.
    """
    host = ctx.find_object(PluginHost)  # None where a line is only parsed
    if host and not host.get(MethodSpec, name).trainable:
        raise UsageError(f"method {name} applies no model: there is nothing to train")
    return name


@settings_options((TrainingSettings, TRAINING_PANELS), (RunSettings, PANELS), parts=False)
def train(
    ctx: typer.Context,
    method: Annotated[
        str,
        typer.Argument(
            metavar="METHOD",
            help="A method that applies a model, such as johnson.",
            autocompletion=completion_of("method"),
            callback=_known_method,
        ),
    ],
    data: Annotated[
        Path,
        typer.Option(
            "--data", metavar="FOLDER", help="A folder with photographs, also in its subfolders."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The model, .safetensors. Checkpoint, metrics.csv and previews go into "
            "NAME.training in the same folder; preview.jpg there is the newest.",
        ),
    ],
    style: Annotated[
        list[str] | None,
        typer.Option(
            "--style", "-s", metavar="FILE", help="The painting to learn; repeat it for a blend."
        ),
    ] = None,
    styles: Annotated[
        Path | None,
        typer.Option(
            "--styles",
            metavar="FOLDER",
            help="A folder with many paintings, for a method that learns any painting.",
        ),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(
            "--pictures",
            metavar="FOLDER",
            help="Learn from pairs: a folder with a finished picture of each photograph, named as "
            "stylize names the pictures that it makes.",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Continue from the checkpoint, to the same result as an unbroken run."
        ),
    ] = False,
    init: Annotated[
        str | None,
        typer.Option(
            "--init",
            metavar="MODEL",
            help="A trained model to start from, a name or a file: a new painting then takes fewer "
            "steps.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", "-f", help="Start again, and replace an existing model and its checkpoint."
        ),
    ] = False,
    summary: Annotated[
        str,
        typer.Option(
            "--summary", metavar="TEXT", help="A line of description, for stylize models list."
        ),
    ] = "",
    license_: Annotated[
        str,
        typer.Option("--license", metavar="TEXT", help="The model's licence, such as CC0-1.0."),
    ] = "",
    preset: PresetOption = None,
    assignments: SetOption = None,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain", help="Show progress as steps and the time left, without losses and speed."
        ),
    ] = False,
    quiet: QuietOption = False,
    **settings: str | None,
) -> None:
    """Train a model: a network that restyles photographs in one pass.

    Ctrl-C and --time save a checkpoint and the model so far, unless no step was begun. For several
    GPUs, use accelerate launch -m stylize train ...; for several processes on CPUs, torchrun
    --nproc-per-node N -m stylize train ..., because accelerate launch starts only one there.
    """
    host: PluginHost = ctx.obj
    # Of several processes, as accelerate launch starts them, the first speaks.
    quiet = quiet or os.environ.get("RANK", "0") != "0"
    given = {name: value for name, value in settings.items() if value is not None}
    training = _training_settings(host, method, preset, given)
    run_settings = {k: v for k, v in given.items() if k in RunSettings.model_fields}
    plan = make_plan(
        host,
        collect_settings(host, {**run_settings, "method": method}, preset, assignments or ()),
        training=True,
    )
    for problem in plan.problems:
        warn(problem.message)
    if resume and force:
        raise UsageError("--resume continues; --force starts over: leave one out")
    require_files(style or ())
    for option, folder in {"--data": data, "--styles": styles, "--pictures": pictures}.items():
        if folder is not None:
            require_folder(folder, option)
    started = ctx.meta["begun"]
    with clean_stdout():
        from stylize import Run, deadline_of, training_folder
        from stylize_train.previews import PREVIEW
        from stylize_train.session import Training

        run = Run(
            seed=plan.settings.seed,
            strength=plan.settings.strength,
            deadline=deadline_of(started, plan.settings.time),
        )
        job = Training(
            host,
            plan,
            training,
            data,
            output,
            styles=style or (),
            paintings=styles,
            pictures=pictures,
            resume=resume,
            force=force,
            init=find_model(host, init).path if init else None,
            summary=summary,
            license=license_,
            tell=warn,
            # Before it trains, there is nothing to save, and Ctrl-C ends at once.
            guard=partial(interruptible, run.cancelled, SAVING),
        )
        job.check()
        with watch(output.name, quiet=quiet, lines=True) as observers:
            shown = training_folder(output) / PREVIEW
            tellers = [] if quiet else [PreviewTeller(shown, training.validate_every)]
            showing = [Plain(each) for each in observers] if plain else observers
            run.observers = [*tellers, *showing, *host.observers(plan)]
            model = job(run)
    losses = ", ".join(f"{name} {value:.3g}" for name, value in model.header.losses.items())
    if not quiet:
        minutes = (time.monotonic() - started) / 60
        held = f", held-out losses: {losses}" if losses else ""
        say(f"{output}: {run.steps_done} of {training.steps} steps, {minutes:.1f} min{held}")
        if job.shown_step is not None:
            say(f"{shown}: what it paints after step {job.shown_step}")
    if run.stop_reason != "done" and not quiet:
        say("stopped early: the same command with --resume continues")
    for warning in run.warnings:
        warn(warning)
    raise typer.Exit(INTERRUPTED if run.stop_reason == "interrupted" else 0)


class Plain:
    """Passes on how far a training is, without its figures."""

    def __init__(self, observer: Observer) -> None:
        self.observer = observer

    def progressed(self, progress: Progress) -> None:
        """Tell the observer the step."""
        self.observer.progressed(replace(progress, losses={}, stage="step"))


class PreviewTeller:
    """Observes a run to say where its preview is, once there is one."""

    def __init__(self, preview: Path, every: int) -> None:
        self.preview = preview
        self.every = every
        self.told = False

    def progressed(self, progress: Progress) -> None:
        """Say so after the first step."""
        del progress
        if not self.told and self.preview.is_file():
            say(f"{self.preview}: what it paints so far, new every {self.every} steps")
        self.told = True


def _training_settings(
    host: PluginHost, method: str, preset: str | None, given: dict[str, Any]
) -> TrainingSettings:
    """Lay options over a preset's. Raises: SettingsError; UsageError for another method's."""
    base: dict[str, Any] = {}
    if preset:
        loaded = load_preset(host, preset)
        base, own = loaded.training, loaded.settings.get("method", method)
        if host.get(MethodSpec, own) is not host.get(MethodSpec, method):
            other = f", or train {own}" if host.get(MethodSpec, own).trainable else ""
            raise UsageError(
                f"--preset {preset} is of method {own}, not {method}: choose another preset (see "
                f"stylize presets){other}"
            )
    values = {**base, **{k: v for k, v in given.items() if k in TrainingSettings.model_fields}}
    return parse_settings(TrainingSettings, values)
