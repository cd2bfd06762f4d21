"""A training run from settings and files to a model file: what `stylize train` does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from stylize import (
    CHECKPOINT,
    MAX_PIXELS,
    BuiltParts,
    ModelFile,
    Parts,
    Picture,
    Plan,
    Run,
    StyleImage,
    StyleRecord,
    TrainableMethod,
    TrainingTask,
    read_header,
    read_image,
    style_shares,
    training_folder,
    write_model,
)
from stylize.errors import ModelError, OutputError, UsageError
from stylize_train.accelerating import make_accelerator
from stylize_train.checkpoint import Start
from stylize_train.data import find_photographs, make_streams, pair_pictures
from stylize_train.header import make_header
from stylize_train.identity import make_identity
from stylize_train.loop import Trainer
from stylize_train.settings import TrainingSettings

if TYPE_CHECKING:
    from stylize import PluginHost

__all__ = ["Training"]

# Below this deviation of colours, a painting counts as a single colour.
BLANK = 1 / 255


@dataclass
class Training:
    """One training run, planned and checked; call it to train.

    Args:
        plan: from `make_plan(..., training=True)`.
        settings: the length and the data of the training.
        data: folder of photographs.
        styles: the paintings, for a method that learns them.
        paintings: folder of paintings, for a method that takes any.
        pictures: folder of the photographs' target pictures, for a task that learns from pairs.
        output: the model file.
        resume: continue from the checkpoint next to the output.
        force: replace the output and the checkpoint, and start over.
        init: a model file to start from.
        summary, license: for the model's header.
        tell: called with each warning, such as a broken picture, as one line.
        guard: is entered when training begins, until the model is written: an interruption may then
            save what there is.
        shown_step: of the newest preview, once trained; None if there is none.
    """

    host: PluginHost
    plan: Plan
    settings: TrainingSettings
    data: Path
    output: Path
    styles: Sequence[str] = ()
    paintings: Path | None = None
    pictures: Path | None = None
    resume: bool = False
    force: bool = False
    init: Path | None = None
    summary: str = ""
    license: str = ""
    max_pixels: int = MAX_PIXELS
    tell: Callable[[str], None] = print
    guard: Callable[[], AbstractContextManager[object]] = nullcontext
    shown_step: int | None = field(default=None, init=False)

    def check(self) -> None:
        """Check everything that can be checked before anything heavy is loaded.

        Raises: UsageError, OutputError, ModelError.
        """
        method = self.plan.method
        if method.needs_style and (self.styles or self.paintings is None):
            raise UsageError(
                f"{method.name} learns to take any painting: give --styles with a folder of many"
            )
        if not method.needs_style and (self.paintings is not None or not self.styles):
            raise UsageError(f"{method.name} learns one painting, or a blend: give --style FILE")
        style_shares(self.plan.settings, len(self.styles))
        if self.output.is_dir():
            raise OutputError(f"-o {self.output}: is a folder: name a file, as mine.safetensors")
        if self.output.suffix != ".safetensors":
            named = self.output.with_suffix(".safetensors")
            raise OutputError(f"-o {self.output}: a model file ends in .safetensors: use {named}")
        if not self.output.parent.is_dir():
            raise OutputError(f"-o {self.output}: there is no folder {self.output.parent}: make it")
        folder = training_folder(self.output)
        if not (self.force or self.resume):
            for path in (self.output, folder / CHECKPOINT):
                if path.exists():
                    raise OutputError(
                        f"{path}: exists: continue with --resume, start over with --force, or "
                        f"choose another -o"
                    )
        if self.init is not None:
            header = read_header(self.init)
            if header.method != method.name:
                raise ModelError(
                    f"--init {self.init}: is of method {header.method}, not {method.name}: give "
                    f"a model of {method.name}"
                )

    def __call__(self, run: Run) -> ModelFile:
        """Train and write the model file; if stopped early, the model so far.

        Raises: StylizeError for anything that the user can fix.
        """
        self.check()
        files = {"content": find_photographs(self.data)}
        if self.paintings is not None:
            files["style"] = find_photographs(self.paintings, "--styles")
        logging.getLogger("accelerate").setLevel(logging.ERROR)
        accelerator = make_accelerator(self.plan.settings.device)
        parts = BuiltParts(self.host, self.plan, accelerator.device)
        method = parts.method
        assert isinstance(method, TrainableMethod)
        torch.manual_seed(run.seed)
        pictures = [self._read_style(name) for name in self.styles]
        shares = style_shares(self.plan.settings, len(pictures))
        styles = [
            StyleImage(picture.pixels.to(parts.device), share, picture.name)
            for picture, share in zip(pictures, shares, strict=True)
        ]
        task = method.training_task(styles, parts, run.strength)
        if self.pictures is not None and not getattr(task, "learns_pairs", False):
            raise UsageError(
                f"--pictures: {self.plan.method.name} does not learn from pairs: leave it out, or "
                f"use a method that does, such as johnson"
            )
        network = dict(method.network_settings())
        taught: dict[str, str] = {}
        if self.pictures is not None:
            taught = pair_pictures(files["content"], self.pictures)
            if left := len(files["content"]) - len(taught):
                self.tell(
                    f"--pictures {self.pictures}: photographs without one are skipped: {left}"
                )
            files["content"] = tuple(taught)
        data, shown, holds_out = make_streams(files, self.settings, run.seed, taught)
        records = tuple(
            StyleRecord(name=Path(picture.name).name, sha256=picture.sha256) for picture in pictures
        )
        # A checkpoint has the tensors, and tells where they started.
        starts = self.init is not None and not self.resume
        begins = self._start_from_init(task, network, records) if starts else Start()
        trainer = Trainer(
            task,
            data,
            shown,
            self.settings,
            run,
            training_folder(self.output),
            make_identity(
                self.host,
                self.plan,
                self.settings,
                weights=parts.weights.fingerprint,
                network=network,
                styles=records,
                data=data,
            ),
            accelerator,
            self.tell,
            begins,
            holds_out=holds_out,
        )
        with self.guard():
            return self._train(trainer, parts, network, records)

    def _train(
        self,
        trainer: Trainer,
        parts: Parts,
        network: Mapping[str, object],
        records: tuple[StyleRecord, ...],
    ) -> ModelFile:
        """Train, and write the model, or what there is of it."""
        trained = trainer(resume=self.resume)
        header = make_header(
            self.host,
            self.plan,
            self.settings,
            weights=parts.weights.fingerprint,
            network=network,
            styles=records,
            pictures=len(trainer.data["content"]),
            trained=trained,
        ).model_copy(update={"summary": self.summary, "license": self.license})
        if trainer.accelerator.is_main_process:
            write_model(self.output, header, trained.network, force=self.force or self.resume)
        with suppress(KeyboardInterrupt):  # a second one: everything else is saved
            trainer.show()
        self.shown_step = trainer.previews.step
        trainer.accelerator.wait_for_everyone()
        return ModelFile(str(self.output), self.output, header)

    def _read_style(self, name: str) -> Picture:
        size = self.settings.style_size or 2 * self.settings.crop
        picture = read_image(name, size=size, max_pixels=self.max_pixels)
        for warning in picture.warnings:
            self.tell(warning)
        if picture.pixels.std(dim=(2, 3)).max() < BLANK:
            raise UsageError(
                f"--style {name}: is a single colour, which has no strokes to learn: give a "
                f"painting"
            )
        return picture

    def _start_from_init(
        self,
        task: TrainingTask,
        settings: Mapping[str, object],
        styles: tuple[StyleRecord, ...],
    ) -> Start:
        """Fill the network from `init`, and return what that model is.

        Raises: ModelError.
        """
        assert self.init is not None
        header = read_header(self.init)
        for key, value in settings.items():
            # A model older than this setting has its default, or does not fit.
            own = header.network.get(key, value)
            if own != value and key not in getattr(task, "init_may_differ", ()):
                raise ModelError(
                    f"--init {self.init}: has {key} {own}, this run {value}: use --set "
                    f"{header.method}.{key}={own}"
                )
        tensors = ModelFile(str(self.init), self.init, header).tensors()
        try:
            task.start_from(tensors, same_styles=header.styles == styles)
        except RuntimeError as error:
            raise ModelError(
                f"--init {self.init}: its tensors do not fit this network "
                f"({str(error).splitlines()[-1].strip()}): give another model"
            ) from error
        return Start(self.init.stem, header.steps)
