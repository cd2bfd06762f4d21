"""The rules of CONTRIBUTING, "English", that a pattern can hold without false alarms."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import typer

from documents import BLOCK, DOCS, GENERATED, PAGES, ROOT, name
from stylize.command.app import build_app
from stylize.testing.hosts import builtin_host

RULES = {
    r"\banew\b": "again",
    r"\bmidst\b": "among, or during",
    r"\bcomes? along\b": "is included",
    r"\bcomes? with it\b": "is included",
    r"\bmend(ed|s|ing)?\b": "fix",
    r"\bpassed over\b": "skipped",
    r"\bat hand\b": "available",
    r"\b(is|are|was|were) refused\b": "rejected",
    r"\b(is|are|was|were) told\b": "reported",
    r"\btells? of\b": "reports",
    r"(?<!\w)Of (a|an|the|every|each|all|its|several) [^.?!]*\.": "no sentence opens with 'Of'",
    r"\b(more|less|larger|smaller|higher|lower|faster|slower)\b[^.,;]* next to\b": "than",
    r"\b(seconds?|minutes?|hours?|frames?|bytes|steps) a (picture|frame|clip|second|step)\b": "per",
    r"\bas good as\b": "almost",
    r"\bat its end\b": "at the end",
}
# False alarms in code, where a stream or a column may be "at its end".
PAGES_ONLY = {r"\bat its end\b"}
CODE_RULES = [rule for rule in RULES if rule not in PAGES_ONLY]
# Calls, besides those of exceptions, whose text people read.
SAYING = {"error", "say", "warn", "warning"}
# Rules of the house, which name the words.
EXEMPT = ("## English",)


def prose_of(text: str) -> str:
    """Return a page without code, addresses and comments."""
    text = re.sub(r"<!--.*?-->", "", BLOCK.sub("", text), flags=re.DOTALL)
    return re.sub(r"`[^`]*`|\]\([^)]*\)", "", text)


@cache
def pages() -> list[tuple[str, str]]:
    """Return the prose of each page by its name."""
    found = []
    for page in PAGES:
        if page in GENERATED or page == DOCS / "gallery.md":
            continue
        text = page.read_text("utf-8")
        if page == ROOT / "CHANGELOG.md":  # the past stays as it was
            text = re.split(r"^## (?!\[Unreleased\])", text, maxsplit=1, flags=re.MULTILINE)[0]
        for heading in EXEMPT:
            text = re.sub(rf"^{heading}\n.*?(?=^## |\Z)", "", text, flags=re.DOTALL | re.MULTILINE)
        found.append((name(page), prose_of(text)))
    return found


@cache
def helps() -> list[tuple[str, str]]:
    """Return the help of every command, and of its options and arguments."""

    def walk(path: str, command: Any) -> Iterator[tuple[str, str]]:
        yield path, command.help or ""
        for param in command.params:
            yield f"{path} {param.opts[0]}", getattr(param, "help", "") or ""
        for child, found in getattr(command, "commands", {}).items():
            yield from walk(f"{path} {child}", found)

    return list(walk("stylize", typer.main.get_command(build_app(builtin_host()))))


def texts_of(source: str) -> Iterator[tuple[int, str]]:
    """Yield the docstrings and messages of a module with their lines."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            private = getattr(node, "name", "").startswith("_")
            if not private and (text := ast.get_docstring(node)):
                yield getattr(node, "lineno", 1), joined(re.sub(r"`[^`]*`", "", text))
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called in SAYING or called.endswith(("Error", "Failure")):
                yield node.lineno, joined(message_of(node))


def message_of(call: ast.Call) -> str:
    """Return the text of a call's arguments, with "{}" for each placeholder."""
    parts: list[str] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.FormattedValue):
            parts.append("{}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts.append(node.value)
        else:
            for child in ast.iter_child_nodes(node):
                visit(child)

    for argument in call.args:
        visit(argument)
        parts.append(" ")
    return "".join(parts)


def joined(text: str) -> str:
    return " ".join(text.split())


@cache
def code() -> list[tuple[str, str]]:
    """Return the docstrings and messages of suspect modules by their file and line.

    Parsing all modules takes long, so it leaves out those in which no rule finds anything.
    """
    found = []
    for folder in ("core", "plugins"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            source = path.read_text("utf-8")
            text = joined(re.sub(r'"\s+[rf]?"', "", source))  # literals that go on
            if any(
                re.search(pattern, text)
                for pattern in [rule for rule in RULES if rule not in PAGES_ONLY]
            ):
                found += [(f"{name(path)}:{line}", text) for line, text in texts_of(source)]
    return found


def found_in(texts: list[tuple[str, str]], pattern: str) -> list[str]:
    return [
        f"{where}: {found[0]!r}" for where, text in texts for found in re.finditer(pattern, text)
    ]


@pytest.mark.parametrize("pattern", RULES)
def test_pages_and_help_are_in_plain_english(pattern):
    found = [*found_in(pages(), pattern), *found_in(helps(), pattern)]
    assert not found, f"say {RULES[pattern]}"


@pytest.mark.parametrize("pattern", CODE_RULES)
def test_docstrings_and_messages_are_in_plain_english(pattern):
    assert not found_in(code(), pattern), f"say {RULES[pattern]}"


def test_a_help_text_is_a_sentence_of_its_own():
    for where, text in helps():
        assert not text.startswith(("Of ", "What ")), f"{where}: {text}"
        text = re.sub(r"\s*\[default: [^\]]*\]$", "", text)
        assert not text or text.endswith((".", ")")), f"{where}: {text}"


def test_no_two_pages_have_one_title():
    titles: dict[str, str] = {}
    for page in PAGES:
        if page.is_relative_to(DOCS):
            found = re.search(r"^# (.+)$", page.read_text("utf-8"), re.MULTILINE)
            if found:
                assert titles.setdefault(found[1], name(page)) == name(page), found[1]


def test_docstrings_and_messages_are_found():
    source = '''
def run():
    """It is refused
    by `all` rules."""
    raise UsageError(f"{name}: start it " f"anew", more)
'''
    assert [text for _, text in texts_of(source)] == [
        "It is refused by rules.",
        "{}: start it anew",
    ]


def test_the_patterns_find_what_they_are_for():
    for text in (
        "Started anew.",
        "It was refused.",
        "2 seconds a picture",
        "Of the painting, all.",
    ):
        assert any(re.search(pattern, text) for pattern in RULES), text
