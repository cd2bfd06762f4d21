"""Environments with the built wheel, like a user's, and our third-party packages.

Nothing is downloaded: the third-party packages are links into the running environment. stylize and
its plugins are not linked, so that only the wheel can be found.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

__all__ = ["FreshEnvironment", "build_wheel", "make_environment"]

ROOT = Path(__file__).parents[1]
OFFLINE = ("--disable-pip-version-check", "--quiet", "--no-index", "--no-deps")


@dataclass(frozen=True)
class FreshEnvironment:
    """A virtual environment; `python` is its interpreter."""

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.scripts / f"python{'.exe' if os.name == 'nt' else ''}"

    @property
    def scripts(self) -> Path:
        """The folder of its commands, including `stylize`."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    def install(self, *projects: Path, editable: bool = False) -> None:
        """Install projects or wheels, without their dependencies. Install all in one slow call.

        Raises: AssertionError with pip's own message.
        """
        option = ["--editable"] if editable else []
        given = [word for project in projects for word in (*option, str(project))]
        self.run("-m", "pip", "install", *OFFLINE, "--no-build-isolation", *given)

    def run(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
        code: int = 0,
    ) -> str:
        """Run its Python and return standard output.

        Args:
            arguments: of Python, such as "-m", "pytest".
            variables: environment variables, added to a clean environment.
            code: the expected exit code.

        Raises: AssertionError with all output, if the exit code differs.
        """
        return self._checked([str(self.python), *map(str, arguments)], cwd, variables, code)

    def stylize(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
        code: int = 0,
    ) -> str:
        """Run the installed `stylize` command and return standard output, as `run` does."""
        line = [str(self.scripts / "stylize"), *map(str, arguments)]
        return self._checked(line, cwd, variables, code)

    def stylize_json(self, *arguments: str | Path, cwd: Path | None = None) -> Any:
        """Run `stylize ... --json` and return the document that it prints."""
        return json.loads(self.stylize(*arguments, "--json", cwd=cwd))

    def type_check(self, config: Path, *paths: Path) -> None:
        """Run mypy with a project's configuration, but always strict.

        It starts from a copy of the cache of this checkout's own check, if there is one: reading
        all of torch again takes most of a minute.

        Raises: AssertionError with everything that mypy found.
        """
        cache = self.folder / "mypy-cache"
        if not cache.exists() and (ROOT / ".mypy_cache").is_dir():
            shutil.copytree(ROOT / ".mypy_cache", cache)
        options = ("--strict", "--config-file", config, "--cache-dir", cache)
        self.run("-m", "mypy", *options, *paths)

    def _checked(
        self, line: list[str], cwd: Path | None, variables: Mapping[str, str] | None, code: int
    ) -> str:
        ended = subprocess.run(
            line,
            cwd=cwd or self.folder,  # not the checkout, whose packages Python would find first
            env=_clean_variables() | dict(variables or {}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == code, f"{line}:\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout into a folder, offline, and return it."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *OFFLINE, "--no-build-isolation",
         "--wheel-dir", str(folder), str(ROOT)],
        check=True,
    )  # fmt: skip
    (wheel,) = folder.glob("stylize_nst-*.whl")
    return wheel


def make_environment(folder: Path, wheel: Path) -> FreshEnvironment:
    """Make a virtual environment in a folder, with the wheel and nothing else of ours."""
    venv.create(folder, symlinks=os.name != "nt")
    environment = FreshEnvironment(folder)
    place = environment.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    links = folder / "third-party"
    _link_third_party(links)
    Path(place.strip(), "third_party.pth").write_text(f"{links}\n", encoding="utf-8")
    environment.install(wheel)
    return environment


def _link_third_party(links: Path) -> None:
    """Link the packages of the running environment, without stylize and its plugins.

    For imports, a plain .pth file to the other environment would do (Python does not read its .pth
    files, such as that of an editable stylize), but stylize's metadata would still be found.
    """
    links.mkdir()
    for site in map(Path, sys.path):
        if site.name not in ("site-packages", "dist-packages") or not site.is_dir():
            continue
        ours = _names_of_ours(site)
        for path in site.iterdir():
            link = links / path.name
            if path.name not in ours and path.suffix != ".pth" and not link.exists():
                link.symlink_to(path, target_is_directory=path.is_dir())


def _names_of_ours(site: Path) -> set[str]:
    """Return the entries of stylize and its plugins in a site-packages folder."""
    return {
        file.parts[0]
        for distribution in metadata.distributions(path=[str(site)])
        if distribution.entry_points.select(group="stylize")
        for file in distribution.files or ()
    }


def _clean_variables() -> dict[str, str]:
    """Return the environment without variables that change what Python or stylize finds."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "STYLIZE_", "COV"))}
    return {**kept, "STYLIZE_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
