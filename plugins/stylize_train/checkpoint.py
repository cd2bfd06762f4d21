"""Checkpoints: everything that a killed training run needs to go on to the same result."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stylize import PartRecord, part_changes
from stylize.command import write_file
from stylize.errors import TrainingError, UsageError

__all__ = [
    "PARTS",
    "Checkpoint",
    "Start",
    "Trained",
    "read_checkpoint",
    "state_of",
    "write_checkpoint",
]

FORMAT = 1
# These identify a run, but may have another version when it is resumed.
PARTS = "parts"


@dataclass(frozen=True)
class Start:
    """The model that a run starts from.

    Args:
        model: its name; "" without one, None if a checkpoint of an earlier release leaves it out.
        steps: that it was trained for.
    """

    model: str | None = ""
    steps: int = 0


@dataclass(frozen=True)
class Trained:
    """The result of training: the network's state in float32, steps, last validation losses.

    The steps are the run's own, after those of the model that it begins with.
    """

    network: Mapping[str, Tensor]
    steps: int
    losses: Mapping[str, float]
    begins: Start


@dataclass(frozen=True)
class Checkpoint:
    """A training run after a step.

    Args:
        step: steps taken.
        identity: what must stay the same to resume: settings, data, paintings, weights.
        network: state of the trained network, float32.
        optimizer: state of the optimiser.
        rng: torch's generator on the CPU. The order and framing of photographs need no state:
            the step decides them.
        losses: of the last validation.
        before: steps of the model that the run started from.
        task: what else the task learns: its `state()`.
        start: name of the model that the run started from, as in `Start`.
    """

    step: int
    identity: Mapping[str, Any]
    network: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    rng: Tensor
    losses: Mapping[str, float]
    before: int = 0
    task: Mapping[str, Any] = field(default_factory=dict)
    start: str | None = None


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all.

    Raises: OutputError if it cannot be written; the one before is left in place.
    """
    buffer = BytesIO()
    torch.save({"format": FORMAT, **vars(checkpoint)}, buffer)
    write_file(path, buffer.getvalue())


def read_checkpoint(
    path: Path, identity: Mapping[str, Any], tell: Callable[[str], None]
) -> Checkpoint:
    """Read a checkpoint of the run that `identity` describes. Runs no code of the file.

    Args:
        tell: called with each part that has another version or code now; the training goes on.

    Raises: UsageError if there is none, or it belongs to another run; TrainingError if it is
        damaged.
    """
    if not path.is_file():
        raise UsageError(f"--resume: there is no {path}: leave out --resume to start over")
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        loaded.pop("format")
        checkpoint = Checkpoint(**loaded)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, OSError) as error:
        raise TrainingError(
            f"checkpoint {path} is damaged ({_reason(error)}): start over with --force"
        ) from error
    changed = [
        f"{key} was {_short(checkpoint.identity.get(key))} and is {_short(value)} now"
        for key, value in identity.items()
        if key != PARTS and checkpoint.identity.get(key) != value
    ]
    if changed:
        raise UsageError(
            f"--resume: {path} is of another run ({'; '.join(changed)}): use its settings, or "
            f"start over with --force"
        )
    before, now = (_parts_of(each) for each in (checkpoint.identity, identity))
    for change in part_changes(before, now):
        tell(f"{change}: the training goes on with that")
    return checkpoint


def _parts_of(identity: Mapping[str, Any]) -> dict[str, PartRecord]:
    """Return the parts that a run records: checkpoints of earlier releases have none."""
    parts = identity.get(PARTS, {})
    return {role: PartRecord.model_validate(part) for role, part in parts.items()}


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def state_of(network: torch.nn.Module) -> dict[str, Tensor]:
    """Return a copy of a network's tensors on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
