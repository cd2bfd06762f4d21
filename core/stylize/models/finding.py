"""Trained models by name: those that plugins carry, those in the user's folder, any file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stylize.contract.spec import Kind, MethodSpec, ModelSpec
from stylize.errors import ModelError, PluginError, UnknownNameError
from stylize.files import package_file
from stylize.modelfile import ModelFile, read_header
from stylize.naming.names import full_name
from stylize.version import DISTRIBUTION

if TYPE_CHECKING:
    from stylize.discovery.host import PluginHost

__all__ = ["SUFFIX", "find_model", "known_models", "model_names", "user_models_folder"]

SUFFIX = ".safetensors"
FOLDER_VARIABLE = "STYLIZE_MODELS"
# The fields that a painting's own header gives; the rest are its base's.
OWN = "base", "usual", "styles", "summary", "license", "framework"


def user_models_folder() -> Path:
    """Return the folder of the user's own models: STYLIZE_MODELS, or one in the home folder."""
    if given := os.environ.get(FOLDER_VARIABLE):
        return Path(given)
    import typer

    return Path(typer.get_app_dir("stylize")) / "models"


def find_model(host: PluginHost, name: str) -> ModelFile:
    """Return the model of a registered name, of a name in the user's folder, or of a file.

    A model that is only a painting is returned with its base.

    Raises: ModelError; UnknownNameError for a name that is neither.
    """
    model = _find(host, name)
    if not model.header.base:
        return model
    home = model.distribution or DISTRIBUTION
    try:
        # It goes before a file of the user's that has its name.
        base = _find_carried(host, full_name(host, Kind.MODEL, model.header.base, home)) or _find(
            host, model.header.base
        )
    except UnknownNameError as error:
        raise ModelError(
            f"model {name}: is a painting for the network of model {model.header.base}, which is "
            f"not installed here"
        ) from error
    if base.header.base:
        raise ModelError(f"model {name}: its base {base.name} is a painting too: learn it again")
    own = {field: getattr(model.header, field) for field in OWN}
    return replace(model, header=base.header.model_copy(update=own), base=base)


def _find(host: PluginHost, name: str) -> ModelFile:
    if name.endswith(SUFFIX) or os.sep in name or Path(name).is_file():
        return ModelFile(name, Path(name), read_header(Path(name)))
    own = user_models_folder() / f"{name}{SUFFIX}"
    if own.is_file():
        return ModelFile(name, own, read_header(own))
    carried = _find_carried(host, name)
    if carried is None:
        unknown = host.note_disabled(UnknownNameError("model", name, model_names(host)))
        if name in host.names(MethodSpec):
            models = [m for m in known_models(host) if isinstance(m, ModelFile)]
            its = [model.name for model in models if model.header.method == name]
            unknown.add_note(f"{name} is a method; its models: {', '.join(its) or 'none'}")
        raise unknown
    return carried


def _find_carried(host: PluginHost, name: str) -> ModelFile | None:
    """Return the model of a plugin; None if none has that name."""
    try:
        spec = host.get(ModelSpec, name)
    except UnknownNameError:
        return None
    try:
        path = package_file(spec.factory)
    except PluginError as error:
        raise ModelError(f"model {spec.name}: {error}") from error
    return ModelFile(name, path, read_header(path), host.origin(spec).distribution)


def known_models(host: PluginHost) -> list[ModelFile | ModelError]:
    """Return all models that have a name, the user's own first; a broken one as its error."""
    listed: list[ModelFile | ModelError] = []
    for name in model_names(host):
        try:
            listed.append(find_model(host, name))
        except ModelError as error:
            listed.append(error)
    return listed


def model_names(host: PluginHost) -> list[str]:
    """Return the names that `find_model` takes, the user's own first."""
    own = [path.stem for path in _own_models()]
    return [*own, *(name for name in host.names(ModelSpec) if name not in own)]


def _own_models() -> list[Path]:
    return sorted(user_models_folder().glob(f"*{SUFFIX}"))
