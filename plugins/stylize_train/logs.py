"""The logs of training: metrics.csv, and TensorBoard's logs if they are requested."""

from __future__ import annotations

import contextlib
import csv
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stylize.command import import_extra
from stylize.errors import OutputError
from stylize_train.settings import TrainingSettings

__all__ = ["MetricsLog"]

METRICS = "metrics.csv"
COLUMNS = ("step", "kind", "term", "value", "images_per_second", "seconds")


class MetricsLog:
    """One row per term: step, "training" or "validation", name, value, speed, seconds since start.

    A resumed run keeps the rows up to its first step and continues after them.

    Args:
        folder: that exists.
        start: the step after which rows are new.
        enabled: False in all processes but the main one.
    """

    def __init__(
        self, folder: Path, start: int, settings: TrainingSettings, *, enabled: bool = True
    ) -> None:
        self.path = folder / METRICS
        self._began = time.monotonic()
        self._enabled = enabled
        self._board: Any = None
        if not enabled:
            return
        kept = _rows_up_to(self.path, start)
        self._file = self.path.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        self._put([COLUMNS, *kept])
        if settings.tensorboard:
            board = import_extra("torch.utils.tensorboard", "tensorboard", "--tensorboard")
            self._board = board.SummaryWriter(str(folder), purge_step=start + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._enabled:
            # On a full disk closing writes, and fails, again: the error of the row says it better.
            with contextlib.suppress(OSError):
                self._file.close()
        if self._board:
            self._board.close()

    def write(self, step: int, rate: float, terms: Mapping[str, float]) -> None:
        """Write the terms of a training step; `rate` is in images per second."""
        self._write(step, "training", terms, f"{rate:.3f}")

    def write_validation(self, step: int, terms: Mapping[str, float]) -> None:
        """Write the means of the terms over held-out pictures."""
        self._write(step, "validation", terms, "")

    def _write(self, step: int, kind: str, terms: Mapping[str, float], rate: str) -> None:
        if not self._enabled:
            return
        seconds = f"{time.monotonic() - self._began:.1f}"
        self._put([(step, kind, name, f"{v:.6g}", rate, seconds) for name, v in terms.items()])
        if self._board:
            for name, value in terms.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)

    def _put(self, rows: list[Any]) -> None:
        try:
            self._writer.writerows(rows)
            self._file.flush()
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be written ({error.strerror}): free some space, then --resume"
            ) from error


def _rows_up_to(path: Path, step: int) -> list[list[str]]:
    if not (step and path.is_file()):
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return [row for row in rows if len(row) == len(COLUMNS) and int(row[0]) <= step]
