"""A new plugin package: the templates of its kind, filled in."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from stylize import ModelSpec, PluginHost, find_model
from stylize.errors import OutputError
from stylize.version import DISTRIBUTION
from stylize_develop.scaffold.kinds import EXAMPLES, PluginKind
from stylize_develop.scaffold.naming import ProjectNames
from stylize_develop.scaffold.requirement import requirement, uv_sources

__all__ = ["use_line", "write_project"]

SUFFIX = ".tmpl"


def write_project(names: ProjectNames, kind: PluginKind, folder: Path) -> list[Path]:
    """Write a package into a folder that does not exist yet, whole or not at all.

    Returns: its files, relative to the folder, sorted.

    Raises: OutputError if the folder exists or cannot be made.
    """
    if folder.exists() or folder.is_symlink():
        raise OutputError(f"{folder}: exists: choose another place with --output")
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise OutputError(f"{folder}: there is no folder {parent}: create it first")
    # Not tempfile's, which only its owner may read, and whose permissions would stay.
    unfinished = parent / f".stylize-{secrets.token_hex(8)}.tmp"
    try:
        files = _filled(kind, _values(names, kind))
        if kind == "model":
            files[Path("src", names.package, "models", f"{names.part}.safetensors")] = _own_model()
        written = _write_files(files, unfinished)
        unfinished.rename(folder)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written ({error.strerror}): choose another place with --output"
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return written


def use_line(names: ProjectNames, kind: PluginKind) -> str:
    """Return a command line that uses the part."""
    return EXAMPLES[kind].use.format_map(_names(names, kind))


def _names(names: ProjectNames, kind: PluginKind) -> dict[str, str]:
    """Return the names of the package and its contents, by placeholder."""
    example = EXAMPLES[kind]
    option = names.part.replace("_", "-")
    return {
        "distribution": names.distribution,
        "package": names.package,
        "part": names.part,
        "name": option if kind == "command" else names.part,  # what is typed
        "option": option,
        "variable": f"{names.package}_{'log' if kind == 'observer' else 'folder'}".upper(),
        "class_name": f"{names.stem}{example.class_ or kind.capitalize()}",
        "settings_name": f"{names.stem}Settings",
        "network_name": f"{names.stem}Network",
        "task_name": f"{names.stem}Task",
        "kind": example.word or kind,
    }


def _values(names: ProjectNames, kind: PluginKind) -> dict[str, str]:
    """Return the values of the placeholders in templates."""
    example, called = EXAMPLES[kind], _names(names, kind)
    return {
        **called,
        "summary": example.summary,
        "use": use_line(names, kind),
        "tell": example.tell.format_map(called),
        "files": "\n".join(
            f"| `src/{names.package}/{file.format_map(called)}` | {holds} |"
            for file, holds in example.files.items()
        ),
        "requirement": requirement(),
        "sources": uv_sources(),
        "year": str(datetime.now().year),
    }


def _own_model() -> bytes:
    """Return the smallest model that comes with stylize: an author's own takes its place."""
    host = PluginHost.discover(only=[DISTRIBUTION])
    models = [find_model(host, spec.name) for spec in host.specs(ModelSpec)]
    return min((model.path for model in models), key=lambda path: path.stat().st_size).read_bytes()


def _filled(kind: PluginKind, values: Mapping[str, str]) -> dict[Path, bytes]:
    """Return every file by its path; placeholders are filled in both."""
    templates = resources.files("stylize_develop.scaffold") / "templates"
    return {
        Path(Template(path.removesuffix(SUFFIX)).substitute(values)): (
            Template(file.read_text(encoding="utf-8")).substitute(values).encode()
        )
        for part in ("common", kind)
        for path, file in _files(templates / part)
    }


def _files(folder: Traversable, path: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield the files of a folder and those within, with their paths in it."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{path}{entry.name}/")
        else:
            yield f"{path}{entry.name}", entry


def _write_files(files: Mapping[Path, bytes], folder: Path) -> list[Path]:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return sorted(files)
