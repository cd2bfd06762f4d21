"""The folder that a training keeps beside its model: what is in it, and how it is emptied."""

from __future__ import annotations

import contextlib
from pathlib import Path

__all__ = ["CHECKPOINT", "TRAINING_SUFFIX", "clear_training", "training_folder"]

TRAINING_SUFFIX = ".training"
CHECKPOINT = "checkpoint.pt"
# What trainings write: the last two are TensorBoard's, and what a kill may leave of a file.
WRITTEN = (CHECKPOINT, "metrics.csv", "preview*.jpg", "events.out.tfevents.*", ".stylize-*.tmp")


def training_folder(model: Path) -> Path:
    """Return the folder next to a model file that keeps its checkpoint, metrics and previews."""
    return model.with_name(f"{model.stem}{TRAINING_SUFFIX}")


def clear_training(folder: Path) -> None:
    """Remove what a training wrote into its folder, and the folder, if that was all in it.

    Files of others stay. What cannot be removed stays too: a training writes over it.
    """
    with contextlib.suppress(OSError):
        for pattern in WRITTEN:
            for path in folder.glob(pattern):
                path.unlink(missing_ok=True)
        folder.rmdir()
