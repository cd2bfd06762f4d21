"""The sources of a backbone's weights: a file, the package, the cache or a download."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from http.client import HTTPException
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from stylize.contract.spec import BackboneSpec, WeightsSpec
from stylize.contract.weights import Weights, WeightsSource
from stylize.errors import UnknownNameError, WeightsError, WeightsUnavailableError
from stylize.files import package_file
from stylize.naming.weights import find_tag
from stylize.tensorfile import read_tensors
from stylize.vetting.weights import vet_header

if TYPE_CHECKING:
    from stylize.discovery.host import PluginHost

__all__ = ["RANDOM", "resolve_weights"]

RANDOM = "random"
# Seconds without an answer from a server: torch sets no limit, and a blocked network would hang.
TIMEOUT = 15.0


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
        tensors, header = read_tensors(self.path)
        own = vet_header(self.path, header)
        usual = {"mean": self.spec.mean, "std": self.spec.std, "gains": self.spec.gains}
        return Weights(self.name, tensors, **{**usual, **own})


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

    Raises: UnknownNameError for a tag that the backbone does not declare; PluginError if the
        package that embeds them is gone; WeightsError for a wrong file; WeightsUnavailableError.
    """
    tags = {weights.tag: weights for weights in spec.weights}
    if file is not None:
        held = find_tag(host, spec, tag, file)
        return FileSource(file, str(file), tags.get(held or "", WeightsSpec("file")))
    if tag == RANDOM or (tag is None and not tags):
        return RandomSource(spec, seed)
    chosen = tag or spec.weights[0].tag
    home = host.origin(spec).distribution
    if source := host.weights_source(spec.name, chosen, home):
        return source
    if chosen not in tags:
        raise UnknownNameError(f"weights of {spec.name}", chosen, [*tags, RANDOM])
    weights, name = tags[chosen], f"{spec.name}.{chosen}"
    if weights.embedded:
        return FileSource(package_file(weights.embedded), name, weights)
    if weights.torchvision:
        declared = [(s.name, w) for s in host.specs(BackboneSpec) for w in s.weights]
        embedded = tuple(f"{backbone}.{w.tag}" for backbone, w in declared if w.embedded)
        return TorchvisionSource(name, weights, embedded)
    raise WeightsUnavailableError(f"weights {name} have no source: give them with --weights FILE")
