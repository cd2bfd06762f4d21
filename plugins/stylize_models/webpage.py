"""A page that applies trained models in the browser. It needs only a file server."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import torch
from PIL import Image

from stylize import (
    ExportModule,
    ModelFile,
    framework_version,
    read_image,
    resize,
    to_bytes,
    to_pil,
)
from stylize.errors import OutputError, UsageError
from stylize_models.exporting import Converted, convert_module, export_modules
from stylize_models.runtime import PACKAGE, read_runtime
from stylize_models.summaries import own_summary

if TYPE_CHECKING:
    from stylize import PluginHost

__all__ = ["WebPage", "export_page", "is_applicable"]

PAGE = ("index.html", "page.css", "page.js", "pixels.js", "worker.js")
LISTING = "page.json"
# Side of the picture that a thumbnail is made from, and of the thumbnail, in pixels.
SEEN, SHOWN = 320, 160


@dataclass(frozen=True)
class WebPage:
    """A page that was written.

    Args:
        size: size of all files, in bytes.
        runtime: name and version of the package that runs the networks.
        differences: by model, the largest difference from PyTorch, as in `Exported`.
    """

    folder: Path
    size: int
    runtime: str
    differences: dict[str, float]


def export_page(
    host: PluginHost,
    models: Sequence[ModelFile],
    folder: Path,
    *,
    package: Path | None = None,
    force: bool = False,
    tell: Callable[[str], None],
) -> WebPage:
    """Write a page that applies models, completely or not at all.

    Args:
        models: models of methods with one network, which turns a picture into a picture.
        folder: created, unless it exists and is empty.
        package: as in `read_runtime`.
        force: replace an existing page.
        tell: called with each model's name before it is converted.

    Raises: UsageError for a model with several networks, or a name used twice; ExtraMissingError,
        WeightsUnavailableError, ExportError, ModelError, OutputError.
    """
    _check_folder(folder, force=force)
    named = {model.path.stem: model for model in models}
    if len(named) < len(models):
        raise UsageError("--web: two models have the same name: rename the file of one")
    modules = {name: _only_module(host, model) for name, model in named.items()}
    version, scripts = read_runtime(package)
    files = {f"onnxruntime/{name}": data for name, data in scripts.items()}
    listing: list[dict[str, Any]] = []
    differences: dict[str, float] = {}
    for name, (key, module) in modules.items():
        tell(name)
        converted = convert_module(named[name], key, module)
        differences[name] = max(converted.differences.values())
        files[f"models/{name}.onnx"] = converted.data
        files[f"thumbnails/{name}.jpg"] = _make_thumbnail(module)
        listing.append(_describe(host, name, named[name], converted))
    page = resources.files("stylize_models") / "page"
    files |= {name: (page / name).read_bytes() for name in PAGE}
    files["onnxruntime/LICENSE.txt"] = (page / "LICENSE.onnxruntime.txt").read_bytes()
    files["sample.jpg"] = _sample().read_bytes()
    runtime = f"{PACKAGE} {version}"
    about = {"stylize": framework_version(), "runtime": runtime, "models": listing}
    files[LISTING] = json.dumps(about, indent=2).encode()
    _write_folder(folder, files)
    return WebPage(folder, sum(map(len, files.values())), runtime, differences)


def is_applicable(host: PluginHost, model: ModelFile) -> bool:
    """Return whether a page can apply a model. Raises: ExtraMissingError, ModelError."""
    try:
        _only_module(host, model)
    except UsageError:
        return False
    return True


def _only_module(host: PluginHost, model: ModelFile) -> tuple[str, ExportModule]:
    """Return the one network that turns a picture into a picture, and its name.

    Raises: UsageError.
    """
    modules = export_modules(host, model)
    if len(modules) == 1:
        ((name, module),) = modules.items()
        shapes = [tuple(example.shape[:2]) for example in module.inputs.values()]
        if shapes == [(1, 3)]:
            return name, module
    raise UsageError(
        f"--web: model {model.name} is not a single network that turns a photograph into a picture "
        f"({', '.join(modules)}): choose a model of johnson, or export it with -o"
    )


def _describe(
    host: PluginHost, name: str, model: ModelFile, converted: Converted
) -> dict[str, Any]:
    """Return a model's entry in the page's listing."""
    ((given, axes),) = ((key, converted.module.axes[key]) for key in converted.module.inputs)
    is_file = model.name == str(model.path)
    return {
        "name": name,
        "argument": model.path.name if is_file else model.name,
        "summary": own_summary(host, model),
        "license": model.header.license,
        "file": quote(f"models/{name}.onnx"),
        "bytes": len(converted.data),
        "thumbnail": quote(f"thumbnails/{name}.jpg"),
        "input": given,
        "output": converted.module.output,
        "steps": [axes[side].step for side in (2, 3)],
        "least": [axes[side].least for side in (2, 3)],
    }


def _sample() -> Path:
    """Return the path of a photograph in the public domain."""
    return Path(str(resources.files("stylize") / "demo" / "astronaut.jpg"))


def _make_thumbnail(module: ExportModule) -> bytes:
    """Return a JPEG of the sample photograph in a model's style."""
    (axes,) = module.axes.values()
    sides = [SEEN // axes[side].step * axes[side].step for side in (2, 3)]
    photograph = resize(read_image(_sample()).pixels, (sides[0], sides[1]))
    with torch.inference_mode():
        picture = module.module(photograph)
    stream = BytesIO()
    thumbnail = to_pil(to_bytes(picture)).resize((SHOWN, SHOWN), Image.Resampling.LANCZOS)
    thumbnail.save(stream, "JPEG", quality=85)
    return stream.getvalue()


def _check_folder(folder: Path, *, force: bool) -> None:
    if not folder.parent.is_dir():
        raise OutputError(f"--web {folder}: there is no folder {folder.parent}: create it first")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"--web {folder}: is a file: choose a folder")
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / LISTING).is_file():
            raise OutputError(f"--web {folder}: holds other files: choose a new folder")
        if not force:
            raise OutputError(
                f"--web {folder}: exists: choose another name, or replace it with --force"
            )


def _write_folder(folder: Path, files: dict[str, bytes]) -> None:
    """Write files as the new contents of a folder: all of them or none."""
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".stylize-") as beside:
            made = Path(beside) / "page"
            for name, data in files.items():
                (made / name).parent.mkdir(parents=True, exist_ok=True)
                (made / name).write_bytes(data)
            if folder.exists():
                folder.rename(Path(beside) / "before")
            made.rename(folder)
    except OSError as error:
        raise OutputError(
            f"--web {folder}: cannot be written ({error.strerror}): free some space or write "
            f"elsewhere"
        ) from error
