"""Pieces of Markdown that the generated pages share."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

__all__ = ["cell", "code", "page", "paragraphs", "table", "value"]

NOTE = "<!-- Made by docs/generate.py: do not edit. -->"


def page(title: str, introduction: str, lines: Iterable[str]) -> str:
    """Return a page of lines under a title, with the note that it is generated."""
    text = "\n".join([f"# {title}", "", NOTE, "", introduction, "", *lines])
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table, with an empty line after it."""
    lines = [head, ["---"] * len(head), *rows]
    return [*(f"| {' | '.join(row)} |".replace("|  |", "| |") for row in lines), ""]


def cell(text: str) -> str:
    """Return plain text with code in backticks as a table's cell."""
    parts = " ".join(text.split()).replace("|", "\\|").split("`")
    parts[::2] = [part.replace("*", "\\*").replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


def code(text: str) -> str:
    """Return text as code for a table's cell; nothing for none."""
    return f"`{text}`".replace("|", "\\|") if text else ""


def value(content: object) -> str:
    """Return a setting's value as written on a command line, as code; nothing for none."""
    if content is None or content == {}:
        return ""
    if isinstance(content, bool):
        return code("yes" if content else "no")
    if isinstance(content, list | tuple):
        return code(",".join(map(str, content)))
    if isinstance(content, dict):
        flat = all(isinstance(v, int | float) for v in content.values())
        if flat:
            return code(",".join(k if v == 1 else f"{k}={v:g}" for k, v in content.items()))
        return code(json.dumps(content))
    return code(f"{content:g}" if isinstance(content, float) and content >= 1e6 else str(content))


def paragraphs(text: str) -> list[str]:
    """Return wrapped text as paragraphs, one per line."""
    parts = re.split(r"\n\s*\n", text.strip())
    return [line for part in parts for line in (" ".join(part.split()), "")]
