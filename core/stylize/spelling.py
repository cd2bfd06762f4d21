"""The name that was meant by a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["nearest_name"]


def nearest_name(word: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the name that takes the fewest slips to become the word; None if none is near.

    Args:
        cutoff: least similarity, 0 to 1, as of `difflib`, which also decides among equals.
    """
    known = list(names)
    near = difflib.get_close_matches(word, known, n=max(1, len(known)), cutoff=cutoff)
    return min(near, key=lambda name: _count_slips(word, name), default=None)


def _count_slips(word: str, name: str) -> int:
    """Return how many letters are missing, too many, wrong, or swapped with their neighbour.

    Source: optimal string alignment (Damerau 1964), where two swapped letters are one slip.
    """
    before: list[int] = []
    row = list(range(len(name) + 1))
    for i, letter in enumerate(word, 1):
        before, above, row = row, before, [i]
        for j, other in enumerate(name, 1):
            slips = min(row[-1] + 1, before[j] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == name[j - 2] and word[i - 2] == other:
                slips = min(slips, above[j - 2] + 1)
            row.append(slips)
    return row[-1]
