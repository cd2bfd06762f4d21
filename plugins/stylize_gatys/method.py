"""Image-based neural style transfer: gradient descent on the picture, coarse to fine.

Source: section 2 of the paper (Gatys et al. 2015, 2016).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylize.errors import SettingsError, UsageError
from stylize.images import resize
from stylize.parts import Parts
from stylize.protocols import StyleImage
from stylize.run import Progress, Run
from stylize_gatys.anchor import Anchor
from stylize_gatys.descent import Descent
from stylize_gatys.settings import GatysSettings, Schedule


@dataclass(frozen=True)
class Stage:
    """Work at one size. `cost` is in pixel evaluations."""

    fraction: float
    height: int
    width: int
    iterations: int

    @property
    def cost(self) -> int:
        return self.height * self.width * self.iterations


class Gatys:
    """Optimises the picture: its features to the content's, their statistics to the style's."""

    def __init__(self, settings: GatysSettings) -> None:
        self.settings = settings

    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Tensor:
        """Return the picture (1, 3, H, W): of the content's size, or the first style's without one.

        Content alone reconstructs it from the content layers (section 2.1); style alone makes a
        texture of it. A frame of a clip starts as the picture before, moved along, and is held to
        it (Ruder et al. 2016).

        Raises: UsageError without content and style; StalledError; NonFiniteError.
        """
        if content is None and not styles:
            raise UsageError("gatys needs a content, a style, or both")
        goal = content if content is not None else styles[0].image
        least = parts.least_size(content=content is not None, style=bool(styles))
        stages = _plan_stages(goal, self._schedule(run), least)
        before = None if content is None else Anchor.of_clip(run.clip, content)
        if before is not None:
            # What the coarse stages do is in the picture before already.
            stages = [stage for stage in stages if stage.iterations][-1:]
        work = _Work(run, stages)
        image: Tensor | None = None
        base: Tensor | None = None
        box: float | None = None
        for stage in stages:
            if not stage.iterations:
                break
            size = stage.height, stage.width
            small_content = None if content is None else resize(content, size)
            small_styles = [_shrink(style.image, stage.fraction, least) for style in styles]
            objective = parts.objective(
                None if small_content is None else parts.content_targets(small_content),
                parts.style_targets(small_styles, [style.weight for style in styles])
                if styles
                else None,
                run.strength,
            )
            anchor = None if before is None else before.at(size)
            if anchor is not None and small_content is not None:
                start = anchor.start(small_content)
            elif image is None:
                start = self._start(size, small_content, small_styles, run.seed)
            else:
                start = _enlarge(image, size, base, small_content)
            descent = Descent(start, objective, self.settings, box, anchor)
            image = work.optimise(descent, stage)
            base, box = small_content, descent.box
            if work.stopped:
                break
        assert image is not None
        if run.clip is not None:
            run.clip.held = True
        unreached = [0] * (len(stages) - len(work.iterations_done))
        run.replay = {
            "scales": [stage.fraction for stage in stages],
            "iterations": [*work.iterations_done, *unreached],
        }
        return _enlarge(image, (goal.shape[-2], goal.shape[-1]), base, content).clamp(0, 1)

    def _schedule(self, run: Run) -> Schedule:
        try:
            return self.settings.schedule(run.quality)
        except ValueError as error:
            raise SettingsError(f"gatys: {error}") from error

    def _start(
        self, size: tuple[int, int], content: Tensor | None, styles: Sequence[Tensor], seed: int
    ) -> Tensor:
        """Return the first image by `init`.

        Raises: UsageError where `init` needs an image that was not given.
        """
        init = self.settings.init
        if init == "auto" and content is not None and styles:
            init = "content"
        elif init == "auto":
            init = "style" if styles else "noise"
        if init == "content":
            if content is None:
                raise UsageError("gatys: init content needs a content image: use noise or style")
            return content
        generator = torch.Generator().manual_seed(seed)
        device = (content if content is not None else styles[0]).device
        noise = torch.randn((1, 3, *size), generator=generator).to(device)
        if init == "noise":
            return noise * 0.1 + 0.5
        if not styles:
            raise UsageError("gatys: init style needs a style image: use noise or content")
        return _color_noise(noise, styles[0])


class _Work:
    """Runs the stages against the clock and tells how far all of them are."""

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


def _plan_stages(goal: Tensor, schedule: Schedule, least: int) -> list[Stage]:
    """Return the stages for a picture of the goal's size; those too small to see are left out.

    Raises: SettingsError where no iterations are left.
    """
    height, width = goal.shape[-2:]
    stages = [
        Stage(fraction, max(1, round(height * fraction)), max(1, round(width * fraction)), count)
        for fraction, count in zip(schedule.scales, schedule.iterations, strict=True)
    ]
    seen = [
        stage for stage in stages if stage.fraction == 1 or min(stage.height, stage.width) >= least
    ]
    if not seen[0].iterations:
        raise SettingsError(
            f"gatys: all scales with iterations are below {least}x{least}, the least that the "
            f"layers can see: use a larger --size, or iterations at scale 1"
        )
    return seen


def _enlarge(
    image: Tensor, size: tuple[int, int], base: Tensor | None, content: Tensor | None
) -> Tensor:
    """Enlarge what the coarse scale changed of its content, and add it to the larger content.

    The content's own high frequencies are kept so, which enlarging the image would lose; without
    a content it is enlarged itself.
    """
    if base is None or content is None:
        return resize(image, size)
    if tuple(image.shape[-2:]) == size:
        return image
    change = F.interpolate(image - base, size, mode="bicubic", antialias=True)
    return (content + change).clamp(0, 1)


def _shrink(image: Tensor, fraction: float, least: int) -> Tensor:
    """Scale an image by a fraction, but not below what the layers can see."""
    height, width = image.shape[-2:]
    fraction = max(fraction, min(1.0, least / min(height, width)))
    return resize(image, (max(1, round(height * fraction)), max(1, round(width * fraction))))


def _color_noise(noise: Tensor, style: Tensor) -> Tensor:
    """Give white noise (1, 3, H, W) the mean and covariance of the style's colours."""
    pixels = style[0].flatten(1)
    mean = pixels.mean(dim=1, keepdim=True)
    covariance = (pixels - mean) @ (pixels - mean).mT / pixels.shape[1]
    ridge = 1e-6 * torch.eye(3, device=style.device)
    factor = torch.linalg.cholesky(covariance + ridge)
    colored: Tensor = factor @ noise[0].flatten(1) + mean
    return colored.view_as(noise)
