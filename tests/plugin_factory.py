"""Makes distributions that contain a plugin, for tests of discovery and of the command.

`place_distribution` quickly writes the files of an installed distribution; `make_distribution` and
`pip_install` really build and install one.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

__all__ = ["make_distribution", "pip_install", "place_distribution"]

HEADER = "from stylize import hookimpl\nfrom stylize.contract.spec import *\n\n"


def make_distribution(
    folder: Path,
    name: str,
    source: str,
    *,
    entry: str | None = None,
    version: str = "1.0",
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write the project of a distribution with one plugin module, and return its folder.

    Args:
        folder: the parent of the project's folder.
        name: of the distribution; its module has underscores for dashes.
        source: of the module; `hookimpl` and the spec classes are imported for it.
        entry: the value of the entry point (named after the module); by default the module.
        files: further modules, by file name.
    """
    project = folder / name
    project.mkdir(parents=True)
    module = name.replace("-", "_")
    modules = _write_modules(project, module, source, files)
    (project / "pyproject.toml").write_text(
        textwrap.dedent(f"""\
            [build-system]
            requires = ["hatchling"]
            build-backend = "hatchling.build"
            [project]
            name = "{name}"
            version = "{version}"
            [project.entry-points.stylize]
            {module} = "{entry or module}"
            [tool.hatch.build.targets.wheel]
            only-include = {modules}
            """)
    )
    return project


def pip_install(target: Path, *projects: Path) -> None:
    """Install projects into a folder, offline. Install all in one call: each takes seconds."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "install", *options, "--no-index", "--target"]
    subprocess.run([*command, str(target), *map(str, projects)], check=True)


def place_distribution(
    site: Path,
    name: str,
    source: str,
    *,
    entry: str | None = None,
    version: str = "1.0",
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a distribution into a folder of sys.path as if installed; return its metadata folder.

    Args: as of `make_distribution`.
    """
    site.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    _write_modules(site, module, source, files)
    info = site / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[stylize]\n{module} = {entry or module}\n")
    return info


def _write_modules(
    folder: Path, module: str, source: str, files: Mapping[str, str] | None
) -> list[str]:
    sources = {f"{module}.py": HEADER + textwrap.dedent(source)}
    sources.update((name, textwrap.dedent(text)) for name, text in (files or {}).items())
    for name, text in sources.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return list(sources)
