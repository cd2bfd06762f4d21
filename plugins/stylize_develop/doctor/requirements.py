"""Whether the requirements of a distribution are installed, according to its metadata.

Only requirements of every installation count: those with a condition are left out, except for the
extras that are requested.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import NamedTuple

__all__ = ["Requirement", "requirements", "satisfies"]

REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^]]*\])?\s*\(?(?P<versions>[^;)@]*)\)?\s*"
    r"(;\s*(?P<condition>.*))?"
)
EXTRA = re.compile(r"""extra\s*==\s*['"](?P<extra>[^'"]+)['"]""")
VERSION = re.compile(r"(===|==|~=|!=|<=|>=|<|>)\s*([^\s,]+)")
COMPARISONS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    "==": operator.eq,
    "===": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


class Requirement(NamedTuple):
    """A distribution that is needed, in which versions, as ">=2.6,<3"; "" is any."""

    name: str
    versions: str


def requirements(lines: list[str] | None, extra: str | None = None) -> Iterator[Requirement]:
    """Yield the requirements that always apply, or those that an extra adds.

    Args:
        lines: `Requires-Dist` of metadata.
    """
    for line in lines or ():
        match = REQUIREMENT.fullmatch(line.strip())
        if match is None:
            continue  # by URL
        condition = match["condition"] or ""
        asked = EXTRA.fullmatch(condition.strip())
        if (asked and asked["extra"] == extra) if extra else not condition:
            yield Requirement(match["name"], match["versions"].strip())


def satisfies(version: str, versions: str) -> bool:
    """Whether a version is in a range, as "2.6.1+cpu" in ">=2.6,<3"; by its numbers alone."""
    return all(
        _satisfies(version, comparison, wanted) for comparison, wanted in VERSION.findall(versions)
    )


def _satisfies(version: str, comparison: str, wanted: str) -> bool:
    have, want = _numbers(version), _numbers(wanted)
    if comparison == "~=":
        return have >= want and have[: len(want) - 1] == want[:-1]
    if wanted.endswith(".*"):
        return COMPARISONS[comparison](have[: len(want)], want)
    pairs = list(zip_longest(have, want, fillvalue=0))
    return COMPARISONS[comparison](tuple(h for h, _ in pairs), tuple(w for _, w in pairs))


def _numbers(version: str) -> tuple[int, ...]:
    """Return the release of a version: (2, 6, 1) of "2.6.1rc1+cpu"."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(number) for number in match[0].split(".")) if match else ()
