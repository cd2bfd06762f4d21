"""The objective of neighbors: distance of hypercolumns from their matches, and two more losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from stylize import Features, LossPart, Statistics, relative_reference
from stylize_neighbors.hypercolumns import Hypercolumns, at_least_float32

__all__ = ["Beside", "NeighborsObjective"]

# Added under a root, so that its slope is finite at 0.
TINY = 1e-12


class Beside:
    """A loss in addition to the matches: the weighted mean over layers of its relative distance.

    Args:
        name: of the group, for reports.
        targets: the loss's statistics to reach, by layer.
        weight: of the whole loss; 0 leaves it out.
        root: whether to take the root of the distance, |G - Gs| / |Gs| for Gram matrices: its
            gradient does not fade near the target.
    """

    def __init__(
        self,
        name: str,
        part: LossPart,
        targets: Mapping[str, Statistics],
        weight: float,
        *,
        root: bool = False,
    ) -> None:
        self.name = name
        self.targets = {layer: seen for layer, seen in targets.items() if part.layers[layer]}
        self.losses = {layer: part.at(layer) for layer in self.targets}
        self.weight = weight * part.weight if self.targets else 0.0
        self.root = root
        total = sum(part.layers[layer] for layer in self.targets)
        self.factors = {layer: self.weight * part.layers[layer] / total for layer in self.targets}
        self.references = {
            layer: relative_reference(self.losses[layer], seen)
            for layer, seen in self.targets.items()
        }

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the (1,) weighted distance of features from the targets."""
        distances = []
        for layer, target in self.targets.items():
            loss = self.losses[layer]
            distance = loss.distance(loss.statistics(features[layer]), target)
            distance = distance / self.references[layer]
            distance = (distance + TINY).sqrt() if self.root else distance
            distances.append(self.factors[layer] * distance)
        return torch.stack(distances).sum(dim=0)


class NeighborsObjective:
    """The mean of 1 - cosine between hypercolumns and their matches, plus the other losses.

    Args:
        columns: of the stage.
        target: (1, C, h, w), the matches on the grid of the picture.
        beside: the losses in addition to the matches.
        images: the losses of the picture itself.
    """

    def __init__(
        self,
        features: Features,
        columns: Hypercolumns,
        target: Tensor,
        beside: Sequence[Beside] = (),
        images: Sequence[LossPart] = (),
    ) -> None:
        self.features = features
        self.images = images
        self.columns = columns
        self.target = target
        self.length = target.to(at_least_float32(target)).square().sum(dim=1).sqrt()
        self.beside = [loss for loss in beside if loss.weight]
        layers = [layer for loss in self.beside for layer in loss.targets]
        self.layers = tuple(dict.fromkeys([*columns.layers, *layers]))

    def __call__(self, image: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the (1,) objective of an image (1, 3, H, W), and its detached groups by name."""
        features = self.features(image, self.layers)
        groups = {"neighbors": self._distance(features)}
        for loss in self.beside:
            groups[loss.name] = loss(features)
        for part in self.images:
            statistics = part.loss.statistics(image)
            groups[part.name] = part.weight * part.loss.distance(statistics, statistics)
        total = torch.stack(list(groups.values())).sum(dim=0)
        return total, {name: value.detach() for name, value in groups.items()}

    def _distance(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the mean of 1 - cosine, without concatenating the layers."""
        size = (self.target.shape[-2], self.target.shape[-1])
        product = square = self.length.new_zeros(())
        start = 0
        for layer in self.columns.layers:
            placed, scale = self.columns.place(features[layer], size), self.columns.scales[layer]
            end = start + placed.shape[1]
            product = product + scale * (placed * self.target[:, start:end]).sum(dim=1)
            square = square + scale**2 * placed.square().sum(dim=1)
            start = end
        cosine = product / (self.length * (square + TINY).sqrt()).clamp_min(TINY)
        return 1 - cosine.mean(dim=(1, 2))
