"""Observers of a method at work: its reports, and the random numbers that it draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from stylize.contract.run import Progress, Run

__all__ = ["Canceller", "Draws", "Made", "Recorder"]


@dataclass(frozen=True)
class Made:
    """A picture and its making: reports, random operations, global generators used."""

    picture: Tensor
    run: Run
    reports: list[Progress]
    draws: list[str]
    disturbed: bool


@dataclass
class Recorder:
    """Keeps every report."""

    reports: list[Progress] = field(default_factory=list)

    def progressed(self, progress: Progress) -> None:
        self.reports.append(progress)


@dataclass
class Canceller:
    """Cancels its run at the first report."""

    run: Run

    def progressed(self, progress: Progress) -> None:
        del progress
        self.run.cancelled.set()


class Draws(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no type for it
    """Notes every operation that draws random numbers, whichever generator it uses."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[str] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        # Tensors on the meta device hold no data, so nothing is drawn into them.
        meta = any(isinstance(arg, Tensor) and arg.is_meta for arg in args)
        if torch.Tag.nondeterministic_seeded in func.tags and not meta:
            self.operations.append(str(func))
        return func(*args, **(kwargs or {}))
