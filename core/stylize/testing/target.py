"""The argument of `stylize plugins check`: a project, a file or something installed."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from stylize.discovery.scanning import GROUP, canonical_name
from stylize.errors import UsageError

__all__ = ["Target", "find_target"]


@dataclass(frozen=True)
class Target:
    """Plugins to check.

    Args:
        plugins: as in an entry point, "module" or "module:object".
        paths: folders to import them from, besides what is installed.
        declared: whether an entry point names them; a module that is given by itself may not be
            a plugin.
    """

    plugins: tuple[str, ...]
    paths: tuple[Path, ...] = ()
    declared: bool = True


def find_target(given: str) -> Target:
    """Find the plugins of a project's folder, a Python file, a package or a distribution.

    Raises: UsageError, which says why it is not a plugin.
    """
    path = Path(given)
    if path.is_dir():
        return _project(path) if (path / "pyproject.toml").is_file() else _package(path)
    if path.is_file():
        return _file(path)
    return _installed(given)


def _project(folder: Path) -> Target:
    file = folder / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UsageError(f"{file} cannot be read ({error}): fix it") from error
    entries = project.get("project", {}).get("entry-points", {}).get(GROUP, {})
    if not entries:
        raise UsageError(
            f"{file} is not a plugin's: it has no entry point of the group {GROUP!r}: add "
            f"[project.entry-points.{GROUP}] with NAME = MODULE, or give an installed package"
        )
    plugins = tuple(map(str, entries.values()))
    modules = {plugin.partition(":")[0] for plugin in plugins}
    return Target(plugins, tuple({_root_of(module, folder): None for module in sorted(modules)}))


def _root_of(module: str, folder: Path) -> Path:
    """Return the folder of a project that a module is imported from."""
    relative = Path(*module.split("."))
    for root in (folder, folder / "src"):
        if (root / relative).is_dir() or (root / relative).with_suffix(".py").is_file():
            return root.resolve()
    raise UsageError(
        f"{folder / 'pyproject.toml'} names module {module}, which is neither in {folder} nor in "
        f"{folder / 'src'}: fix the entry point, or install the project and give its name"
    )


def _package(folder: Path) -> Target:
    if not (folder / "__init__.py").is_file():
        raise UsageError(
            f"{folder} is not a plugin: it has neither a pyproject.toml nor an __init__.py: give "
            f"the project's folder"
        )
    folder = folder.resolve()
    return Target((folder.name,), (folder.parent,), declared=False)


def _file(path: Path) -> Target:
    if path.name == "pyproject.toml":
        return _project(path.parent)
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise UsageError(f"{path} is not a plugin: give a Python module, or the project's folder")
    path = path.resolve()
    if path.name == "__init__.py":
        return _package(path.parent)
    return Target((path.stem,), (path.parent,), declared=False)


def _installed(name: str) -> Target:
    entries = metadata.entry_points(group=GROUP)
    wanted = canonical_name(name)
    plugins = _values(e for e in entries if e.dist and canonical_name(e.dist.name) == wanted)
    plugins = plugins or _values(e for e in entries if name in (e.module, e.value))
    if plugins:
        return Target(plugins)
    if name.isidentifier() and (name in sys.modules or find_spec(name) is not None):
        return Target((name,), declared=False)
    try:
        metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        raise UsageError(
            f"{name!r} is neither a file, a folder, nor an installed package: install it, or give "
            f"the project's folder"
        ) from None
    raise UsageError(f"{name} is not a plugin: it has no entry point of the group {GROUP!r}")


def _values(entries: Iterable[metadata.EntryPoint]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.value for entry in sorted(entries, key=lambda e: e.name)))
