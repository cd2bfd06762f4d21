"""Where a backbone's weights come from: a file, the package, the cache or a download."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPException
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from stylize.errors import UnknownNameError, WeightsError, WeightsUnavailableError
from stylize.spec import IMAGENET_MEAN, IMAGENET_STD, BackboneSpec, WeightsSpec

if TYPE_CHECKING:
    from stylize.plugins import PluginHost

__all__ = ["Weights", "WeightsSource", "resolve_weights"]

RANDOM = "random"
# Seconds that a server may keep silent: torch sets no limit, and a blocked network would hang.
TIMEOUT = 15.0
Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Weights:
    """Tensors for a backbone, and how they want their input.

    Args:
        name: "vgg16.oxford", or the file they were read from.
        tensors: by torchvision's names; None means seeded random ones.
        mean, std: normalisation of RGB in [0, 1].
        gains: a layer's gain for smoothings, 1 where absent.
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
        digest = hashlib.sha256()
        for name in sorted(self.tensors):
            tensor = self.tensors[name].detach().to(torch.float32).contiguous()
            digest.update(f"{name}{tuple(tensor.shape)}".encode())
            digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()[:16]

    def load_into(self, module: nn.Module) -> None:
        """Fill a module (made on the meta device) in float32. Tensors it does not know are ignored.

        Raises: WeightsError where a tensor is missing, of another shape or not finite.
        """
        if self.tensors is None:
            _initialise(module, self.seed)
            return
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


@dataclass(frozen=True)
class RandomSource:
    """Seeded random weights, for tests and architecture studies; used only when asked for."""

    spec: BackboneSpec
    seed: int

    def load(self) -> Weights:
        return Weights(f"{self.spec.name}.{RANDOM}", None, seed=self.seed)


@dataclass(frozen=True)
class FileSource:
    """A safetensors file, or a PyTorch file read with `weights_only=True`."""

    path: Path
    name: str
    spec: WeightsSpec

    def load(self) -> Weights:
        if not self.path.is_file():
            raise WeightsError(f"weights file {self.path} does not exist: check the path")
        tensors, header = _read_tensors(self.path)
        return Weights(
            self.name,
            tensors,
            _triple(header.get("mean"), self.spec.mean),
            _triple(header.get("std"), self.spec.std),
            self.spec.gains,
        )


@dataclass(frozen=True)
class EmbeddedSource:
    """A file inside a plugin's package."""

    name: str
    spec: WeightsSpec

    def load(self) -> Weights:
        package, _, file = str(self.spec.embedded).partition(":")
        with ExitStack() as stack:
            path = stack.enter_context(resources.as_file(resources.files(package) / file))
            return FileSource(path, self.name, self.spec).load()


@dataclass(frozen=True)
class TorchvisionSource:
    """torchvision's own weights: from its cache, else downloaded with a hash check."""

    name: str
    spec: WeightsSpec
    embedded_alternatives: tuple[str, ...] = ()

    def load(self) -> Weights:
        enum_name, _, member = str(self.spec.torchvision).partition(".")
        entry = getattr(import_module("torchvision.models"), enum_name)[member]
        cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(entry.url).name
        if cached.is_file():
            return FileSource(cached, self.name, self.spec).load()
        if os.environ.get("STYLIZE_OFFLINE") == "1":
            raise self._unavailable("STYLIZE_OFFLINE=1 is set")
        patience = socket.getdefaulttimeout()
        socket.setdefaulttimeout(TIMEOUT)
        try:
            tensors = entry.get_state_dict(progress=True, check_hash=True)
        except (OSError, HTTPException) as error:
            raise self._unavailable(str(getattr(error, "reason", error))) from error
        except RuntimeError as error:
            raise WeightsError(f"weights {self.name}: {error}: try the download again") from error
        finally:
            socket.setdefaulttimeout(patience)
        return Weights(self.name, tensors, self.spec.mean, self.spec.std, self.spec.gains)

    def _unavailable(self, why: str) -> WeightsUnavailableError:
        embedded = " or ".join(self.embedded_alternatives) or "none is installed"
        return WeightsUnavailableError(
            f"weights {self.name} are not embedded, not cached and cannot be downloaded ({why}): "
            f"connect to the internet once, give them with --weights FILE, "
            f"or use an embedded backbone ({embedded})"
        )


def resolve_weights(
    host: PluginHost, spec: BackboneSpec, tag: str | None, file: Path | None = None, seed: int = 0
) -> WeightsSource:
    """Choose the source of `spec`'s weights: file, hook, embedded, cache, download.

    Raises: UnknownNameError for a tag that the backbone does not declare.
    """
    tags = {weights.tag: weights for weights in spec.weights}
    if file is not None:
        declared = tags.get(tag, WeightsSpec("file")) if tag else WeightsSpec("file")
        return FileSource(file, str(file), declared)
    if tag == RANDOM or (tag is None and not tags):
        return RandomSource(spec, seed)
    chosen = tag or spec.weights[0].tag
    if source := host.weights_source(spec.name, chosen):
        return source
    if chosen not in tags:
        raise UnknownNameError(f"weights of {spec.name}", chosen, [*tags, RANDOM])
    weights, name = tags[chosen], f"{spec.name}.{chosen}"
    if weights.embedded:
        return EmbeddedSource(name, weights)
    if weights.torchvision:
        return TorchvisionSource(name, weights, _embedded_names(host))
    raise WeightsUnavailableError(f"weights {name} have no source: give them with --weights FILE")


def _embedded_names(host: PluginHost) -> tuple[str, ...]:
    from stylize.spec import Kind

    return tuple(
        f"{spec.name}.{weights.tag}"
        for spec in host.specs(Kind.BACKBONE)
        if isinstance(spec, BackboneSpec)
        for weights in spec.weights
        if weights.embedded
    )


def _read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], Mapping[str, str]]:
    try:
        with path.open("rb") as file:
            is_torch = file.read(2) in (b"PK", b"\x80\x02")
        if is_torch:
            loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
            state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else {}
            return {k: v for k, v in state.items() if isinstance(v, torch.Tensor)}, {}
        with safe_open(path, framework="pt") as opened:
            return {k: opened.get_tensor(k) for k in opened.keys()}, opened.metadata() or {}  # noqa: SIM118
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise WeightsError(
            f"weights file {path} cannot be read ({reason}): it is corrupt or neither safetensors "
            f"nor a plain PyTorch state dict; get it again"
        ) from error


def _triple(text: str | None, default: Triple) -> Triple:
    if text is None:
        return default
    red, green, blue = json.loads(text)
    return float(red), float(green), float(blue)
