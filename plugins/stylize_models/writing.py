"""The outputs of `stylize models export`: ONNX files, or a page for the browser."""

from __future__ import annotations

from pathlib import Path

from stylize import ModelFile, PluginHost, find_model, known_models
from stylize.command import clean_stdout, say
from stylize.errors import OutputError

__all__ = ["export_as_files", "export_as_page"]


def export_as_files(host: PluginHost, name: str, output: Path, *, force: bool) -> None:
    """Write a model's networks, and report their difference from PyTorch. Raises: OutputError."""
    model = find_model(host, name)
    if output.is_dir():
        raise OutputError(f"-o {output}: is a folder: name a file, as {output / 'model.onnx'}")
    if output.suffix != ".onnx":
        raise OutputError(
            f"-o {output}: an ONNX file ends in .onnx: use {output.with_suffix('.onnx')}"
        )
    if not output.parent.is_dir():
        raise OutputError(f"-o {output}: there is no folder {output.parent}: create it first")
    with clean_stdout():
        from stylize_models.exporting import export_model

        written = export_model(host, model, output, force=force)
    for file in written:
        compared = ", ".join(f"{size}: {far:.1e}" for size, far in file.differences.items())
        say(f"{file.path}: {file.size / 1e6:.2f} MB; inputs: {file.takes}")
        say(f"{file.path}: largest difference from PyTorch at {compared}")


def export_as_page(
    host: PluginHost, names: list[str], folder: Path, package: Path | None, *, force: bool
) -> None:
    """Write a page with some models, or with all that fit, and report how to open it."""
    models = [find_model(host, name) for name in names]
    with clean_stdout():
        from stylize_models.webpage import export_page, is_applicable

        if not names:
            known = [model for model in known_models(host) if isinstance(model, ModelFile)]
            models = [model for model in known if is_applicable(host, model)]
        page = export_page(
            host,
            models,
            folder,
            package=package,
            force=force,
            tell=lambda name: say(f"converting {name}"),
        )
    for name, difference in page.differences.items():
        say(f"{name}: largest difference from PyTorch {difference:.1e}")
    say(f"{page.folder}: {page.size / 1e6:.1f} MB, with {page.runtime}")
    say(f"to open it: python -m http.server --directory {page.folder}")
