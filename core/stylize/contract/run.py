"""The state of a run besides its parts: the time left, its progress, and whether to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from stylize.guests import guest, one_line, title_of

if TYPE_CHECKING:
    import torch

__all__ = ["Clip", "Observer", "Progress", "Quality", "Run", "StopReason"]

Quality = Literal["draft", "good", "best"]
StopReason = Literal["done", "time", "interrupted"]


@dataclass(frozen=True)
class Progress:
    """The progress of a run.

    Args:
        fraction: work done, 0 to 1 (the last report is 1 even if a run stops early).
        step, steps: evaluations done and planned, in all.
        losses: the terms of the objective by name.
        stage: the current stage, such as "256 px".
        image: returns the image so far, (1, 3, H, W) in [0, 1]; costs a copy, so called on demand.
    """

    fraction: float
    step: int
    steps: int
    losses: Mapping[str, float]
    stage: str = ""
    image: Callable[[], torch.Tensor] | None = None


@runtime_checkable
class Observer(Protocol):
    """Follows a run: progress bars, previews, logs.

    It may have more methods. `hinted(hint: str)` gets advice from the method,
    `picture_started(name: str)` is called before a picture is made, and
    `picture_finished(name: str, record: Mapping | None)` when it is finished, or has failed: with
    None. The name is the photograph's, or the first painting's. Clips and training have none.
    """

    def progressed(self, progress: Progress) -> None:
        """Take note of how far the run is. Called often: be quick."""


@dataclass
class Clip:
    """A frame's place in its clip, for methods that hold their strokes still over time.

    Args:
        warped: the previous picture, moved along with what it shows, (1, 3, H, W) in [0, 1] on the
            CPU; None for the first frame of a scene.
        trust: how reliable each pixel of `warped` is, (1, 1, H, W), from 0 to 1: 0 where the
            previous picture showed nothing, or something else; None if `warped` is None.
        memory: the method's own, kept from frame to frame and emptied where a scene begins.
        held: set by a method whose picture is already stable; others are blended with `warped`.
    """

    warped: torch.Tensor | None = None
    trust: torch.Tensor | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    held: bool = False


@dataclass
class Run:
    """One picture's run: the neutral settings that every method honours, and its clock.

    Args:
        seed: of every random number that the method draws.
        strength: how strong the style is; 1 is the default.
        quality: how much work the method spends.
        deadline: `time.monotonic()` value to finish by, or None.
        cancelled: set from outside (Ctrl-C) to ask for the best image so far.
        clip: for a frame of a video; None for a single picture.
        replay: filled in by the method: the settings of its own that repeat this run exactly.
        losses, steps_done, stop_reason, warnings: what `report` and `should_stop` noted.
    """

    seed: int = 0
    strength: float = 1.0
    quality: Quality = "good"
    deadline: float | None = None
    observers: Sequence[Observer] = ()
    cancelled: threading.Event = field(default_factory=threading.Event)
    clip: Clip | None = None
    replay: dict[str, Any] = field(default_factory=dict)
    losses: dict[str, float] = field(default_factory=dict)
    steps_done: int = 0
    stop_reason: StopReason = "done"
    warnings: list[str] = field(default_factory=list)

    def time_left(self) -> float:
        """Seconds until the deadline; infinite without one."""
        return float("inf") if self.deadline is None else self.deadline - time.monotonic()

    def should_stop(self, next_step: float = 0.0) -> bool:
        """Return whether to stop now, if the next step takes `next_step` seconds."""
        if self.cancelled.is_set():
            self.stop_reason = "interrupted"
        elif self.time_left() < next_step:
            self.stop_reason = "time"
        return self.stop_reason != "done"

    def report(self, progress: Progress) -> None:
        """Report progress to every observer, and keep it for the record."""
        self.steps_done = progress.step
        self.losses = dict(progress.losses)
        self.tell("progressed", progress)

    def tell(self, event: str, *what: object) -> None:
        """Call a method of every observer that has it. One that raises is dropped."""
        for observer in tuple(self.observers):
            try:
                with guest():
                    getattr(observer, event, lambda *_: None)(*what)
            except Exception as error:  # a plugin's: the picture matters more than its log
                self.observers = [other for other in self.observers if other is not observer]
                told = f"observer {title_of(observer)} failed and was dropped: {one_line(error)}"
                self.warnings.append(told)
