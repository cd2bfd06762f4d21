"""Descent on a picture from coarse to fine: the core of an iterative method.

Sources: Gatys et al. 2017, "Controlling perceptual factors in neural style transfer", section 6.2
(coarse to fine); Ruder et al. 2016 (frames of a clip).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from torch import Tensor

from stylize.contract.parts import Objective
from stylize.contract.run import Run
from stylize.optimizing.anchor import Anchor
from stylize.optimizing.clock import StageClock
from stylize.optimizing.descent import Descent
from stylize.optimizing.settings import DescentSettings, Schedule
from stylize.optimizing.stages import Stage, enlarge, plan_stages
from stylize.pictures.tensors import resize

__all__ = ["descend"]

# The share of its planned steps below which a picture that time stopped is far from finished:
# neighbors has taken most of the coarsest scale's by then, and the details are all to come.
FAR = 0.25


def descend(
    goal: Tensor,
    content: Tensor | None,
    run: Run,
    settings: DescentSettings,
    usual: Schedule,
    *,
    objective: Callable[[Stage, Tensor | None, Tensor], Objective],
    start: Callable[[Stage, Tensor | None], Tensor],
    least: int = 1,
    owner: str = "",
    elsewhere: str = "start elsewhere",
    sooner: str = "",
) -> Tensor:
    """Return the picture (1, 3, H, W) in [0, 1], the best one seen at the finest scale.

    Honours the run's deadline and cancellation, warns if the deadline leaves a picture that is far
    from finished, reports progress, and leaves in `run.replay` the scales and iterations that
    repeat the run. A frame of a clip starts as the previous picture, moved along with the motion,
    is held to it, and is optimised at the finest scale alone.

    Args:
        goal: an image (1, 3, H, W) of the picture's size.
        content: the photograph, of that size; None if there is none.
        settings, usual: how to descend; the scales and iterations if the settings have none.
        objective: makes a stage's objective from the content at its size and the image that the
            stage starts from.
        start: makes the first stage's image from the content at its size.
        least: height and width that a stage needs; smaller ones are left out.
        owner: the method's name, for messages.
        elsewhere: how a user makes the picture start elsewhere, for messages.
        sooner: how else a user gets a finished picture in the same time, for messages.

    Raises: SettingsError, StalledError, NonFiniteError.
    """
    stages = plan_stages(goal, settings.schedule(usual, owner), least, owner)
    before = None if content is None else Anchor.of_clip(run.clip, content)
    if before is not None:
        # The previous picture already has the work of the coarse stages.
        stages = [stage for stage in stages if stage.iterations][-1:]
    clock = StageClock(run, stages)
    image: Tensor | None = None
    base: Tensor | None = None
    box: float | None = None
    prepared = 0.0  # seconds per pixel to make the previous stage's objective
    for stage in stages:
        pixels = stage.height * stage.width
        # Making an objective may take as long as many steps, and cannot be stopped.
        if not stage.iterations or (image is not None and run.should_stop(prepared * pixels)):
            break
        small = None if content is None else resize(content, stage.size)
        anchor = None if before is None else before.at(stage.size)
        if anchor is not None and small is not None:
            begin = anchor.start(small)
        elif image is None:
            begin = start(stage, small)
        else:
            begin = enlarge(image, stage.size, base, small)
        started = time.monotonic()
        minimised = objective(stage, small, begin)
        prepared = (time.monotonic() - started) / pixels
        descent = Descent(begin, minimised, settings, box, anchor, elsewhere)
        image = clock.optimise(descent, stage)
        base, box = small, descent.box
        if clock.stopped:
            break
    assert image is not None
    if run.clip is not None:
        run.clip.held = True
    done = sum(clock.iterations_done)
    if run.stop_reason == "time" and done < FAR * clock.steps:
        ways = ["more --time", "a smaller --size", *([sooner] if sooner else [])]
        run.warnings.append(
            f"time allowed only {done} of {clock.steps} steps, so the picture is far from "
            f"finished: use {', or '.join(ways)}"
        )
    unreached = [0] * (len(stages) - len(clock.iterations_done))
    run.replay = {
        "scales": [stage.fraction for stage in stages],
        "iterations": [*clock.iterations_done, *unreached],
    }
    return enlarge(image, (goal.shape[-2], goal.shape[-1]), base, content).clamp(0, 1)
