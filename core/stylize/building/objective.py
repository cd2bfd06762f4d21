"""The objective: weighted distances of layers' statistics from their targets.

Source: eq. 1 of the paper. Under the relative balance each distance is divided by the target's
distance from all-zero features, which is of the same degree in the features: 1 then means "as
far off as a blank", whatever the backbone, smoothing, pooling or size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stylize.contract.parts import Features
from stylize.contract.protocols import Loss, Statistics

__all__ = ["Term", "TermObjective", "blend_statistics", "relative_reference"]

# A target whose reference is below this is blank: its distances are left as they are.
BLANK = 1e-30


@dataclass(frozen=True)
class Term:
    """One summand: `weight * loss.distance(statistics, target)`.

    Args:
        group: "content", "style" or the image loss's name, for reports.
        layer: the layer whose features are compared; None for the image itself.
        weight: factor, with 1 / reference and all user weights multiplied in; a number or (N,).
        target: statistics to reach; None for an image loss.
    """

    group: str
    layer: str | None
    loss: Loss
    weight: Tensor | float
    target: Statistics | None = None


def blend_statistics(
    loss: Loss, several: Sequence[Statistics], weights: Sequence[float]
) -> Statistics:
    """Return statistics blended by the loss, or their weighted mean; weights may have any sum."""
    total = sum(weights)
    shares = [weight / total for weight in weights]
    if hasattr(loss, "blend"):
        blended: Statistics = loss.blend(several, shares)
        return blended
    first = several[0]
    values = {
        name: torch.stack(
            [share * each.values[name] for share, each in zip(shares, several, strict=True)]
        ).sum(dim=0)
        for name in first.values
    }
    positions = sum(share * each.positions for share, each in zip(shares, several, strict=True))
    return Statistics(values, round(positions))


def relative_reference(loss: Loss, target: Statistics) -> Tensor:
    """Return (N,) distances of the target from all-zero statistics; 1 if the target is blank."""
    zeros = {name: torch.zeros_like(value) for name, value in target.values.items()}
    reference = loss.distance(Statistics(zeros, target.positions), target)
    return torch.where(reference > BLANK, reference, torch.ones_like(reference))


class TermObjective:
    """The function of an image that a method minimises: a sum of weighted terms."""

    def __init__(self, features: Features, terms: Sequence[Term]) -> None:
        self.features = features
        self.terms = tuple(terms)
        self.layers = tuple(dict.fromkeys(term.layer for term in terms if term.layer))

    def __call__(self, image: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the (N,) objective of images (N, 3, H, W), and its detached groups by name."""
        features = self.features(image, self.layers) if self.layers else {}
        total = image.new_zeros(len(image))
        groups: dict[str, Tensor] = {}
        for term in self.terms:
            source = image if term.layer is None else features[term.layer]
            current = term.loss.statistics(source)
            distance = term.weight * term.loss.distance(current, term.target or current)
            total = total + distance
            groups[term.group] = groups.get(term.group, 0) + distance.detach()
        return total, groups
