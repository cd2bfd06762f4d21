"""The names of a new plugin package, all made from one name, which is rejected if unusable."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec

from stylize.discovery.scanning import canonical_name
from stylize.errors import UsageError

__all__ = ["ProjectNames", "choose_names"]

DISTRIBUTION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
# Of which imports and signatures in the templates still fit in their lines.
LONGEST = 32
# Ours, also where this runs from a checkout; and a folder that every template has.
RESERVED = frozenset({"stylize", "stylize-nst", "tests"})
PREFIX = "stylize_"


@dataclass(frozen=True)
class ProjectNames:
    """The names of a new package and its contents.

    Args:
        distribution: what pip installs, as "stylize-cubic-root".
        package: what Python imports, as "stylize_cubic_root".
        part: what stylize calls the part, as "cubic_root".
        stem: what class names begin with, as "CubicRoot".
    """

    distribution: str
    package: str
    part: str
    stem: str


def choose_names(name: str, kind: str, taken: Collection[str] = ()) -> ProjectNames:
    """Return the names for a package called `name`.

    The part is the package without the prefix `stylize_`.

    Args:
        name: of the distribution, as PyPI takes it.
        kind: of part, in a word; a class is not called `CubicRootSmoothingSmoothing` for it.
        taken: names of parts (or commands) of the kind that exist.

    Raises: UsageError that says what is wrong with the name, and what to choose.
    """
    if not DISTRIBUTION.fullmatch(name):
        raise _refused(
            name, "is no name of a distribution: use letters, digits and dashes, as my-smoothing"
        )
    if len(name) > LONGEST:
        raise _refused(name, f"has {len(name)} characters: use at most {LONGEST}")
    distribution = canonical_name(name)
    package = distribution.replace("-", "_")
    if not IDENTIFIER.fullmatch(package):
        raise _refused(name, f"makes the package {package!r}, which must start with a letter")
    if keyword.iskeyword(package):
        raise _refused(name, "is a word of Python's own: choose another, as stylize-" + name)
    if package in sys.stdlib_module_names:
        raise _refused(name, "is a module of Python's own: choose another, as stylize-" + name)
    if distribution in RESERVED or _is_installed(distribution) or find_spec(package) is not None:
        raise _refused(name, "is taken by what is installed here: choose another")
    part = package.removeprefix(PREFIX)
    if not part[0].isalpha():  # of stylize-3d, which is a fine name otherwise
        part = package
    if part in taken or part.replace("_", "-") in taken:
        raise _refused(
            name, f"makes the {kind} {part!r}, which exists: choose another, as {name}-2"
        )
    words = part.removesuffix(f"_{kind}").split("_")
    return ProjectNames(distribution, package, part, "".join(word.capitalize() for word in words))


def _is_installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _refused(name: str, reason: str) -> UsageError:
    return UsageError(f"name {name!r} {reason}")
