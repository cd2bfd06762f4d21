"""The training loop of every trainable method, on Accelerate: one process, or any number.

Source of the training itself: Johnson et al. 2016 (section 4), Huang and Belongie 2017
(section 6), as the paper's sections 3 and 4 take them over.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from stylize import CHECKPOINT, Progress, Run, TrainingTask, clear_training
from stylize.errors import TrainingError
from stylize_train.checkpoint import (
    Checkpoint,
    Start,
    Trained,
    read_checkpoint,
    state_of,
    write_checkpoint,
)
from stylize_train.data import Photographs, Sample, load_batches, stack_samples
from stylize_train.logs import MetricsLog
from stylize_train.previews import Previews
from stylize_train.settings import TrainingSettings
from stylize_train.stepping import Stepper
from stylize_train.telling import Teller

if TYPE_CHECKING:
    from accelerate import Accelerator

__all__ = ["Trainer"]

# The share of each new step in the moving average of losses that is shown.
NEWEST = 0.05


class Trainer:
    """Takes the steps of one training run, with checkpoints, validation, previews and logs.

    Args:
        task: what is trained.
        data: a stream for each input of the task's loss: "content", and maybe "style".
        shown: the same streams, of the pictures of previews; may be empty.
        settings: how long and how often.
        run: seed, deadline, cancellation, observers.
        folder: for the checkpoint, metrics.csv and previews; made if need be.
        identity: what must not change between a run and its resumption.
        accelerator: from `make_accelerator`.
        tell: called with each warning, such as a broken picture, as one line.
        begins: the model that the run starts from; a checkpoint knows its own.
        holds_out: whether `shown` are not trained on, so that losses are measured on them too.
    """

    def __init__(
        self,
        task: TrainingTask,
        data: Mapping[str, Photographs],
        shown: Mapping[str, Photographs],
        settings: TrainingSettings,
        run: Run,
        folder: Path,
        identity: Mapping[str, Any],
        accelerator: Accelerator,
        tell: Callable[[str], None],
        begins: Start,
        *,
        holds_out: bool = True,
    ) -> None:
        self.task = task
        self.data = data
        self.settings = settings
        self.run = run
        self.folder = folder
        self.identity = {**identity, "processes": accelerator.num_processes}
        self.accelerator = accelerator
        self.tell = tell
        self.begins = begins
        self.losses: dict[str, float] = {}
        self.saved_step = 0
        self.tell_once = Teller(tell, settings.crop)
        self._average: dict[str, float] = {}
        task.network.to(accelerator.device).to(memory_format=torch.channels_last)
        self.stepper = Stepper(task, accelerator, tell)
        self.holds_out = holds_out
        # Read once: they are few, and every validation sees the same.
        self.shown = self._read_shown(shown)
        self.previews = Previews(task, self.shown, folder, self.tell_once)

    @property
    def checkpoint(self) -> Path:
        """The file that `--resume` reads."""
        return self.folder / CHECKPOINT

    def __call__(self, *, resume: bool = False) -> Trained:
        """Train, from the start or from the checkpoint, and return the network.

        Ends early, with a checkpoint, at the run's deadline or cancellation. A run that ends before
        its first checkpoint leaves nothing in its folder.

        Raises: TrainingError for a loss that is not finite or pictures that are all broken, with
            the last checkpoint left in place; UsageError for a checkpoint of another run;
            OutputError if a file cannot be written.
        """
        start = self.run.steps_done = self._load() if resume else 0
        if self._is_main:
            if not resume:  # of another training, which this one must not go on from
                clear_training(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            return self._train(start)
        except BaseException:  # an interruption too
            if self._is_main and not self.checkpoint.is_file():
                clear_training(self.folder)
            raise

    def _train(self, start: int) -> Trained:
        self.task.network.train()
        self.previews.write(start)
        with MetricsLog(self.folder, start, self.settings, enabled=self._is_main) as log:
            began, seen = time.monotonic(), 0
            step = start
            for step, batch in self._batches(start):
                step_began = time.monotonic()
                terms = self._step(step, batch)
                seen += self.settings.batch * self.accelerator.num_processes
                rate = seen / (time.monotonic() - began)
                self._report(step, terms, rate)
                if step % self.settings.log_every == 0:
                    log.write(step, rate, terms)
                last = step == self.settings.steps
                if step % self.settings.validate_every == 0 or last:
                    self._validate(step, log)
                stop = self.stepper.agree(self.run.should_stop(time.monotonic() - step_began))
                if step % self.settings.checkpoint_every == 0 or last or stop:
                    self._save(step)
                if stop:
                    break
        self.accelerator.wait_for_everyone()
        return Trained(state_of(self.task.network), step, self.losses, self.begins)

    def show(self) -> None:
        """Bring the newest preview up to the network, which an early stop leaves ahead of it."""
        if self.previews.step not in (None, self.run.steps_done):
            self.previews.write(self.run.steps_done)

    @property
    def _is_main(self) -> bool:
        return bool(self.accelerator.is_main_process)

    def _batches(self, start: int) -> Iterator[tuple[int, dict[str, Tensor]]]:
        """Yield steps, counted from 1, with their batches."""
        steps = range(start, self.settings.steps)
        streams = {
            name: load_batches(
                data,
                steps,
                batch=self.settings.batch,
                rank=self.accelerator.process_index,
                processes=self.accelerator.num_processes,
            )
            for name, data in self.data.items()
        }
        with contextlib.ExitStack() as stack:
            for stream in streams.values():
                stack.callback(stream.close)  # type: ignore[attr-defined]  # a generator
            for step in steps:
                squares = [self._stack(name, next(each)) for name, each in streams.items()]
                yield step + 1, {key: value for each in squares for key, value in each.items()}

    def _stack(self, name: str, samples: Sequence[Sample]) -> dict[str, Tensor]:
        """Return (N, 3, S, S) in [0, 1] on the device by name; report what was wrong."""
        self.tell_once.tell_of(samples)
        squares, device = stack_samples(name, samples), self.accelerator.device
        return {key: stack.to(device).float().div_(255) for key, stack in squares.items()}

    def _step(self, step: int, batch: Mapping[str, Tensor]) -> dict[str, float]:
        """Take a step and return the terms of the objective, the batch's mean."""
        values, finite = self.stepper(batch, self.settings.rate(step))
        if not finite:
            raise self._not_finite(step, values)
        return values

    def _not_finite(self, step: int, terms: Mapping[str, float]) -> TrainingError:
        said = ", ".join(f"{name} {value:.3g}" for name, value in terms.items())
        kept = (
            f"the checkpoint of step {self.saved_step} is kept: go on from it with --resume and"
            if self.saved_step
            else "no checkpoint was due yet: start again with"
        )
        return TrainingError(
            f"the loss or its gradient is not finite at step {step} ({said}); {kept} a lower "
            f"--learning-rate, or --precision float32"
        )

    def _report(self, step: int, terms: Mapping[str, float], rate: float) -> None:
        for name, value in terms.items():
            before = self._average.get(name, value)
            self._average[name] = before + NEWEST * (value - before)
        self.run.report(
            Progress(
                fraction=step / self.settings.steps,
                step=step,
                steps=self.settings.steps,
                losses=dict(self._average),
                stage=f"{rate:.1f} images/s, step",
            )
        )

    # Looking at the network.

    def _read_shown(self, shown: Mapping[str, Photographs]) -> list[dict[str, Tensor]]:
        """Return batches of the photographs to look at, with paintings from the first on.

        A broken picture is reported and replaced by another, as in training. If all are broken,
        there is nothing to look at.
        """
        count = len(shown["content"]) if all(map(len, shown.values())) else 0
        if not (count and self._is_main):
            return []
        stacks: dict[str, Tensor] = {}
        for name, data in shown.items():
            samples = [data[number] for number in range(count)]
            if any(sample.pixels is None for sample in samples):
                if self.holds_out:  # training tells of its own
                    self.tell_once.tell_of(samples)
                return []
            stacks |= self._stack(name, samples)
        size = self.settings.batch
        return [
            {name: stack[at : at + size] for name, stack in stacks.items()}
            for at in range(0, count, size)
        ]

    @torch.no_grad()
    def _validate(self, step: int, log: MetricsLog) -> None:
        """Write a preview; with held-out pictures, measure the objective and keep the preview."""
        if not self.holds_out:
            self.previews.write(step)
            return
        if not self.shown:
            return
        sums: dict[str, float] = {}
        count = 0
        self.task.network.eval()
        for batch in self.shown:
            _, terms = self.task.loss(self.task.network, batch)
            for name, value in terms.items():
                sums[name] = sums.get(name, 0.0) + value.sum().item()
            count += len(batch["content"])
        self.task.network.train()
        self.losses = {name: value / count for name, value in sums.items()}
        log.write_validation(step, self.losses)
        self.previews.write(step, f"preview_{step:06d}.jpg")

    # Checkpoints.

    def _save(self, step: int) -> None:
        if self._is_main:
            write_checkpoint(
                self.checkpoint,
                Checkpoint(
                    step,
                    self.identity,
                    state_of(self.task.network),
                    self.stepper.optimizer.optimizer.state_dict(),
                    torch.get_rng_state(),
                    self.losses,
                    self.begins.steps,
                    self.task.state() if hasattr(self.task, "state") else {},
                    self.begins.model,
                ),
            )
        self.saved_step = step

    def _load(self) -> int:
        """Restore the checkpoint and return its step."""
        checkpoint = read_checkpoint(self.checkpoint, self.identity, self.tell)
        self.task.network.load_state_dict(dict(checkpoint.network))
        self.stepper.load(checkpoint.optimizer)
        if hasattr(self.task, "load_state"):
            self.task.load_state(checkpoint.task)
        torch.set_rng_state(checkpoint.rng)
        self.losses = dict(checkpoint.losses)
        self.begins = Start(checkpoint.start, checkpoint.before)
        self.saved_step = checkpoint.step
        return checkpoint.step
