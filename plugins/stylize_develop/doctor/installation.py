"""Checks the metadata of installed distributions, without importing any of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from stylize.discovery.scanning import GROUP, canonical_name
from stylize_develop.doctor.finding import Finding, advice, problem
from stylize_develop.doctor.requirements import requirements, satisfies

__all__ = ["PURPOSES", "Installed", "check_installation", "installed_distributions"]

OURS = "stylize-nst"
FOREIGN = "stylize"
# The libraries that compute: a pair that does not fit fails in odd ways.
PAIRED = ("torch", "torchvision")

# The purpose of each extra that a user may want.
PURPOSES = {
    "evaluate": "the SSIM of stylize evaluate",
    "export": "stylize models export (ONNX)",
    "heif": "HEIC photographs, as iPhones make them",
    "plot": "plots of stylize compare --front and stylize analyze activations",
    "tensorboard": "stylize train --tensorboard yes",
    "testing": "the contracts that plugins are tested with (stylize.testing)",
    "train": "stylize train",
    "video": "stylize video (PyAV and OpenCV)",
    "web": "stylize web (Gradio)",
}


@dataclass(frozen=True)
class Installed:
    """A distribution that can be read.

    Args:
        name: normalised (PEP 503).
        folder: of sys.path, that it is in.
        distribution: its metadata.
    """

    name: str
    version: str
    folder: Path
    distribution: metadata.Distribution

    @cached_property
    def checkout(self) -> Path | None:
        """The folder of an editable installation."""
        try:
            origin = json.loads(self.distribution.read_text("direct_url.json") or "{}")
            if origin.get("dir_info", {}).get("editable"):
                return Path(url2pathname(urlparse(origin["url"]).path))
        except (OSError, ValueError, KeyError, AttributeError):
            pass  # from an unknown installer; nothing depends on it
        return None

    @property
    def has_plugins(self) -> bool:
        """Whether it has entry points for stylize."""
        return f"[{GROUP}]" in (self.distribution.read_text("entry_points.txt") or "")

    @property
    def overwrites_us(self) -> bool:
        """Whether it installs the import package `stylize` though it is another project's."""
        files = self.distribution.read_text("RECORD") or ""
        taken = re.search(r"^stylize/__init__\.py,", files, re.MULTILINE)
        return self.name != OURS and (self.name == FOREIGN or taken is not None)

    def __str__(self) -> str:
        how = f"editable, of {self.checkout}" if self.checkout else "installed"
        return f"{self.version} ({how}) in {self.folder}"


def installed_distributions(path: Sequence[str] | None = None) -> list[Installed]:
    """Return all distributions that can be read, in the order in which Python finds them.

    Args:
        path: folders to look in; default is sys.path.
    """
    found: dict[Path, Installed] = {}
    every = metadata.distributions() if path is None else metadata.distributions(path=list(path))
    for distribution in every:
        try:
            name = canonical_name(distribution.metadata["Name"])
            folder = Path(str(distribution.locate_file("")))
            key = Path(str(getattr(distribution, "_path", folder / name))).resolve()
            found.setdefault(key, Installed(name, distribution.version, folder, distribution))
        except Exception:  # damaged in some way; if it has plugins, discovery reports it
            continue
    return list(found.values())


def check_installation(installed: Sequence[Installed], running: Path) -> Iterator[Finding]:
    """Yield what is wrong with stylize's own installation, its requirements and its extras.

    Args:
        running: the folder of the `stylize` package that runs.
    """
    ours = [each for each in installed if each.name == OURS]
    yield from _check_place(ours, running)
    yield from _check_foreign(installed)
    yield from _check_twice(installed)
    seen: dict[str, Installed] = {}
    for each in installed:
        seen.setdefault(each.name, each)
    needing = [each for each in seen.values() if each.name in (OURS, *PAIRED) or each.has_plugins]
    for each in needing:
        yield from _check_requirements(each, seen)
    if ours:
        yield from _check_extras(ours[0], seen)


def _check_place(ours: Sequence[Installed], running: Path) -> Iterator[Finding]:
    """Check that the code that runs is the one that is installed."""
    if not ours:
        yield problem(
            OURS,
            f"{running} runs but is not installed, so that no plugin can be found, not even ours",
            f"pip install {OURS}, or pip install -e . in a checkout",
        )
        return
    first = ours[0]
    expected = first.checkout or first.folder / FOREIGN
    if not running.resolve().is_relative_to(expected.resolve()):
        yield problem(
            OURS,
            f"Python imports {running}, which hides the installed {first}",
            f"take {running.parent} out of PYTHONPATH and start in another folder",
        )


def _check_foreign(installed: Iterable[Installed]) -> Iterator[Finding]:
    for each in installed:
        if each.overwrites_us:
            shared = "package and command" if each.name == FOREIGN else "package"
            yield problem(
                f"{each.name} {each.version}",
                f"is another project's, with a {shared} called {FOREIGN}, as {OURS} has: each "
                f"overwrites files of the other",
                f"pip uninstall {each.name}, then pip install --force-reinstall --no-deps {OURS}",
            )


def _check_twice(installed: Iterable[Installed]) -> Iterator[Finding]:
    """Check that stylize and each plugin are there once: the first on sys.path hides others.

    An example is an editable install next to a wheel, or one in the user's folder next to one in
    the environment: then an upgrade of the hidden one changes nothing.
    """
    several: dict[str, list[Installed]] = {}
    for each in installed:
        several.setdefault(each.name, []).append(each)
    for name, copies in several.items():
        first, *hidden = copies
        if hidden and (name == OURS or any(copy.has_plugins for copy in copies)):
            yield problem(
                name,
                f"is installed {len(copies)} times: {first} hides {'; '.join(map(str, hidden))}",
                f"pip uninstall {name}, again until pip finds none, then install it once",
            )


def _check_requirements(of: Installed, installed: dict[str, Installed]) -> Iterator[Finding]:
    for name, versions in requirements(of.distribution.metadata.get_all("Requires-Dist")):
        have = installed.get(canonical_name(name))
        if of.name in PAIRED and name not in PAIRED:
            continue  # for their authors to fix; an import that fails is reported anyway
        if have is not None and satisfies(have.version, versions):
            continue
        state = "is not installed" if have is None else f"is installed in version {have.version}"
        # Both of a pair at once: one alone may install a version of the other that does not fit.
        wanted = " ".join(PAIRED) if name in PAIRED else f"'{name}{versions}'"
        yield problem(
            f"{of.name} {of.version}",
            f"needs {name}{versions}, which {state}",
            f"pip install --upgrade {wanted}",
        )


def _check_extras(ours: Installed, installed: dict[str, Installed]) -> Iterator[Finding]:
    lines = ours.distribution.metadata.get_all("Requires-Dist")
    for extra, purpose in PURPOSES.items():
        missing = [
            name for name, _ in requirements(lines, extra) if canonical_name(name) not in installed
        ]
        if missing:
            yield advice(
                f"extra {extra}",
                f"for {purpose}, is not installed ({', '.join(missing)} missing)",
                f"if wanted, pip install '{OURS}[{extra}]'",
            )
