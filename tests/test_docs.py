"""The documents are true: commands and code run, links lead somewhere, the site builds."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer

import stylize
from documents import (
    BLOCK,
    DOCS,
    GENERATED,
    GENERATOR,
    PAGES,
    ROOT,
    Block,
    blocks,
    commands,
    inline_code,
    name,
    plugins_of_pages,
)
from scratch import SHELL, TARGETS, Scratch, parse
from stylize import Kind, PluginHost, RunSettings, TemporalSettings, find_part_options
from stylize.command.app import build_app
from stylize.testing import CommandRunner
from stylize.testing.hosts import builtin_host

LANGUAGES = {"bibtex", "json", "python", "sh", "text", "toml", "yaml"}
# Pages about other distributions' parts.
EXAMPLES = [page for page in PAGES if page.is_relative_to(ROOT / "examples")]
# test_tutorial_plugin.py follows this page in its own environment, with its plugin installed.
FOLLOWED = [DOCS / "tutorials" / "ship-a-smoothing.md"]
# Options of other programs that pages name.
FOREIGN = {"--nproc-per-node"}


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginHost]:
    """The built-in plugins and those of the pages, which also name their options and commands."""
    with plugins_of_pages(tmp_path_factory.mktemp("pages")) as found:
        yield found


# Generated pages are up to date.


@pytest.mark.parametrize("page", GENERATOR.PAGES)
def test_a_generated_page_is_what_the_code_says(page, monkeypatch):
    # Plugins that are installed beside ours must not change the page.
    monkeypatch.setattr(PluginHost, "discover", lambda *_, **__: builtin_host())
    made = GENERATOR.PAGES[page]()
    assert (DOCS / page).read_text(encoding="utf-8") == made, "run python docs/generate.py"


# Commands and code run.


def pages_with_code() -> list[Path]:
    """Return the pages with code to run here, without those that have their own tests."""
    elsewhere = (*GENERATED, *EXAMPLES, *FOLLOWED)
    return [page for page in PAGES if page not in elsewhere and blocks(page, "sh", "python")]


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with_code(), ids=name)
def test_the_blocks_of_a_page_run_in_their_order(page, tmp_path, demo, capsysbinary, monkeypatch):
    scratch = Scratch(
        tmp_path,
        demo,
        builtin_host(),
        CommandRunner(tmp_path, capsysbinary, monkeypatch),
        monkeypatch,
        lenient=page.parent.name != "tutorials",
    )
    for block in blocks(page, "sh", "python", "toml"):
        scratch.run(block)


def test_blocks_are_in_languages_that_are_checked():
    for page in PAGES:
        for block in blocks(page):
            directive = block.language.startswith("{")
            assert directive or block.language in LANGUAGES, f"{name(page)}: {block.language}"


def test_commands_are_ones_that_the_command_takes(host):
    for page in PAGES:
        for block in blocks(page, "sh"):
            for words in commands(block.source):
                if "stylize" in words and "install" not in words:
                    words = words[words.index("stylize") + 1 :]
                    words = list(takewhile(lambda word: not SHELL.match(word), words))
                    where = f"{name(page)}: {' '.join(words)}"
                    ours = block.names_ours and page not in (*EXAMPLES, *FOLLOWED)
                    check_command(host, words, where, names=ours)
                elif words[0] == "make":
                    assert words[1] in TARGETS, f"{name(page)}: make {words[1]}"


def check_command(host: PluginHost, words: list[str], where: str, *, names: bool = True) -> None:
    """Check that options exist; `names`: also check that the parts in their values do."""
    try:
        _, params = parse(host, words)
    except Exception as error:  # typer's own, whose classes are private
        pytest.fail(f"{where}: {error}")
    if not names:
        return
    for option, kind in PART_OPTIONS.items():
        if isinstance(given := params.get(option), str):
            for part in given.split(","):
                host.get(kind, part.split(".")[0])
    for assignment in params.get("assignments") or ():
        check_setting(host, assignment.partition("=")[0], where)
    for vary in params.get("vary") or ():
        key, _, values = vary.partition("=")
        if key.replace("-", "_") in PART_OPTIONS:
            for part in values.split(","):
                host.get(PART_OPTIONS[key.replace("-", "_")], part.split(".")[0])
        elif "." in key:
            check_setting(host, key, where)
        else:
            known = {*RunSettings.model_fields, *find_part_options(host), "preset"}
            assert key.replace("-", "_") in known, where


PART_OPTIONS = {
    "method": Kind.METHOD,
    "backbone": Kind.BACKBONE,
    "smooth": Kind.SMOOTHING,
    "content_loss": Kind.LOSS,
    "style_loss": Kind.LOSS,
    "preset": Kind.PRESET,
}
ROLES = {"method", "backbone", "smoothing", "content_loss", "style_loss", "image_loss"}


def check_setting(host: PluginHost, key: str, where: str) -> None:
    """Check that PART.SETTING is a setting of that part."""
    part, _, setting = key.partition(".")
    if part in ROLES:
        return
    if part == "temporal":
        assert setting in TemporalSettings.model_fields, where
        return
    found = [s for kind in Kind for s in host.specs(kind) if s.name == part]
    fields = {f for s in found if (m := host.settings_model(s)) for f in m.model_fields}
    assert setting in fields, f"{where}: {part} has no setting {setting}"


# Names in prose exist.


def all_options(command: Any) -> Iterator[str]:
    for param in command.params:
        yield from [*param.opts, *param.secondary_opts]
    for child in getattr(command, "commands", {}).values():
        yield from all_options(child)


def test_options_in_prose_exist(host):
    known = {*all_options(typer.main.get_command(build_app(host))), "--help", *FOREIGN}
    for page in PAGES:
        for code in inline_code(page):
            if not re.match(r"(python|pip|make|git|mypy|pytest|ruff|sphinx-build)\b", code):
                for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", code):
                    assert option in known, f"{name(page)}: `{code}`: no option {option}"


def test_commands_in_prose_exist(host):
    group: Any = typer.main.get_command(build_app(host))
    for page in PAGES:
        for code in inline_code(page):
            words = code.split()
            if words[0] == "stylize" and len(words) > 1 and words[1].isalpha():
                command = group.commands.get(words[1])
                assert command, f"{name(page)}: `{code}`: no command {words[1]}"
                if hasattr(command, "commands") and len(words) > 2 and words[2].islower():
                    assert words[2] in command.commands, f"{name(page)}: `{code}`"
            elif words[0] == "make" and len(words) > 1:
                assert words[1] in TARGETS, f"{name(page)}: `{code}`: no such target"


def test_settings_in_prose_exist(host):
    parts = {s.name for kind in Kind for s in host.specs(kind) if host.settings_model(s)}
    parts -= {s.name for s in host.specs(Kind.BACKBONE)}  # vgg16.oxford names weights
    for page in PAGES:
        for code in inline_code(page):
            found = re.fullmatch(r"([a-z_0-9]+)\.([a-z_]+)(=.*)?", code)
            if found and found[1] in parts:
                check_setting(host, f"{found[1]}.{found[2]}", name(page))


# The reference is complete.


def test_every_public_name_has_its_place_in_the_python_reference():
    text = (DOCS / "reference" / "python.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\.\. auto\w+:: (\w+)$", text, re.MULTILINE))
    assert shown == set(stylize.__all__)


def test_every_environment_variable_is_told():
    read = set()
    for folder in ("core", "plugins"):
        for path in (ROOT / folder).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            read |= set(re.findall(r"environ[^\n]*?\"([A-Z_]+)\"", source))
            read |= set(re.findall(r"_VARIABLE = \"([A-Z_]+)\"", source))
    text = (DOCS / "reference" / "environment.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `([A-Z_]+)", text, re.MULTILINE))
    # Set for our own processes, and for Gradio.
    read -= {"PYTHONPATH", "THP_MEM_ALLOC_ENABLE", "GRADIO_ANALYTICS_ENABLED"}
    assert read <= told
    assert {name for name in told if name.startswith("STYLIZE_")} <= read


def test_the_record_s_fields_are_told(photo, painting):
    record = stylize.stylize_image(
        photo, painting, size=32, options={"neighbors": {"iterations": "1"}}
    )
    text = (DOCS / "reference" / "record.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(record.record)


# Links lead somewhere.

LINK = re.compile(r"\]\(([^)\s]+)(?: \"[^\"]*\")?\)")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    text = BLOCK.sub("", page.read_text("utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    explicit = re.findall(r"^\((\S+)\)=$", text, re.MULTILINE)
    slugs = (re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings)
    return {*slugs, *explicit}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files_and_headings(page):
    text = BLOCK.sub("", page.read_text("utf-8"))
    for link in LINK.findall(text):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme in ("https", "http", "mailto"), f"{name(page)}: {link}"
            assert parts.netloc or parts.scheme == "mailto", f"{name(page)}: {link}"
            continue
        target = page.parent / parts.path if parts.path else page
        assert target.exists(), f"{name(page)}: {link} leads nowhere"
        if parts.fragment:
            assert parts.fragment in anchors(target), f"{name(page)}: {link}: no such heading"


def test_pictures_in_the_documents_are_all_shown():
    shown = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in LINK.findall(page.read_text("utf-8"))
    }
    kept = {
        path for path in (DOCS / "pictures").rglob("*") if path.suffix in (".jpg", ".png", ".svg")
    }
    assert kept <= shown


def test_documents_that_the_program_names_exist():
    for folder in ("core", "plugins"):
        for path in (ROOT / folder).rglob("*.[pt][yo]*"):
            if path.suffix in (".py", ".toml"):
                for named in re.findall(r"\bdocs/[\w/-]+\.\w+", path.read_text("utf-8")):
                    assert (ROOT / named).exists(), f"{path}: {named}"


# The site.


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q"]
    done = subprocess.run([*build, DOCS, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_site(site):
    for page in DOCS.rglob("*.md"):
        if "_build" not in page.parts:
            assert (site / page.relative_to(DOCS).with_suffix(".html")).exists()


def test_the_site_is_read_without_a_network(site):
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        fetched = re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(https?:[^"]*)"', text)
        assert not fetched, f"{page.name} fetches {fetched}"


def test_an_equation_that_mathml_has_not_is_a_warning(tmp_path):
    (tmp_path / "conf.py").write_text(
        (DOCS / "conf.py")
        .read_text("utf-8")
        .replace("Path(__file__).parent", f"Path({str(DOCS)!r})"),
        encoding="utf-8",
    )
    (tmp_path / "_static").mkdir()
    (tmp_path / "index.md").write_text("# Sums\n\n$$ \\nosuchsum x $$\n\nFine: $x^2$\n", "utf-8")
    build = [sys.executable, "-m", "sphinx", "-q", tmp_path, tmp_path / "site"]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert "\\nosuchsum, which MathML lacks" in done.stderr
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in (tmp_path / "site/index.html").read_text("utf-8")


# The checks themselves.


def test_a_wrong_option_or_name_fails(host):
    for line in ("photo.jpg --no-such-option", "no-such-command --x", "train --bogus 1"):
        with pytest.raises(pytest.fail.Exception):
            check_command(host, line.split(), "page")
    with pytest.raises(Exception, match="unknown smoothing"):
        check_command(host, ["--smooth", "tahn", "photo.jpg"], "page")
    with pytest.raises(AssertionError, match="no setting temprature"):
        check_command(host, ["--set", "softmax.temprature=2", "photo.jpg"], "page")


def test_a_block_that_is_not_run_says_why():
    with pytest.raises(AssertionError, match="say why"):
        assert Block("sh", "stylize", "not run").runs
    assert not Block("sh", "stylize", "not run: it downloads").runs
