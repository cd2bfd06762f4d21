"""Neural neighbours: the picture is optimised until it has the painting's nearest features.

Source: Kolkin et al. 2022, "Neural Neighbor Style Transfer". The hypercolumns, the matches and
the way from coarse to fine are theirs; the whitened descent, the coherence of matches and the
additional style loss are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylize import (
    Features,
    Objective,
    Parts,
    Run,
    Stage,
    Statistics,
    StyleImage,
    color_noise,
    descend,
    resize,
)
from stylize.errors import UsageError
from stylize_neighbors.hypercolumns import Hypercolumns
from stylize_neighbors.matching import Paintings
from stylize_neighbors.objective import Beside, NeighborsObjective
from stylize_neighbors.settings import NeighborsSettings, usual_schedule

__all__ = ["Neighbors"]


class Neighbors:
    """Gives each position of the photograph its nearest match, and optimises the picture for it."""

    def __init__(self, settings: NeighborsSettings) -> None:
        self.settings = settings
        # Those of the previous picture, and of this one.
        self._before: dict[torch.Size, Look] = {}
        self._looks: dict[torch.Size, Look] = {}

    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Tensor:
        """Return the picture (1, 3, H, W), in the content's size, or without one the first style's.

        A style alone gives a texture: the picture starts as noise in its colours, and the picture
        so far is matched. A frame of a clip starts as the previous picture, moved along. The search
        uses that picture as well as the photograph, and the frame is held to it.

        Raises: UsageError without a style; StalledError; NonFiniteError.
        """
        paintings = [style for style in styles if style.weight]
        if not paintings:
            raise UsageError(
                "neighbors needs a painting: give one, or use --method gatys, which needs none"
            )
        if content is not None and not run.strength:
            return content.clone()
        weights = {layer: weight for layer, weight in parts.style.layers.items() if weight}
        if not weights:
            raise UsageError(
                "--style-layers have no weight: give at least one layer a weight above 0"
            )
        self._before, self._looks = self._looks, {}
        layers = {**weights, **(parts.content.layers if self.settings.content else {})}
        least = max(parts.features.least_size(layers), self.settings.grid)

        def objective(stage: Stage, photograph: Tensor | None, begin: Tensor) -> Objective:
            scale = stage.fraction * self.settings.stroke_size
            images = [_scale(style.image, scale, least) for style in paintings]
            shares = [style.weight for style in paintings]
            look = self._look(images, shares, weights, parts)
            return self._objective(look, photograph, begin, parts, run)

        def start(stage: Stage, photograph: Tensor | None) -> Tensor:
            if photograph is not None:
                return photograph
            generator = torch.Generator().manual_seed(run.seed)
            noise = torch.randn((1, 3, *stage.size), generator=generator)
            painting = paintings[0].image
            return color_noise(noise.to(painting.device), painting)

        goal = content if content is not None else paintings[0].image
        return descend(
            goal,
            content,
            run,
            self.settings,
            usual_schedule(run.quality, min(goal.shape[-2:])),
            objective=objective,
            start=start,
            least=least,
            owner="neighbors",
            elsewhere="use another painting",
            sooner="--method adain, which takes one pass" if content is not None else "",
        )

    def _look(
        self,
        images: Sequence[Tensor],
        shares: Sequence[float],
        weights: Mapping[str, float],
        parts: Parts,
    ) -> Look:
        """Return the look of paintings at a size, kept from the previous picture if it is the same.

        A batch or a clip asks for the same look again and again.
        """
        size = images[0].shape[-2:]
        look = self._before.get(size)
        if look is None or not look.is_of(images, shares, parts.features):
            columns = Hypercolumns(parts.features, weights, self.settings.grid, images)
            turns = [self.settings.turn(image) for image in images]
            own = self.settings
            look = Look(
                images,
                shares,
                Paintings(columns, turns, shares, own.components, own.turn_cost, parts.dtype),
                parts.style_targets(images, shares) if own.statistics * parts.style.weight else {},
            )
        self._looks[size] = look
        return look

    def _objective(
        self, look: Look, photograph: Tensor | None, begin: Tensor, parts: Parts, run: Run
    ) -> Objective:
        """Match the picture that a stage begins with, and return the objective of its matches."""
        own, paintings = self.settings, look.paintings
        columns = paintings.columns
        sought = begin
        if photograph is not None:
            share = own.photograph_share * min(1.0, max(0.0, 2 - run.strength))
            sought = begin.lerp(photograph, share)
        size = columns.size(sought)
        target = paintings.take(paintings.match(columns.rows(sought), size, own.coherence))
        if photograph is not None and run.strength < 1:
            target = columns.rows(photograph).to(target.dtype).lerp(target, run.strength)
        beside = [
            Beside("style", parts.style, look.statistics, own.statistics * run.strength, root=True)
        ]
        if photograph is not None and own.content * parts.content.weight:
            targets = parts.content_targets(photograph)
            beside.append(Beside("content", parts.content, targets, own.content))
        matched = target.mT.reshape(1, -1, *size)
        return NeighborsObjective(parts.features, columns, matched, beside, parts.images)


@dataclass(frozen=True)
class Look:
    """Paintings at one size, as the search and the style loss need them.

    Args:
        images, shares: the paintings, (1, 3, H, W) each, and their shares.
        paintings: ready to be searched.
        statistics: of the style loss, blended.
    """

    images: Sequence[Tensor]
    shares: Sequence[float]
    paintings: Paintings
    statistics: Mapping[str, Statistics]

    def is_of(self, images: Sequence[Tensor], shares: Sequence[float], features: Features) -> bool:
        """Return whether it belongs to exactly these paintings and features."""
        return (
            self.shares == shares
            and self.paintings.columns.features is features
            and len(images) == len(self.images)
            and all(torch.equal(a, b) for a, b in zip(images, self.images, strict=True))
        )


def _scale(image: Tensor, scale: float, least: int) -> Tensor:
    """Return a painting (1, 3, H, W) at a scale, but not below the least size of the layers."""
    height, width = image.shape[-2:]
    scale = max(scale, min(1.0, least / min(height, width)))
    return resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))
