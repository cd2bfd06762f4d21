"""Protocols of backbones, smoothings and losses. Structural: no base class is needed.

Images are sRGB, (N, 3, H, W), float, in [0, 1], everywhere outside a backbone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from stylize.contract.spec import Role

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Backbone", "LayerInfo", "Loss", "Smoothing", "Statistics"]


@dataclass(frozen=True)
class LayerInfo:
    """A layer's declared facts.

    Args:
        channels: the channels of its output.
        stride: input pixels per position.
        min_size: least height and width of an image for which the layer has a position.
    """

    channels: int
    stride: int
    min_size: int


@dataclass(frozen=True)
class Statistics:
    """What a loss keeps of an image's features, float32.

    Args:
        values: tensors by name, batch first.
        positions: how many positions (H x W) they were taken over.
    """

    values: Mapping[str, Tensor]
    positions: int


@runtime_checkable
class Backbone(Protocol):
    """A frozen network in eval mode that owns its preprocessing."""

    @property
    def layers(self) -> Mapping[str, LayerInfo]:
        """All layers that can be asked for, shallow to deep."""

    def __call__(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return each asked layer's features (N, C, H', W') of images (N, 3, H, W) in [0, 1].

        Computes nothing deeper than the deepest layer asked for.
        """


@runtime_checkable
class Smoothing(Protocol):
    """A function of features (N, C, H, W) that keeps shape, dtype and device, each sample alone.

    A smoothing that differs from layer to layer also has `for_layer(layer: str) -> Smoothing`,
    whose result is called in its place. It is asked at each call, so it must be quick.
    """

    def __call__(self, features: Tensor) -> Tensor:
        """Return the smoothed features."""


@runtime_checkable
class Loss(Protocol):
    """What to match (statistics of features), and how far off it is (a distance of statistics).

    The distance is homogeneous: features scaled by k on both sides scale it by a fixed power of
    k, and its value against all-zero statistics is the reference of `--balance relative`.

    Statistics of several paintings are blended by their weighted mean. A loss for which that would
    mean nothing, because its statistics are sets, also has `blend(statistics:
    Sequence[Statistics], weights: Sequence[float]) -> Statistics`. The weights are not negative and
    sum to one; statistics of one shape blend into that shape, each sample by itself.

    A loss that differs from layer to layer has `for_layer(layer: str) -> Loss`, as a smoothing
    does; `LossPart.at` calls it.

    A loss that draws random numbers gets the run's seed (`LossSpec(..., seeded=True)`), and draws
    the same ones at every call: the objective must not change while it is minimised.
    """

    @property
    def role(self) -> Role:
        """Content, style or image. An image loss sees the image itself and has no target."""

    @property
    def additive(self) -> bool:
        """Whether statistics are the position-weighted mean over any partition of the image."""

    def statistics(self, features: Tensor) -> Statistics:
        """Reduce features (N, C, H, W) to what is compared, in float32."""

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        """Return (N,) distances; `target` may have a batch of one. Zero for equal statistics."""
