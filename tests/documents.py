"""The documents as tests read them: pages, fenced blocks, and the commands in them."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from stylize import PluginHost
from stylize.testing.hosts import builtin_host, register_plugin

__all__ = [
    "BLOCK",
    "DOCS",
    "GENERATED",
    "GENERATOR",
    "PAGES",
    "ROOT",
    "Block",
    "blocks",
    "commands",
    "files",
    "inline_code",
    "name",
    "plugins_of_pages",
]

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts),
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("examples/*/README.md")),
]
GENERATED = [page for page in PAGES if "<!-- Made by docs/generate.py" in page.read_text("utf-8")]


def _load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with_docs = [*sys.path]
    sys.path.insert(0, str(DOCS))
    spec.loader.exec_module(module)
    sys.path[:] = with_docs
    return module


GENERATOR = _load_generator()

# A comment right above a block tells tests how to treat it: "not run: WHY"; "not ours: WHY", for
# parts that are not installed; "exits 2".
BLOCK = re.compile(
    r"(?:^[ ]*<!-- (?P<note>[^\n]*?) -->\n+)?"
    r"^(?P<indent>[ ]*)(?P<fence>```+)(?P<language>[^\n`]*)\n"
    r"(?P<source>.*?)^(?P=indent)(?P=fence)[ ]*$",
    re.DOTALL | re.MULTILINE,
)
FILE_NAME = re.compile(r"# (\S+\.\w+)\n")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, and the comment above it."""

    language: str
    source: str
    note: str

    @property
    def path(self) -> str | None:
        """The file's path, if the first line gives one: "# acme/settings.py"."""
        found = FILE_NAME.match(self.source)
        return found[1] if found else None

    @property
    def runs(self) -> bool:
        """Whether it runs; "not run" needs a reason."""
        assert self.note not in ("not run", "not ours"), f"say why a block is {self.note}"
        return not self.note.startswith(("not run: ", "not ours: "))

    @property
    def names_ours(self) -> bool:
        """Whether the parts that it names are installed."""
        return not self.note.startswith("not ours: ")

    @property
    def exit_code(self) -> int:
        """The exit code of its last command."""
        found = re.fullmatch(r"exits (\d+)", self.note)
        return int(found[1]) if found else 0


def name(page: Path) -> str:
    """Return a page's path in the repository."""
    return str(page.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the fenced blocks of a page, in order, in the given languages."""
    found = []
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        source = textwrap.dedent(match["source"])
        language = match["language"].removeprefix("{code-block}").strip()
        block = Block(language, source, (match["note"] or "").strip())
        if not languages or block.language in languages:
            found.append(block)
    return found


def files(page: str) -> dict[str, str]:
    """Return the blocks whose first line is a path, by path, without that line."""
    found = blocks(DOCS / page, "python", "toml")
    return {block.path: block.source.partition("\n")[2] for block in found if block.path}


@contextmanager
def plugins_of_pages(folder: Path) -> Iterator[PluginHost]:
    """Yield a host with the built-in plugins and those on the pages for authors.

    Args:
        folder: the place for the packages.
    """
    for page in ("plugins/how-to.md", "plugins/commands.md"):
        for name, source in files(page).items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(source, encoding="utf-8")
    packages = sorted(path.name for path in folder.glob("acme_*"))
    example = ROOT / "examples" / "stylize-divisive" / "src"
    sys.path[:0] = [str(folder), str(example)]
    try:
        host = builtin_host(strict=True)
        for package in packages:
            host.register(import_module(package), package)
        register_plugin(host, "stylize_divisive")
        yield host
    finally:
        for added in (folder, example):
            sys.path.remove(str(added))
        for module in [m for m in sys.modules if m.startswith(("acme_", "stylize_divisive"))]:
            del sys.modules[module]


def commands(source: str) -> Iterator[list[str]]:
    """Yield the words of each command of a shell block, without comments."""
    for line in source.replace("\\\n", " ").splitlines():
        if words := shlex.split(line, comments=True):
            yield words


def inline_code(page: Path) -> list[str]:
    """Return the code in single backticks outside of fenced blocks."""
    text = re.sub(
        r"^[ ]*(```+).*?^[ ]*\1[ ]*$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    return [code.strip() for code in re.findall(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)", text)]
