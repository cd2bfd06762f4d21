"""Image-based neural style transfer: gradient descent on the picture, coarse to fine.

Source: section 2 of the paper (Gatys et al. 2015, 2016).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stylize import Objective, Parts, Run, Stage, StyleImage, color_noise, descend, shrink
from stylize.errors import UsageError
from stylize_gatys.settings import SCHEDULES, GatysSettings


class Gatys:
    """Optimises the picture: features towards the content's, statistics towards the style's."""

    def __init__(self, settings: GatysSettings) -> None:
        self.settings = settings

    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Tensor:
        """Return the picture (1, 3, H, W), of the content's size, or else of the first style's.

        Content alone is reconstructed from the content layers (section 2.1); style alone becomes a
        texture. A frame of a clip starts from the previous picture, warped by the motion, and is
        held to it (Ruder et al. 2016).

        Raises: UsageError without content and style; StalledError; NonFiniteError.
        """
        if content is None and not styles:
            raise UsageError("gatys needs a content, a style, or both")
        least = parts.least_size(content=content is not None, style=bool(styles))

        def objective(stage: Stage, photograph: Tensor | None, _: Tensor) -> Objective:
            paintings = [shrink(style.image, stage.fraction, least) for style in styles]
            shares = [style.weight for style in styles]
            return parts.objective(
                None if photograph is None else parts.content_targets(photograph),
                parts.style_targets(paintings, shares) if styles else None,
                run.strength,
            )

        def start(stage: Stage, photograph: Tensor | None) -> Tensor:
            painting = shrink(styles[0].image, stage.fraction, least) if styles else None
            return self._start(stage.size, photograph, painting, run.seed)

        return descend(
            content if content is not None else styles[0].image,
            content,
            run,
            self.settings,
            SCHEDULES[run.quality],
            objective=objective,
            start=start,
            least=least,
            owner="gatys",
            elsewhere="start elsewhere (--set gatys.init=noise)",
            sooner="--method adain, which takes one pass" if content is not None and styles else "",
        )

    def _start(
        self, size: tuple[int, int], content: Tensor | None, style: Tensor | None, seed: int
    ) -> Tensor:
        """Return the initial image that `init` asks for.

        Raises: UsageError if `init` needs an image that was not given.
        """
        init = self.settings.init
        if init == "auto" and content is not None and style is not None:
            init = "content"
        elif init == "auto":
            init = "noise" if style is None else "style"
        if init == "content":
            if content is None:
                raise UsageError("gatys: init content needs a content image: use noise or style")
            return content
        if init == "style" and style is None:
            raise UsageError("gatys: init style needs a style image: use noise or content")
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn((1, 3, *size), generator=generator)
        place = content if content is not None else style
        assert place is not None
        noise = noise.to(place.device)
        if init == "style" and style is not None:
            return color_noise(noise, style)
        return noise * 0.1 + 0.5
