"""A backbone's weights, and their sources."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from stylize.contract.spec import IMAGENET_MEAN, IMAGENET_STD
from stylize.errors import WeightsError

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["Triple", "Weights", "WeightsSource"]

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Weights:
    """Tensors for a backbone, and the normalisation of its input.

    Args:
        name: "vgg16.oxford", or the file they were read from.
        tensors: by torchvision's names; None means seeded random ones.
        mean, std: normalisation of RGB in [0, 1].
        gains: a layer's gain for smoothings, 1 if absent.
        seed: of random weights.
    """

    name: str
    tensors: Mapping[str, torch.Tensor] | None
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    gains: Mapping[str, float] | None = None
    seed: int = 0

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of the SHA-256 over names, shapes and values."""
        if self.tensors is None:
            return f"random-{self.seed}"
        import torch

        digest = hashlib.sha256()
        for name in sorted(self.tensors):
            tensor = self.tensors[name].detach().to(torch.float32).contiguous()
            digest.update(f"{name}{tuple(tensor.shape)}".encode())
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()[:16]

    def load_into(self, module: nn.Module) -> None:
        """Fill a module (made on the meta device) in float32. Tensors it does not know are ignored.

        Raises: WeightsError if a tensor is missing, of another shape or not finite.
        """
        if self.tensors is None:
            _initialise(module, self.seed)
            return
        import torch

        state: dict[str, torch.Tensor] = {}
        for name, empty in module.state_dict().items():
            tensor = self.tensors.get(name)
            if tensor is None and name.endswith("num_batches_tracked"):
                continue  # a counter of training that older files lack; torch sets it to 0
            if tensor is None:
                raise WeightsError(
                    f"weights {self.name}: tensor {name} is missing: give weights of this backbone"
                )
            if tensor.shape != empty.shape:
                raise WeightsError(
                    f"weights {self.name}: {name} has shape {tuple(tensor.shape)}, the network "
                    f"needs {tuple(empty.shape)}: give weights of this backbone"
                )
            if not torch.isfinite(tensor).all():
                raise WeightsError(
                    f"weights {self.name}: {name} holds NaN or infinity: get the file again"
                )
            state[name] = tensor.to(torch.float32) if tensor.is_floating_point() else tensor
        module.load_state_dict(state, assign=True)


def _initialise(module: nn.Module, seed: int) -> None:
    """Draw He-normal weights with a fixed seed, leaving the global generator as it was."""
    import torch
    from torch import nn

    module.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                fan_in = layer.weight[0].numel()
                layer.weight.normal_(0.0, (2.0 / fan_in) ** 0.5, generator=generator)
                if layer.bias is not None:
                    layer.bias.zero_()
            elif isinstance(layer, nn.BatchNorm2d):
                layer.reset_parameters()


class WeightsSource(Protocol):
    """Something that can produce weights; what the `stylize_weights` hook returns."""

    def load(self) -> Weights:
        """Return the weights.

        Raises: WeightsUnavailableError, WeightsError.
        """
