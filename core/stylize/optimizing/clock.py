"""The clock of a run in stages: the time for each stage, and the progress of all."""

from __future__ import annotations

import time
from collections.abc import Sequence

from torch import Tensor

from stylize.contract.run import Progress, Run
from stylize.optimizing.descent import Descent
from stylize.optimizing.stages import Stage

__all__ = ["StageClock"]


class StageClock:
    """Runs the stages within their time and reports their overall progress."""

    def __init__(self, run: Run, stages: Sequence[Stage]) -> None:
        self.run = run
        self.cost_left = self.cost = sum(stage.cost for stage in stages)
        self.steps = sum(stage.iterations for stage in stages)
        self.iterations_done: list[int] = []
        self.seconds_a_pixel = 0.0

    @property
    def stopped(self) -> bool:
        """Whether the whole run is to end with the best image so far."""
        return self.run.stop_reason != "done"

    def optimise(self, descent: Descent, stage: Stage) -> Tensor:
        """Take a stage's steps, within its share of the time left, and return the best image."""
        pixels = stage.height * stage.width
        stage_deadline = time.monotonic() + self.run.time_left() * stage.cost / self.cost_left
        cost_left = self.cost_left - stage.cost
        done = 0
        while done < stage.iterations:
            step_seconds = self.seconds_a_pixel * pixels
            # One step is always taken: there is no image to show before it.
            if (done or self.iterations_done) and self.run.should_stop(step_seconds):
                break
            if done and time.monotonic() + step_seconds > stage_deadline:
                break
            started = time.monotonic()
            losses = descent.step()
            self.seconds_a_pixel = (time.monotonic() - started) / pixels
            done += 1
            self.cost_left = cost_left + (stage.iterations - done) * pixels
            self.run.report(
                Progress(
                    fraction=1 - self.cost_left / self.cost,
                    step=sum(self.iterations_done) + done,
                    steps=self.steps,
                    losses=losses,
                    stage=f"{max(stage.height, stage.width)} px",
                    image=lambda: descent.best.clamp(0, 1),
                )
            )
        self.cost_left = cost_left
        self.iterations_done.append(done)
        return descent.best
