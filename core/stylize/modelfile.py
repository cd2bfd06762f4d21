"""Trained models: one safetensors file of tensors in float16, with a typed JSON header.

The header is read without torch and without running code, so that a wrong model is rejected at
once.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stylize.errors import ModelError
from stylize.files import sha256_of, write_file
from stylize.missing import tell_missing
from stylize.tensorfile import list_tensors

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "MODEL_KEY",
    "MODEL_SCHEMA",
    "PAINTING",
    "ModelFile",
    "ModelHeader",
    "PartRecord",
    "StyleRecord",
    "read_header",
    "write_model",
]

MODEL_SCHEMA = 1
MODEL_KEY = "stylize_model"
# The tensor of a picture file's bytes, in a model that has a base.
PAINTING = "painting"


class StyleRecord(BaseModel):
    """A painting that a model was trained on."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="File name.")
    sha256: str = Field(description="SHA-256 of the file's bytes.")


class PartRecord(BaseModel):
    """A part of a run, as records and model files describe it."""

    model_config = ConfigDict(frozen=True)

    kind: str = Field(description="backbone, smoothing, loss, method or model.")
    name: str = Field(description="The part's own name.")
    distribution: str = Field(description="The installed distribution that provides it.")
    version: str = Field(description="The distribution's version.")
    code: str = Field(
        description="Fingerprint of the part's declaration and Python modules, or of a model's "
        "file; empty if they cannot be read."
    )
    settings: dict[str, Any] = Field(
        default_factory=dict, description="All of its settings, including defaults."
    )

    @property
    def title(self) -> str:
        """What messages call it: "smoothing tanh"."""
        return f"{self.kind} {self.name}"


class ModelHeader(BaseModel):
    """What a trained model is. Fields that are unknown to this release are ignored."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = Field(description="1; newer releases may write a higher one.")
    method: str = Field(description="The method that trained it and applies it.")
    network: dict[str, Any] = Field(description="Settings of the method that shape the network.")
    backbone: str = Field(description="Backbone and tag of the losses, such as vgg16.oxford.")
    weights: str = Field(description="Fingerprint of the backbone's weights.")
    run: dict[str, Any] = Field(
        description="Run settings of the training (losses, layers, smoothing, strength) that "
        "differ from the defaults."
    )
    training: dict[str, Any] = Field(description="Training settings that differ from the defaults.")
    styles: tuple[StyleRecord, ...] = Field((), description="The paintings, if they are few.")
    pictures: int = Field(description="How many photographs it was trained on.")
    steps: int = Field(
        description="Steps taken, including those of the models that it started from."
    )
    start: str | None = Field(
        None,
        description="Name of the model that it started from; empty if from none, and null in files "
        "of earlier releases, which do not say.",
    )
    start_steps: int = Field(0, description="Steps of that model, which `steps` includes.")
    losses: dict[str, float] = Field(default_factory=dict, description="Last validation losses.")
    base: str = Field(
        "",
        description="The model whose network makes the pictures, if this one is a painting "
        "alone; all fields about a network are then that model's.",
    )
    usual: dict[str, Any] = Field(
        default_factory=dict,
        description="Settings of the method that suit the painting; a run's own override them.",
    )
    summary: str = Field("", description="One line.")
    license: str = Field("", description="SPDX identifier or short note.")
    framework: str = Field("", description="Release of stylize that wrote it.")
    parts: dict[str, PartRecord] = Field(
        default_factory=dict,
        description="The parts that trained it, by role: distribution, version, code and settings "
        "of each. Files of earlier releases have none.",
    )


@dataclass(frozen=True)
class ModelFile:
    """A model file: its header, read; its tensors, on demand.

    Args:
        name: what messages and records call it: a registered name, or the path.
        path: of the file.
        header: what it is.
        distribution: the one that carries it; "" for a file of the user's.
        base: the model whose network gets this model's own painting.
    """

    name: str
    path: Path
    header: ModelHeader
    distribution: str = ""
    base: ModelFile | None = None

    def tensors(self) -> dict[str, Tensor]:
        """Return the network's tensors by name, in float32.

        Raises: ModelError if the file is damaged or a value is not finite.
        """
        return self.base.tensors() if self.base else self._load()

    def paintings(self) -> list[BinaryIO]:
        """Return the picture files that the model holds: its painting, or none without a base.

        Raises: ModelError if the file is damaged.
        """
        if self.base is None:
            return []
        try:
            return [io.BytesIO(self._load()[PAINTING].numpy().tobytes())]
        except KeyError as error:
            raise _damaged(self.path, "it holds no painting") from error

    def _load(self) -> dict[str, Tensor]:
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            loaded = load_file(self.path)
        except FileNotFoundError as error:  # since its header was read
            raise ModelError(f"model {tell_missing(self.path)}") from error
        except (SafetensorError, OSError) as error:
            raise _damaged(self.path, str(error)) from error
        for name, tensor in loaded.items():
            if not torch.isfinite(tensor).all():
                raise _damaged(self.path, f"{name} holds NaN or infinity")
        return {
            name: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in loaded.items()
        }

    def fingerprint(self) -> str:
        """First 16 hex digits of the file's SHA-256; with a base, of both files'."""
        own = sha256_of(self.path)
        if self.base is None:
            return own[:16]
        return hashlib.sha256(f"{own} {self.base.fingerprint()}".encode()).hexdigest()[:16]


def read_header(path: Path) -> ModelHeader:
    """Read a model file's header.

    Raises: ModelError if the file is missing, cut short, not safetensors, no model of stylize,
        or of a newer schema.
    """
    try:
        metadata = list_tensors(path).metadata
    except FileNotFoundError as error:
        raise ModelError(f"model {tell_missing(path)}") from error
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if MODEL_KEY not in metadata:
        raise ModelError(
            f"model {path}: is safetensors, but no model that stylize trained: train one with "
            f"stylize train"
        )
    try:
        values = json.loads(metadata[MODEL_KEY])
        version = values["schema_version"]
        if isinstance(version, int) and version > MODEL_SCHEMA:
            raise ModelError(
                f"model {path}: has schema {version}, this release of stylize reads up to "
                f"{MODEL_SCHEMA}: install a newer release"
            )
        return ModelHeader.model_validate(values)
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"its header: {error}") from error


def write_model(
    path: Path, header: ModelHeader, tensors: Mapping[str, Tensor], *, force: bool = True
) -> None:
    """Write a model file, whole or not at all; floating-point tensors become float16.

    Args:
        force: replace a file of that name; without it, one that has appeared stays as it is.

    Raises: OutputError if it cannot be written; ModelError if float16 cannot hold a value.
    """
    import torch
    from safetensors.torch import save

    halves = {}
    for name, tensor in tensors.items():
        plain = tensor.detach().cpu().contiguous()
        halves[name] = plain.half() if plain.is_floating_point() else plain
        if not torch.isfinite(halves[name]).all():
            raise ModelError(
                f"model {path}: {name} reaches {plain.abs().max().item():.3g}, float16 holds up to "
                f"65504: train with a lower learning rate"
            )
    write_file(path, save(halves, {MODEL_KEY: header.model_dump_json()}), force=force)


def _damaged(path: Path, reason: str) -> ModelError:
    return ModelError(
        f"model {path}: is cut short, damaged or not safetensors ({' '.join(reason.split())}): "
        f"get it again"
    )
