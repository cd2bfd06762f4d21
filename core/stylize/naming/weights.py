"""The weights in a file of the user's: for which backbone they are, and under which tag, if any."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from stylize.contract.plan import RunSettings
from stylize.contract.spec import BackboneSpec, MethodSpec, split_backbone_name
from stylize.errors import WeightsError
from stylize.files import package_file
from stylize.missing import tell_missing
from stylize.modelfile import MODEL_KEY
from stylize.tensorfile import hold_same_tensors, is_pytorch, list_tensors, unreadable

if TYPE_CHECKING:
    from stylize.discovery.host import PluginHost

__all__ = ["find_tag", "name_weights"]

# What a weights file may say of itself: the normalisation of its input, and its network.
NORMALIZATION = "mean", "std"
ARCHITECTURE = "architecture"


def name_weights(host: PluginHost, method: MethodSpec, settings: RunSettings) -> RunSettings:
    """Return settings in which the backbone has the tag of the weights that a file holds.

    The same weights have the same gains, wherever they are read from.

    Raises: WeightsError, as `find_tag` does.
    """
    if settings.weights is None or not (method.needs_features or method.trainable):
        return settings
    name, tag = split_backbone_name(settings.backbone)
    held = find_tag(host, host.get(BackboneSpec, name), tag, settings.weights)
    if held == tag:
        return settings
    return settings.model_copy(update={"backbone": f"{name}.{held}"})


def find_tag(host: PluginHost, spec: BackboneSpec, tag: str | None, file: Path) -> str | None:
    """Return the tag of a backbone's weights that a file holds; None if it holds others.

    Args:
        tag: a given one, which is returned.

    Raises: WeightsError if the file is missing or damaged, or of another backbone.
    """
    metadata = _read_metadata(file)
    if MODEL_KEY in metadata:
        raise WeightsError(f"weights file {file} is a trained model: use --model {file}")
    _check_network(host, spec, file, metadata.get(ARCHITECTURE, ""))
    for weights in () if tag else spec.weights:
        if weights.embedded and _holds(file, metadata, package_file(weights.embedded)):
            return weights.tag
    return tag


def _read_metadata(file: Path) -> Mapping[str, str]:
    """Return what a weights file says of itself; nothing if it is PyTorch's own."""
    if not file.exists():
        raise WeightsError(f"weights file {tell_missing(file)}")
    if not file.is_file():
        kind = "a folder" if file.is_dir() else "no plain file"
        raise WeightsError(f"weights file {file} is {kind}: name a file of weights")
    try:
        return {} if is_pytorch(file) else list_tensors(file).metadata
    except (OSError, ValueError) as error:
        raise unreadable(file, error) from error


def _check_network(host: PluginHost, spec: BackboneSpec, file: Path, said: str) -> None:
    """Raise WeightsError if a file says that it is of another backbone from the same hands.

    Those of other distributions may share the tensors of ours.
    """
    home = host.origin(spec).distribution
    ours = [each for each in host.specs(BackboneSpec) if host.origin(each).distribution == home]
    for other in ours:
        if other.name == said != spec.name:
            raise WeightsError(
                f"weights file {file} is of {other.name}, not of {spec.name}: use --backbone "
                f"{host.key(other)}, or give weights of {spec.name}"
            )


def _holds(file: Path, metadata: Mapping[str, str], own: Path) -> bool:
    """Whether a file has the tensors and the normalisation of a file of ours."""
    try:
        theirs = list_tensors(own).metadata
        alike = all(_numbers(metadata, key) == _numbers(theirs, key) for key in NORMALIZATION)
        return alike and not is_pytorch(file) and hold_same_tensors(file, own)
    except (OSError, ValueError):  # of our own file: whoever needs it says so
        return False


def _numbers(metadata: Mapping[str, str], key: str) -> object:
    return json.loads(metadata.get(key, "null"))
