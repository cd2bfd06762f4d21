"""A new plugin package: the templates of its kind, filled in."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Literal, get_args

from stylize import framework_version
from stylize.errors import OutputError
from stylize_develop.scaffold.naming import ProjectNames

__all__ = ["PLUGIN_KINDS", "PluginKind", "use_line", "write_project"]

PluginKind = Literal["smoothing", "backbone", "loss", "method", "command"]
PLUGIN_KINDS: tuple[PluginKind, ...] = get_args(PluginKind)
SUFFIX = ".tmpl"


@dataclass(frozen=True)
class Example:
    """What a kind's templates make.

    Args:
        summary: one line, without a full stop.
        use, tell: command lines that use it and that tell its options; `{}` is its name.
        files: what its modules hold, by file name.
    """

    summary: str
    use: str
    files: Mapping[str, str]
    tell: str = "stylize plugins show {}"


DECLARATION = "what the plugin adds, as data"
SETTINGS = "its settings, a pydantic model, without torch"
EXAMPLES: dict[PluginKind, Example] = {
    "smoothing": Example(
        "Inverse hyperbolic sine: keeps small activations, compresses large ones",
        "stylize photo.jpg painting.jpg --smooth {}",
        {"__init__.py": "declaration, settings and the function of features"},
    ),
    "backbone": Example(
        "Four blocks of convolutions, seeded random unless weights are given",
        "stylize photo.jpg painting.jpg --backbone {}",
        {
            "__init__.py": DECLARATION,
            "settings.py": SETTINGS,
            "network.py": "the network and its layers",
        },
    ),
    "loss": Example(
        "Difference of how much each channel is above and below zero",
        "stylize photo.jpg painting.jpg --style-loss {}",
        {"__init__.py": "declaration, settings, the statistics that are kept and their distance"},
    ),
    "method": Example(
        "Descent on the picture, coarse to fine, from the photograph in coloured noise",
        "stylize photo.jpg painting.jpg --method {}",
        {
            "__init__.py": DECLARATION,
            "settings.py": SETTINGS,
            "method.py": "how the picture is made",
        },
    ),
    "command": Example(
        "The main colours of pictures, drawn",
        "stylize {} painting.jpg",
        {
            "__init__.py": DECLARATION,
            "command.py": "arguments, options, and the batch that does the work",
            "colors.py": "the work",
        },
        tell="stylize {} --help",
    ),
}


def write_project(names: ProjectNames, kind: PluginKind, folder: Path) -> list[Path]:
    """Write a package into a folder that does not exist yet, whole or not at all.

    Returns: its files, relative to the folder, sorted.

    Raises: OutputError where the folder exists or cannot be made.
    """
    if folder.exists() or folder.is_symlink():
        raise OutputError(f"{folder}: exists: choose another place with --output")
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise OutputError(f"{folder}: there is no folder {parent}: create it first")
    # Not tempfile's, which only its owner may read, and whose permissions would stay.
    unfinished = parent / f".stylize-{secrets.token_hex(8)}.tmp"
    try:
        written = _write_files(_filled(kind, _values(names, kind)), unfinished)
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
    return EXAMPLES[kind].use.format(_name(names, kind))


def _name(names: ProjectNames, kind: PluginKind) -> str:
    """Return what is typed: the part's name, or the command's."""
    return names.part.replace("_", "-") if kind == "command" else names.part


def _values(names: ProjectNames, kind: PluginKind) -> dict[str, str]:
    """Return what the placeholders of templates stand for."""
    example = EXAMPLES[kind]
    version = framework_version()
    return {
        "distribution": names.distribution,
        "package": names.package,
        "part": names.part,
        "name": _name(names, kind),
        "option": names.part.replace("_", "-"),
        "class_name": f"{names.stem}{kind.capitalize()}",
        "settings_name": f"{names.stem}Settings",
        "kind": kind,
        "summary": example.summary,
        "use": use_line(names, kind),
        "tell": example.tell.format(_name(names, kind)),
        "files": "\n".join(
            f"| `src/{names.package}/{file}` | {holds} |" for file, holds in example.files.items()
        ),
        "requirement": "stylize-nst" if version == "unknown" else f"stylize-nst>={version}",
        "year": str(datetime.now().year),
    }


def _filled(kind: PluginKind, values: Mapping[str, str]) -> dict[Path, str]:
    """Return the text of every file by its path; placeholders are filled in both."""
    templates = resources.files("stylize_develop.scaffold") / "templates"
    return {
        Path(Template(path.removesuffix(SUFFIX)).substitute(values)): (
            Template(file.read_text(encoding="utf-8")).substitute(values)
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


def _write_files(texts: Mapping[Path, str], folder: Path) -> list[Path]:
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return sorted(texts)
