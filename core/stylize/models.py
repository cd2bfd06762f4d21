"""Trained models by name: those that plugins carry, those in the user's folder, any file."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from stylize.errors import ModelError, UnknownNameError
from stylize.modelfile import ModelFile, read_header
from stylize.spec import Kind, ModelSpec

if TYPE_CHECKING:
    from stylize.plugins import PluginHost

__all__ = ["SUFFIX", "find_model", "known_models", "user_models_folder"]

SUFFIX = ".safetensors"
FOLDER_VARIABLE = "STYLIZE_MODELS"


def user_models_folder() -> Path:
    """Return the folder of the user's own models: STYLIZE_MODELS, or one in the home folder."""
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given)
    import typer

    return Path(typer.get_app_dir("stylize")) / "models"


def find_model(host: PluginHost, name: str) -> ModelFile:
    """Return the model of a registered name, of a name in the user's folder, or of a file.

    Raises: ModelError; UnknownNameError for a name that is neither.
    """
    if name.endswith(SUFFIX) or os.sep in name or Path(name).is_file():
        return ModelFile(name, Path(name), read_header(Path(name)))
    own = user_models_folder() / f"{name}{SUFFIX}"
    if own.is_file():
        return ModelFile(name, own, read_header(own))
    try:
        spec = host.get(Kind.MODEL, name)
    except UnknownNameError as error:
        known = {*host.names(Kind.MODEL), *(path.stem for path in _own_models())}
        raise UnknownNameError("model", name, known) from error
    path = _path_of(spec)
    return ModelFile(name, path, read_header(path))


def known_models(host: PluginHost) -> list[ModelFile | ModelError]:
    """Return all models that a name stands for, the user's own first; a broken one as its error."""
    listed: list[ModelFile | ModelError] = []
    own = [path.stem for path in _own_models()]
    for name in (*own, *(name for name in host.names(Kind.MODEL) if name not in own)):
        try:
            listed.append(find_model(host, name))
        except ModelError as error:
            listed.append(error)
    return listed


def _own_models() -> list[Path]:
    return sorted(user_models_folder().glob(f"*{SUFFIX}"))


def _path_of(spec: ModelSpec | object) -> Path:
    """Return the file that a plugin carries. Raises: ModelError where it is not there."""
    assert isinstance(spec, ModelSpec)
    package, _, file = spec.factory.partition(":")
    try:
        # A wheel is always unpacked; of zipped packages, which Python allows, files have no path.
        return Path(str(resources.files(package) / file))
    except ModuleNotFoundError as error:
        raise ModelError(
            f"model {spec.name}: {error}: install the plugin that has it again"
        ) from error
