"""Optional abilities of a method: training its network, and exporting it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from stylize.contract.parts import Method, StyleImage

if TYPE_CHECKING:
    from torch import Tensor, nn

    from stylize.contract.parts import Parts

__all__ = ["Axis", "ExportModule", "ExportableMethod", "TrainableMethod", "TrainingTask"]


class TrainingTask(Protocol):
    """The training of a method's network: the network, and its objective.

    A task may have `init_may_differ`: names of network settings that change no tensor, and may
    thus differ in a model to start from. If it learns more than the network, it has `state()`,
    whose tensors, numbers and dicts go into checkpoints, and `load_state(state)`.
    """

    network: nn.Module

    def start_from(self, tensors: Mapping[str, Tensor], *, same_styles: bool) -> None:
        """Fill the network from a trained model instead of from scratch.

        Args:
            same_styles: whether that model was trained on the same paintings.

        Raises: RuntimeError if the tensors belong to another network.
        """

    def loss(
        self, network: nn.Module, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the (N,) objective of a batch, and its detached (N,) terms by name.

        Args:
            network: `self.network`, or a wrapper for training on several devices: call this one.
            batch: "content", (N, 3, S, S) in [0, 1]; also "style" if paintings are data.
        """

    def preview(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Return pictures (N, 3, S, S) of a batch, for people to look at."""


@runtime_checkable
class TrainableMethod(Method, Protocol):
    """A method that applies a model, and can train one."""

    def training_task(
        self, styles: Sequence[StyleImage], parts: Parts, strength: float
    ) -> TrainingTask:
        """Return the training for the paintings and the chosen losses."""

    def network_settings(self) -> Mapping[str, object]:
        """Return the settings that shape the network; they go into the model file."""


@dataclass(frozen=True)
class Axis:
    """A size that may vary: a multiple of `step`, at least `least`. One name means one size."""

    name: str
    step: int = 1
    least: int = 2


@dataclass(frozen=True)
class ExportModule:
    """A network for other programs to run.

    Args:
        module: takes the inputs in their order, and returns one tensor; float32, in eval mode, on
            the CPU.
        inputs: examples by name.
        output: name of the output.
        axes: sizes that may vary, by input and dimension.
    """

    module: nn.Module
    inputs: Mapping[str, Tensor]
    output: str
    axes: Mapping[str, Mapping[int, Axis]]


@runtime_checkable
class ExportableMethod(Protocol):
    """A trainable method whose models `stylize models export` can export."""

    def export_modules(self, parts: Parts) -> Mapping[str, ExportModule]:
        """Return the networks needed to apply a model, by name; each becomes a file.

        Args:
            parts: with the model, in float32 on the CPU.

        Raises: ModelError.
        """
