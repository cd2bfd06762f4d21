"""Converts our docstrings, Markdown with "Args:", to the reStructuredText that autodoc reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from sphinx.application import Sphinx

SECTIONS = {"Args:", "Attributes:"}
# "Raises: UsageError for ..." and similar, on a line of their own.
NOTED = re.compile(r"(Raises|Returns|Source|Yields): ")


def to_rst(text: str) -> Iterator[str]:
    """Yield the lines of a docstring as reStructuredText."""
    items: list[str] | None = None  # of the section that the line is in
    for line in [*text.splitlines(), ""]:
        stripped = line.strip()
        if stripped in SECTIONS:
            items = []
        elif items is not None and re.match(r" {4}\S", line):
            items.append(stripped)
        elif items and line.startswith("     "):
            items[-1] += f" {stripped}"
        else:
            if items is not None:
                yield from _fields(items)
                yield ""
                items = None
            if found := NOTED.match(line):
                yield f"**{found[1]}:** {_escaped(line[found.end() :])}"
            elif stripped in ("Raises:", "Returns:"):
                yield f"**{stripped}**"
            else:
                yield _escaped(line.strip() if line.startswith("    ") else line)


def _fields(items: list[str]) -> Iterator[str]:
    for item in items:
        names, _, says = item.partition(": ")
        for name in names.split(", "):
            yield f":param {name}: {_escaped(says)}"


def _escaped(text: str) -> str:
    """Return text with bars and stars outside of code escaped."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([|*\\])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def rewrite(_app: Sphinx, what: str, _name: str, obj: object, _: object, lines: list[str]) -> None:
    """Replace a docstring in place; remove those of other packages and of a constant's type."""
    module = getattr(obj, "__module__", None) or getattr(
        getattr(obj, "fget", None), "__module__", ""
    )
    foreign = str(module or "stylize").startswith(("pluggy", "torch", "pydantic", "enum"))
    if foreign or what == "data":
        lines.clear()
    else:
        lines[:] = to_rst("\n".join(lines))


def shorten(
    _app: Sphinx,
    _what: str,
    _name: str,
    obj: object,
    _options: object,
    _signature: str,
    returns: str,
) -> tuple[str, str] | None:
    """Write `**settings` for a pydantic model, whose annotations would fill a screen."""
    is_model = isinstance(obj, type) and issubclass(obj, BaseModel)
    return ("(**settings)", returns) if is_model else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Rewrite every docstring that autodoc finds."""
    app.connect("autodoc-process-docstring", rewrite)
    app.connect("autodoc-process-signature", shorten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
