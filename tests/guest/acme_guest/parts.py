"""A part of each kind, with the faults that a test requests."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from acme_guest import act
from stylize import LayerInfo, Parts, Progress, Role, Run, Statistics, StyleImage, Weights

__all__ = ["Curve", "Fade", "Mean", "Net", "Source"]


def spoil(place: str, tensor: Tensor) -> Any:
    """Return a value with the requested fault."""
    wanted = [
        fault.partition(":")[2]
        for fault in os.environ.get("ACME_FAULTS", "").split()
        if fault.startswith(f"{place}:")
    ]
    for fault in wanted:
        if fault == "none":
            return None
        if fault == "crop":
            tensor = tensor[..., :-1] if tensor.ndim > 1 else tensor[:0]
        elif fault == "double":
            tensor = tensor.double()
        elif fault == "nan":
            tensor = tensor * float("nan")
        elif fault == "bytes":
            tensor = tensor * 255
        elif fault == "sum":
            tensor = tensor.sum()
    return tensor


class Curve:
    """x / (1 + |x|)."""

    def __init__(self, settings: Any) -> None:
        del settings
        act("factory")

    def __call__(self, features: Tensor) -> Any:
        act("smoothing")
        return spoil("smoothing", features / (1 + features.abs()))


class _Backward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        del ctx
        return features.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        del ctx
        act("backward")
        return gradient


class Mean:
    """Squared distance of channel means."""

    role = Role.STYLE
    additive = True

    def __init__(self, settings: Any) -> None:
        del settings

    def statistics(self, features: Tensor) -> Any:
        act("loss")
        features = _Backward.apply(features)  # type: ignore[no-untyped-call]
        mean = features.float().mean(dim=(2, 3))
        found = spoil("statistics", mean)
        if found is None:
            return mean
        return Statistics({"mean": found}, features.shape[-2] * features.shape[-1])

    def distance(self, current: Statistics, target: Statistics) -> Any:
        squares = (current.values["mean"] - target.values["mean"]).square().sum(dim=1)
        return spoil("distance", squares)


class Fade:
    """A step towards the painting's mean colour."""

    def __init__(self, settings: Any) -> None:
        del settings

    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Any:
        del parts
        act("method")
        assert content is not None
        picture = content.lerp(styles[0].image.mean(dim=(2, 3), keepdim=True), 0.5)
        run.report(Progress(1, 1, 1, {}))
        return spoil("picture", picture)


class Net(nn.Module):
    """Two layers of seeded random weights."""

    layers: Mapping[str, LayerInfo]

    def __init__(self, settings: Any, weights: Weights) -> None:
        super().__init__()
        del settings, weights
        self.layers = {"block1": LayerInfo(8, 2, 2), "block2": LayerInfo(16, 4, 4)}
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.steps = nn.ModuleList([nn.Conv2d(3, 8, 2, 2), nn.Conv2d(8, 16, 2, 2)])
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor, layers: Collection[str]) -> Any:
        act("backbone")
        found: dict[str, Tensor] = {}
        features = image.to(self.steps[0].weight.dtype)  # type: ignore[arg-type]
        for name, step in zip(self.layers, self.steps, strict=True):
            features = step(features).relu()
            found[name] = spoil("features", features)
        return {layer: found[layer] for layer in layers if found[layer] is not None}


class Source:
    """A source of weights."""

    def load(self) -> Any:
        rubbish = act("load")
        return rubbish or Weights("acme_net.mine", {})
