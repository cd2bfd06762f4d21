"""Parts with one fault each, for the contracts to find, and an honest one of each kind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from planted_settings import FadeSettings
from stylize import LayerInfo, Parts, Progress, Role, Run, Statistics, StyleImage, Weights
from stylize.testing.tinybackbone import TinyBackbone

# A command that is honest, except that its module imports torch.


def paint() -> None:
    """Paint nothing."""


# Backbones


class TrainMode(TinyBackbone):
    def __init__(self, settings: None, weights: Weights) -> None:
        super().__init__(settings, weights)
        norm = nn.BatchNorm2d(8).requires_grad_(False)
        self.steps[0] = nn.Sequential(self.steps[0], norm).train()


class Unfrozen(TinyBackbone):
    def __init__(self, settings: None, weights: Weights) -> None:
        super().__init__(settings, weights)
        self.requires_grad_(True)


class SkipsNormalisation(TinyBackbone):
    def normalise(self, image: Tensor) -> Tensor:
        return image


class NormalisesInPlace(TinyBackbone):
    def normalise(self, image: Tensor) -> Tensor:
        if image.requires_grad:
            return super().normalise(image)
        return image.sub_(torch.tensor(self.mean).view(3, 1, 1)).div_(
            torch.tensor(self.std).view(3, 1, 1)
        )


class WrongChannels(TinyBackbone):
    def __init__(self, settings: None, weights: Weights) -> None:
        super().__init__(settings, weights)
        self.layers = {**self.layers, "block2": LayerInfo(8, 4, 4)}


class WrongLeastSize(TinyBackbone):
    def __init__(self, settings: None, weights: Weights) -> None:
        super().__init__(settings, weights)
        self.layers = {**self.layers, "block2": LayerInfo(16, 4, 3)}


class CautiousLeastSize(TinyBackbone):
    def __init__(self, settings: None, weights: Weights) -> None:
        super().__init__(settings, weights)
        self.layers = {**self.layers, "block2": LayerInfo(16, 4, 32)}


class RunsAll(TinyBackbone):
    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        features = super().forward(image, [*self.layers])
        return {layer: features[layer] for layer in layers}


class ForgivesUnknownLayers(TinyBackbone):
    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        return super().forward(image, [layer for layer in layers if layer in self.layers])


class CutsTheGradient(TinyBackbone):
    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        with torch.no_grad():
            return super().forward(image, layers)


class OverwritesALayer(TinyBackbone):
    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        features = super().forward(image, layers)
        if len(features) == 2 and not features["block1"].requires_grad:
            features["block1"].mul_(2)
        return features


class ReturnsAList(TinyBackbone):
    def forward(self, image: Tensor, layers: Collection[str]) -> Any:
        return list(super().forward(image, layers).values())


# Smoothings


class Cubic:
    """Honest: x / (1 + x^2)^(1/3), pointwise."""

    def __init__(self, settings: None = None) -> None:
        del settings

    def __call__(self, features: Tensor) -> Any:
        wide = features.float() if features.dtype.itemsize < 4 else features
        return (wide / (1 + wide.square()).pow(1 / 3)).to(features.dtype)


class Modest(Cubic):
    """Pointwise, but declared not to be."""


class MixesSamples(Cubic):
    """Like SWAG's softmax3d, which flattens the batch too."""

    def __call__(self, features: Tensor) -> Any:
        return (features / 15).flatten().softmax(dim=0).reshape(features.shape) * features.numel()


class MapSoftmax(Cubic):
    def __call__(self, features: Tensor) -> Any:
        mapped = (features / 15).flatten(1).softmax(dim=1)
        return (mapped * mapped.shape[1]).reshape(features.shape)


class Detaches(Cubic):
    def __call__(self, features: Tensor) -> Any:
        return super().__call__(features.detach())


class DetachesAFactor(Cubic):
    def __call__(self, features: Tensor) -> Any:
        return features * super().__call__(features.detach())


class WritesToItsInput(Cubic):
    def __call__(self, features: Tensor) -> Any:
        smoothed = super().__call__(features)
        features.data.mul_(0.5)
        return smoothed


class TurnsFloat32(Cubic):
    def __call__(self, features: Tensor) -> Any:
        return super().__call__(features.float())


class Pools(Cubic):
    def __call__(self, features: Tensor) -> Any:
        return F.avg_pool2d(features, 2)


class DropsOut(Cubic):
    def __call__(self, features: Tensor) -> Any:
        return F.dropout(super().__call__(features), 0.1)


class TakesOne(Cubic):
    """Softmax so sharp that one unit takes all."""

    def __call__(self, features: Tensor) -> Any:
        sharp = (features.double() * 20).flatten(1).softmax(dim=1)
        return (sharp * sharp.shape[1]).reshape(features.shape).to(features.dtype)


class Saturates(Cubic):
    def __call__(self, features: Tensor) -> Any:
        return features.clamp(-0.2, 0.2)


class DividesByDeviation(Cubic):
    def __call__(self, features: Tensor) -> Any:
        return features / features.std(dim=(1, 2, 3), keepdim=True)


class ReturnsNumpy(Cubic):
    def __call__(self, features: Tensor) -> Any:
        return np.asarray(super().__call__(features).detach().float())


class Raises(Cubic):
    def __call__(self, features: Tensor) -> Any:
        raise ValueError("not today")


# Losses


class MeanLoss:
    """Honest: squared distance of channel means."""

    role = Role.STYLE
    additive = True

    def __init__(self, settings: None = None) -> None:
        del settings

    def statistics(self, features: Tensor) -> Any:
        wide = features.to(torch.promote_types(features.dtype, torch.float32))
        return Statistics({"mean": wide.mean(dim=(2, 3))}, features.shape[-2] * features.shape[-1])

    def distance(self, current: Statistics, target: Statistics) -> Any:
        return (current.values["mean"] - target.values["mean"]).square().sum(dim=1)


class NeverZero(MeanLoss):
    def distance(self, current: Statistics, target: Statistics) -> Any:
        size = current.values["mean"].square().sum(dim=1) + target.values["mean"].square().sum(1)
        return super().distance(current, target) + size


class AlwaysZero(MeanLoss):
    def distance(self, current: Statistics, target: Statistics) -> Any:
        return super().distance(current, current) + 0 * current.values["mean"].sum(dim=1)


class FalselyAdditive(MeanLoss):
    def statistics(self, features: Tensor) -> Any:
        wide = features.to(torch.promote_types(features.dtype, torch.float32))
        deviation = wide.var(dim=(2, 3), correction=0).add(1e-20).sqrt()
        return Statistics({"mean": deviation}, features.shape[-2] * features.shape[-1])


class SumsTheBatch(MeanLoss):
    def distance(self, current: Statistics, target: Statistics) -> Any:
        return super().distance(current, target).sum()


class AveragesTheBatch(MeanLoss):
    def distance(self, current: Statistics, target: Statistics) -> Any:
        found = super().distance(current, target)
        return found.mean().expand(len(found))


class MixesDegrees(MeanLoss):
    def distance(self, current: Statistics, target: Statistics) -> Any:
        squared = super().distance(current, target)
        return squared + squared.square()


class SaysAnotherRole(MeanLoss):
    role = Role.CONTENT


class KeepsThePrecision(MeanLoss):
    def statistics(self, features: Tensor) -> Any:
        mean = features.mean(dim=(2, 3))
        return Statistics({"mean": mean}, features.shape[-2] * features.shape[-1])


class DetachesStatistics(MeanLoss):
    def statistics(self, features: Tensor) -> Any:
        return super().statistics(features.detach())


class WantsATargetEach(MeanLoss):
    def distance(self, current: Statistics, target: Statistics) -> Any:
        pairs = zip(current.values["mean"], target.values["mean"], strict=True)
        return torch.stack([(one - other).square().sum() for one, other in pairs])


class ReturnsBareTensors(MeanLoss):
    def statistics(self, features: Tensor) -> Any:
        return features.mean(dim=(2, 3))


class ForgetsPositions(MeanLoss):
    def statistics(self, features: Tensor) -> Any:
        return Statistics(super().statistics(features).values, 1)


class DrawsAnew(MeanLoss):
    def statistics(self, features: Tensor) -> Any:
        return super().statistics(features * torch.rand(()))


class DrawsWithoutTheSeed(MeanLoss):
    seeded = True

    def __init__(self, settings: None, seed: int) -> None:
        super().__init__(settings)
        self.factor = torch.rand(())

    def statistics(self, features: Tensor) -> Any:
        return super().statistics(features * self.factor)


class BlendsIntoTheFirst(MeanLoss):
    def blend(self, statistics: Sequence[Statistics], weights: Sequence[float]) -> Statistics:
        return statistics[0]


class BlendsTheBatch(MeanLoss):
    def blend(self, statistics: Sequence[Statistics], weights: Sequence[float]) -> Statistics:
        pairs = zip(weights, statistics, strict=True)
        mean = sum(weight * each.values["mean"] for weight, each in pairs)
        shared = max(weights) == min(weights)
        mean = mean.mean(dim=0, keepdim=True).expand_as(mean) if shared else mean
        return Statistics({"mean": mean}, statistics[0].positions)


class BlendsIntoAnotherShape(MeanLoss):
    def blend(self, statistics: Sequence[Statistics], weights: Sequence[float]) -> Statistics:
        joined = torch.cat([each.values["mean"] for each in statistics], dim=1)
        return Statistics({"mean": joined}, statistics[0].positions)


# Methods


class Fade:
    """Honest: steps from noise to a blend of content and the style's mean colour."""

    def __init__(self, settings: FadeSettings) -> None:
        self.steps = settings.steps

    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Any:
        assert content is not None
        share = run.strength / (1 + run.strength)
        goal = content + share * (styles[0].image.mean(dim=(2, 3), keepdim=True) - content)
        picture = goal + 0.05 * self.noise(content, run)
        for step in range(1, self.steps + 1):
            if step > 1 and self.should_stop(run):
                break
            picture = (picture + goal) / 2
            self.report(step, picture, run)
            run.replay = self.repeats(step)
        return self.finish(picture)

    def repeats(self, step: int) -> dict[str, Any]:
        return {"steps": step}

    def noise(self, content: Tensor, run: Run) -> Tensor:
        return torch.randn(content.shape, generator=torch.Generator().manual_seed(run.seed))

    def should_stop(self, run: Run) -> bool:
        return run.should_stop()

    def report(self, step: int, picture: Tensor, run: Run) -> None:
        image = picture.clamp(0, 1)
        run.report(Progress(step / self.steps, step, self.steps, {}, "fade", lambda: image))

    def finish(self, picture: Tensor) -> Any:
        return picture.clamp(0, 1)


class ForgetsItsSteps(Fade):
    def repeats(self, step: int) -> dict[str, Any]:
        return {}


class RepeatsTooMany(Fade):
    def repeats(self, step: int) -> dict[str, Any]:
        return {"steps": step + 1}


class RepeatsByNoSetting(Fade):
    def repeats(self, step: int) -> dict[str, Any]:
        return {"rounds": step}


class GlobalNoise(Fade):
    def noise(self, content: Tensor, run: Run) -> Tensor:
        return torch.randn_like(content)


class OneSeed(Fade):
    def noise(self, content: Tensor, run: Run) -> Tensor:
        return torch.randn(content.shape, generator=torch.Generator().manual_seed(0))


class SeedsTheWorld(Fade):
    def noise(self, content: Tensor, run: Run) -> Tensor:
        torch.manual_seed(run.seed)
        return torch.randn_like(content)


class IgnoresTheDeadline(Fade):
    def should_stop(self, run: Run) -> bool:
        return run.cancelled.is_set() and run.should_stop()


class IgnoresCancellation(Fade):
    def should_stop(self, run: Run) -> bool:
        return run.time_left() < 0 and run.should_stop()


class LeavesTheRange(Fade):
    def finish(self, picture: Tensor) -> Any:
        return picture.clamp(0, 1) * 255


class PadsThePicture(Fade):
    def finish(self, picture: Tensor) -> Any:
        return F.pad(picture.clamp(0, 1), (0, 5))


class ReturnsArray(Fade):
    def finish(self, picture: Tensor) -> Any:
        return picture.clamp(0, 1).numpy()


class SaysNothing(Fade):
    def report(self, step: int, picture: Tensor, run: Run) -> None:
        run.steps_done = step


class StopsHalfWay(Fade):
    def report(self, step: int, picture: Tensor, run: Run) -> None:
        run.report(Progress(step / self.steps / 2, step, self.steps, {}))


class IgnoresStrength(Fade):
    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Any:
        strength, run.strength = run.strength, 1.0
        try:
            return super().stylize(content, styles, parts, run)
        finally:
            run.strength = strength


class PaintsOverTheContent(Fade):
    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Any:
        picture = super().stylize(content, styles, parts, run)
        assert content is not None
        return content.copy_(picture)


class CopiesTheContent(Fade):
    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Any:
        super().stylize(content, styles, parts, run)
        assert content is not None
        return content.clone()
