"""The backbone under test: loaded with its weights, and called."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from stylize.building.weights import RANDOM, resolve_weights
from stylize.contract.protocols import LayerInfo
from stylize.contract.spec import Kind, split_backbone_name
from stylize.contract.weights import Weights
from stylize.testing.partcontract import PartContract
from stylize.testing.pictures import noise_image

__all__ = ["BackboneUnderTest"]


class BackboneUnderTest(PartContract):
    """The subject of the tests of `BackboneContract`."""

    kind = Kind.BACKBONE
    weights: ClassVar[Path | str | None] = None
    size: ClassVar[tuple[int, int]] = (96, 64)

    @property
    def short_name(self) -> str:
        return split_backbone_name(self.name)[0]

    @property
    def tag(self) -> str | None:
        """The tag of the network's weights."""
        tag = split_backbone_name(self.name)[1]
        if tag or self.weights is not None:
            return tag
        embedded = [weights.tag for weights in self.spec.weights if weights.embedded]
        return embedded[0] if embedded else RANDOM

    @property
    def key(self) -> object:
        return super().key, self.weights

    @property
    def loaded_weights(self) -> Weights:
        """The network's weights."""
        return self.once("weights", self.key, self._load_weights)

    def _load_weights(self) -> Weights:
        file = None if self.weights is None else Path(self.weights)
        with self.calls(f"loading its weights {self.tag}"):
            return resolve_weights(self.host, self.spec, self.tag, file).load()

    @property
    def network(self) -> Any:
        """The backbone under test."""
        return self.once("backbone", self.key, lambda: self.build(self.loaded_weights))

    @property
    def layers(self) -> Mapping[str, LayerInfo]:
        """Its declared layers."""
        layers: object = getattr(self.network, "layers", None)
        self.require(
            isinstance(layers, Mapping)
            and layers
            and all(isinstance(info, LayerInfo) for info in layers.values()),
            "it has no `layers`, a mapping of names to LayerInfo",
            "set self.layers = {name: LayerInfo(channels, stride, min_size)}, shallow to deep",
        )
        assert isinstance(layers, Mapping)
        return layers

    @property
    def sample(self) -> list[str]:
        """A tenth of the layers, including the shallowest and the deepest."""
        names = list(self.layers)
        return list(dict.fromkeys([*names[:: max(1, len(names) // 10)], names[-1]]))

    def exercise(self) -> None:
        self.features(self.image(), list(self.layers)[-1:])

    def image(self, *, samples: int = 1, seed: int = 0) -> Tensor:
        """Return noise (N, 3, H, W) in [0, 1] of the contract's size."""
        return noise_image(*self.size, samples=samples, seed=seed)

    def features(
        self, image: Tensor, layers: Collection[str], network: Any = None
    ) -> dict[str, Tensor]:
        """Call the network without gradients, and require the requested layers."""
        with torch.no_grad():
            return self._features(image, layers, network or self.network)

    def _features(self, image: Tensor, layers: Collection[str], network: Any) -> dict[str, Tensor]:
        with self.calls(f"backbone(image, {list(layers)[:3]})"):
            found: object = network(image, list(layers))
        self.require(
            isinstance(found, dict)
            and set(found) == set(layers)
            and all(isinstance(tensor, Tensor) for tensor in found.values()),
            f"asked for {', '.join(list(layers)[:3])} it returns {_describe(found)}",
            "return a dict of exactly the layers asked for, by name",
        )
        assert isinstance(found, dict)
        return found

    def run_and_needed(self, layer: str) -> tuple[list[str], set[str]]:
        """Return the modules with parameters that run for a layer, and those that it needs."""
        ran: list[str] = []
        modules = dict(self.network.named_modules())
        owners = {
            parameter: name
            for name, module in modules.items()
            for parameter in module.parameters(recurse=False)
        }
        hooks = [
            modules[name].register_forward_hook(lambda *_, name=name: ran.append(name))
            for name in set(owners.values())
        ]
        try:
            with _learning(self.network):
                image = noise_image(*(max(32, self.layers[layer].min_size),) * 2)
                total = self._features(image, [layer], self.network)[layer].sum()
                self.require(
                    total.requires_grad,
                    f"no gradient passes through the network to {layer}",
                    "use no detach or no_grad in forward",
                )
                gradients = torch.autograd.grad(total, list(owners), allow_unused=True)
        finally:
            for hook in hooks:
                hook.remove()
        pairs = zip(owners.values(), gradients, strict=True)
        return ran, {name for name, gradient in pairs if gradient is not None}


@contextmanager
def _learning(network: nn.Module) -> Iterator[None]:
    """Let gradients reach the parameters for a while."""
    frozen = [parameter for parameter in network.parameters() if not parameter.requires_grad]
    network.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)


def _describe(found: object) -> str:
    if isinstance(found, dict):
        return f"a dict of {', '.join(map(str, found)) or 'nothing'}"
    return f"{type(found).__name__}"
