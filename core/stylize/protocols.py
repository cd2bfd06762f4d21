"""The four things that plugins implement, and observers. Structural: no base class is needed.

Images are sRGB, (N, 3, H, W), float, in [0, 1], everywhere outside a backbone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from stylize.spec import Role

if TYPE_CHECKING:
    from torch import Tensor, nn

    from stylize.parts import Parts
    from stylize.run import Progress, Run

__all__ = [
    "Axis",
    "Backbone",
    "ExportModule",
    "ExportableMethod",
    "LayerInfo",
    "Loss",
    "Method",
    "Observer",
    "Smoothing",
    "Statistics",
    "StyleImage",
    "TrainableMethod",
    "TrainingTask",
]


@dataclass(frozen=True)
class LayerInfo:
    """A layer's declared facts.

    Args:
        channels: of its output.
        stride: input pixels a position.
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


@dataclass(frozen=True)
class StyleImage:
    """A style: image (1, 3, H, W), its share of the blend, and a name for messages."""

    image: Tensor
    weight: float = 1.0
    name: str = "style"


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
    """A function of features (N, C, H, W), of the same shape, dtype and device, a sample alone."""

    def __call__(self, features: Tensor) -> Tensor:
        """Return the smoothed features."""


@runtime_checkable
class Loss(Protocol):
    """What to match (statistics of features), and how far off it is (a distance of statistics).

    The distance is homogeneous: features scaled by k on both sides scale it by a fixed power of
    k, and its value against all-zero statistics is the reference of `--balance relative`.
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


@runtime_checkable
class Method(Protocol):
    """A way to make the picture."""

    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Tensor:
        """Return the picture (1, 3, H, W) in [0, 1], of the content's size.

        Honours `run`: its seed, strength, deadline and cancellation, and reports progress. Of a
        method that `streams`, content and picture are uint8.
        """


class TrainingTask(Protocol):
    """What a method wants trained: a network, and how far off its pictures are."""

    network: nn.Module

    def start_from(self, tensors: Mapping[str, Tensor], *, same_styles: bool) -> None:
        """Fill the network from a trained model instead of from scratch.

        Args:
            same_styles: whether that model was trained on the same paintings.

        Raises: RuntimeError where the tensors are of another network.
        """

    def loss(
        self, network: nn.Module, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the (N,) objective of a batch, and its detached (N,) terms by name.

        Args:
            network: `self.network`, or what wraps it to train on several devices: call this one.
            batch: "content", (N, 3, S, S) in [0, 1]; "style" too where paintings are data.
        """

    def preview(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return pictures (N, 3, S, S) of a batch, for people to look at."""


@runtime_checkable
class TrainableMethod(Method, Protocol):
    """A method that applies a model, and can train one."""

    def training_task(
        self, styles: Sequence[StyleImage], parts: Parts, strength: float
    ) -> TrainingTask:
        """Return what is to be trained, for the paintings and the chosen losses."""

    def network_settings(self) -> Mapping[str, object]:
        """Return the settings that shape the network: they go into the model file."""


@dataclass(frozen=True)
class Axis:
    """A size that may vary: a multiple of `step`, at least `least`. Equal names are equal sizes."""

    name: str
    step: int = 1
    least: int = 2


@dataclass(frozen=True)
class ExportModule:
    """A network as other programs run it.

    Args:
        module: takes the inputs in their order, and returns one tensor; float32, in eval mode, on
            the CPU.
        inputs: examples by name.
        output: name of what comes out.
        axes: sizes that may vary, by input and dimension.
    """

    module: nn.Module
    inputs: Mapping[str, Tensor]
    output: str
    axes: Mapping[str, Mapping[int, Axis]]


@runtime_checkable
class ExportableMethod(Protocol):
    """A trainable method whose models can be exported, as `stylize models export` does."""

    def export_modules(self, parts: Parts) -> Mapping[str, ExportModule]:
        """Return the networks that applying a model takes, by name; each becomes a file.

        Args:
            parts: with the model, in float32 on the CPU.

        Raises: ModelError.
        """


@runtime_checkable
class Observer(Protocol):
    """Follows a run: progress bars, previews, logs."""

    def progressed(self, progress: Progress) -> None:
        """Take note of how far the run is. Called often: be quick."""
