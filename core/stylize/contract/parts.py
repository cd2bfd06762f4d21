"""How pictures are made: methods, and the parts that they use, built and on their device."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from stylize.contract.protocols import Backbone, LayerInfo, Loss, Statistics
from stylize.contract.run import Run
from stylize.contract.weights import Weights

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from stylize.modelfile import ModelFile

__all__ = ["Features", "LossPart", "Method", "Objective", "Parts", "StyleImage"]


@dataclass(frozen=True)
class LossPart:
    """A loss on layers with weights; an image loss has no layers."""

    name: str
    loss: Loss
    layers: Mapping[str, float]
    weight: float

    def at(self, layer: str) -> Loss:
        """Return the loss for a layer: its `for_layer(layer)`, if it has one."""
        loss: Loss = getattr(self.loss, "for_layer", lambda _: self.loss)(layer)
        return loss


class Features(Protocol):
    """Named features of images, smoothed on the chosen layers.

    Attributes:
        backbone: the network itself, on the parts' device and in their precision.
        name: of the backbone, for messages.
        smoothing_name: "none" if nothing is smoothed.
        smooth_layers: the layers that are smoothed.
    """

    backbone: Backbone
    name: str
    smoothing_name: str
    smooth_layers: frozenset[str]

    @property
    def layers(self) -> Mapping[str, LayerInfo]:
        """All layers of the backbone, shallow to deep."""

    def least_size(self, layers: Collection[str]) -> int:
        """The least height and width for which all of `layers` have a position."""

    def __call__(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the features (N, C, H', W') of images (N, 3, H, W) in [0, 1], layer by layer.

        Raises: ImageTooSmallError.
        """

    def check_finite(self, features: Mapping[str, Tensor]) -> None:
        """Raise NonFiniteError, naming layer and smoothing, if features are NaN or infinite."""


class Objective(Protocol):
    """A function of an image that is minimised."""

    def __call__(self, image: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the (N,) objective of images (N, 3, H, W), and its detached groups by name."""


class Parts(Protocol):
    """A run's parts on their device.

    If there is a model, or the method needs no features, backbone, smoothing and losses are loaded
    on first use; otherwise before the first picture.
    """

    @property
    def relative(self) -> bool:
        """Whether distances are divided by their targets' references."""

    @property
    def device(self) -> torch.device:
        """Where networks and images are."""

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of networks; images and statistics are float32."""

    @property
    def model(self) -> ModelFile | None:
        """The trained model that the method applies, if any."""

    @property
    def features(self) -> Features:
        """Backbone and smoothing."""

    @property
    def content(self) -> LossPart:
        """The loss that compares with the photograph."""

    @property
    def style(self) -> LossPart:
        """The loss that compares with the paintings."""

    @property
    def images(self) -> tuple[LossPart, ...]:
        """The losses of the picture itself."""

    @property
    def weights(self) -> Weights:
        """The backbone's weights."""

    def content_targets(self, content: Tensor) -> dict[str, Statistics]:
        """Return the content loss's statistics of images (N, 3, H, W), layer by layer."""

    def style_targets(
        self, styles: Sequence[Tensor], weights: Sequence[float]
    ) -> dict[str, Statistics]:
        """Return the blended style statistics of images (N, 3, H, W) of any sizes."""

    def objective(
        self,
        content: Mapping[str, Statistics] | None,
        style: Mapping[str, Statistics] | None,
        strength: float = 1.0,
    ) -> Objective:
        """Return the objective for the given targets; `strength` multiplies the style's weight."""

    def least_size(self, *, content: bool = True, style: bool = True) -> int:
        """The least height and width of an image that the chosen layers can see."""


@dataclass(frozen=True)
class StyleImage:
    """A style: image (1, 3, H, W), its share of the blend, and a name for messages."""

    image: Tensor
    weight: float = 1.0
    name: str = "style"


@runtime_checkable
class Method(Protocol):
    """A way to make the picture."""

    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Tensor:
        """Return the picture (1, 3, H, W) in [0, 1], of the content's size.

        Honours `run`: its seed, strength, deadline and cancellation, and reports progress. If the
        method `streams`, content and picture are uint8.
        """
