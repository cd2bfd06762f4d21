"""`stylize plugins new`: every kind of package is complete, valid and works at once."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from command import Command
from fresh_environment import make_environment
from plugin_factory import place_distribution
from stylize import Kind
from stylize.errors import OutputError
from stylize_develop.scaffold import PLUGIN_KINDS, choose_names, write_project

# The longest possible name: lines in templates must have room for it.
LONG = "a-rather-long-name-of-32-letters"
COMMON = {".gitignore", "LICENSE", "README.md", "pyproject.toml"}
SOURCES = {
    "smoothing": set(),
    "backbone": {"settings.py", "network.py"},
    "loss": set(),
    "method": {"settings.py", "method.py"},
    "command": {"command.py", "colors.py"},
    "trainable": {"settings.py", "network.py", "task.py", "method.py"},
    "preset": {"presets/fog.toml"},
    "model": {"models/fog.safetensors"},
    "weights": {"source.py"},
    "observer": set(),
}
# Kinds whose parts have a name and settings.
NAMED = {"smoothing", "backbone", "loss", "method", "trainable", "preset", "model"}
SET = {"smoothing", "backbone", "loss", "method", "trainable"}
LIST = """
import sys
from stylize.command.app import run
run(["plugins", "list", "--json"])
sys.exit("torch" in sys.modules)
"""
ROOT = Path(__file__).parents[1]
RUFF = Path(sys.executable).with_name("ruff")


@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_a_package_has_every_file_and_nothing_unfilled(command: Command, kind):
    outcome = command("plugins", "new", "stylize-fog", "--kind", kind)
    assert outcome.code == 0, outcome.err
    source = {"__init__.py", "py.typed", *SOURCES[kind]}
    expected = {
        *COMMON,
        "tests/test_fog.py",
        *(f"src/stylize_fog/{name}" for name in source),
    }
    folder = command.folder / "stylize-fog"
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written == expected
    assert [line for line in outcome.out.splitlines() if line.startswith("stylize-fog/")] == sorted(
        f"stylize-fog/{name}" for name in expected
    )
    for name in written:
        if not name.endswith(".safetensors"):
            assert "$" not in (folder / name).read_text(), name


@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_the_next_commands_are_printed(command: Command, kind):
    printed = command("plugins", "new", "stylize-fog", "--kind", kind).out.partition("next:\n")[2]
    lines = [line.strip() for line in printed.splitlines()]
    assert lines[:4] == [
        "cd stylize-fog", "pip install -e '.[testing]'", "pytest", "stylize plugins check ."
    ]  # fmt: skip
    assert lines[4].startswith(("stylize ", "STYLIZE_FOG_LOG=log.jsonl stylize "))
    assert "fog" in lines[4].lower()


@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_the_project_declares_its_plugin_and_needs_stylize(tmp_path, kind):
    folder = tmp_path / "acme.Fog"
    write_project(choose_names("acme.Fog", kind), kind, folder)
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    assert project["project"]["name"] == "acme-fog"
    assert project["project"]["entry-points"] == {"stylize": {"acme_fog": "acme_fog"}}
    assert project["project"]["dependencies"][0].startswith("stylize-nst>=")
    assert "stylize-nst[testing]" in project["project"]["optional-dependencies"]["testing"]
    assert project["build-system"]["build-backend"] == "hatchling.build"
    declaration = ast.parse((folder / "src/acme_fog/__init__.py").read_text())
    assert "STYLIZE_PLUGIN_API = 1" in ast.unparse(declaration)


@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_what_it_imports_of_stylize_is_public_and_has_its_place_in_the_pages(tmp_path, kind):
    pages = [ROOT / "docs/plugins" / page for page in ("reference.md", "commands.md")]
    told = "".join(page.read_text(encoding="utf-8") for page in pages)
    told += (ROOT / "docs/reference/exit-codes.md").read_text(encoding="utf-8")
    folder = tmp_path / "made"
    write_project(choose_names("acme-fog", kind), kind, folder)
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "stylize":
                public = importlib.import_module(str(node.module)).__all__
                for alias in node.names:
                    if (node.module, alias.name) != ("stylize", "command"):
                        assert alias.name in public, f"{path}: {node.module}.{alias.name}"
                        assert re.search(rf"\b{alias.name}\b", told), alias.name


@pytest.mark.parametrize(
    ("record", "table"),
    [
        (None, ""),
        ({"url": "file:///home/me/stylize", "dir_info": {"editable": True}},
         'path = "/home/me/stylize", editable = true'),
        ({"url": "file:///tmp/a%20b/stylize_nst-0.1.0-py3-none-any.whl", "archive_info": {}},
         'path = "/tmp/a b/stylize_nst-0.1.0-py3-none-any.whl"'),
        ({"url": "https://example.org/stylize.git", "vcs_info": {"vcs": "git", "commit_id": "1"}},
         'git = "https://example.org/stylize.git"'),
        ({"url": "https://example.org/stylize.whl", "archive_info": {}},
         'url = "https://example.org/stylize.whl"'),
    ],
)  # fmt: skip
def test_uv_is_told_where_stylize_was_installed_from(tmp_path, monkeypatch, record, table):
    names = choose_names("acme-fog", "loss")
    written = None if record is None else json.dumps(record)
    found = SimpleNamespace(read_text=lambda _: written)
    monkeypatch.setattr("importlib.metadata.distribution", lambda _: found)
    monkeypatch.setattr("stylize_develop.scaffold.requirement.framework_version", lambda: "0.2+a.b")
    write_project(names, "loss", tmp_path / "made")
    text = (tmp_path / "made/pyproject.toml").read_text()
    project = tomllib.loads(text)
    assert project["project"]["dependencies"] == ["stylize-nst>=0.2"]
    sources = tomllib.loads(f"found = {{ {table} }}")["found"]
    assert project["tool"].get("uv", {}).get("sources", {}).get("stylize-nst", {}) == sources


@pytest.mark.parametrize("name", ["stylize-fog", LONG])
@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_ruff_has_nothing_to_say(tmp_path, kind, name):
    folder = tmp_path / "made"
    write_project(choose_names(name, kind), kind, folder)
    for line in (["check"], ["format", "--check", "--diff"]):
        ended = subprocess.run(
            [RUFF, *line, "--no-cache", folder], capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("kind", PLUGIN_KINDS)
def test_the_plugin_is_found_at_once_and_imports_no_torch(
    command: Command, tmp_path, monkeypatch, kind
):
    write_project(choose_names("stylize-fog", kind), kind, tmp_path / "made")
    site = tmp_path / "made/src"
    place_distribution(site, "stylize-fog", "", entry="stylize_fog")
    (site / "stylize_fog.py").unlink()
    ended = subprocess.run(
        [sys.executable, "-c", LIST],
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    listed = json.loads(ended.stdout)
    assert {p["distribution"]: p["status"] for p in listed["plugins"]}["stylize-fog"] == "ok"
    if kind in NAMED:
        parts = listed["parts"]["method" if kind == "trainable" else kind]
        (part,) = [part for part in parts if part["name"] == "fog"]
        assert part["summary"]
        assert part["failure"] is None
        assert bool(part["settings"]) == (kind in SET)
        assert all(field["description"] for field in part["settings"].values())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "no name of a distribution"),
        ("../fog", "no name of a distribution"),
        ("my fog", "no name of a distribution"),
        ("-fog-", "no name of a distribution"),
        ("fög", "no name of a distribution"),
        ("3d-fog", "must start with a letter"),
        ("class", "a word of Python's own"),
        ("lambda", "a word of Python's own"),
        ("json", "a module of Python's own"),
        ("Concurrent", "a module of Python's own"),
        ("stylize", "taken by what is installed"),
        ("stylize.nst", "taken by what is installed"),
        ("stylize-vgg", "taken by what is installed"),
        ("tests", "taken by what is installed"),
        ("pydantic", "taken by what is installed"),
        ("Pillow", "taken by what is installed"),
        ("stylize-tanh", "makes the smoothing 'tanh', which exists"),
        ("tanh", "makes the smoothing 'tanh', which exists"),
        (f"{LONG}3", "has 33 characters: use at most 32"),
    ],
)
def test_an_impossible_name_is_refused_in_one_line(command: Command, name, reason):
    outcome = command("plugins", "new", "--kind", "smoothing", "--", name)
    assert outcome.code == 2
    assert f"name {name!r}" in outcome.complaint
    assert reason in outcome.complaint
    assert command.files == set()


def test_a_command_does_not_take_the_name_of_another(command: Command):
    outcome = command("plugins", "new", "stylize-rerun", "--kind", "command")
    assert outcome.code == 2
    assert "makes the command 'rerun', which exists" in outcome.complaint
    assert command("plugins", "new", "stylize-rerun", "--kind", "smoothing").code == 0


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("Stylize_Cubic.root", "smoothing", ("stylize_cubic_root", "cubic_root", "CubicRoot")),
        ("my-smoothing", "smoothing", ("my_smoothing", "my_smoothing", "My")),
        ("smoothing", "smoothing", ("smoothing", "smoothing", "Smoothing")),
        ("stylize-3d", "loss", ("stylize_3d", "stylize_3d", "Stylize3d")),
        ("stylize-import", "command", ("stylize_import", "import", "Import")),
    ],
)
def test_all_names_follow_from_one(name, kind, expected):
    names = choose_names(name, kind)
    assert (names.package, names.part, names.stem) == expected


def test_an_existing_folder_is_left_as_it_is(command: Command):
    (command.folder / "stylize-fog").mkdir()
    outcome = command("plugins", "new", "stylize-fog", "--kind", "loss")
    assert outcome.code == 2
    assert "stylize-fog: exists: choose another place with --output" in outcome.complaint
    assert command.files == {"stylize-fog"}


def test_output_says_where_and_its_parent_must_exist(command: Command):
    made = command("plugins", "new", "stylize-fog", "--kind", "loss", "--output", "elsewhere")
    assert made.code == 0
    assert "cd elsewhere" in made.out
    assert (command.folder / "elsewhere/src/stylize_fog/__init__.py").is_file()
    missing = command("plugins", "new", "stylize-fog", "--kind", "loss", "--output", "no/where")
    assert missing.code == 2
    assert "create it first" in missing.complaint
    photo = command("plugins", "new", "stylize-fog", "--kind", "loss", "--output", "photo.png/x")
    assert photo.code == 2


@pytest.mark.parametrize("kind", [None, "presett"])
def test_a_kind_must_be_one_that_there_is(command: Command, kind):
    option = ("--kind", kind) if kind else ()
    outcome = command("plugins", "new", "stylize-fog", *option)
    assert outcome.code == 2
    assert "kind" in outcome.complaint
    assert command.files == set()


def test_what_cannot_be_finished_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", fail)
    names = choose_names("stylize-fog", "loss")
    with pytest.raises(OutputError, match="No space left on device"):
        write_project(names, "loss", tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.install
def test_packages_of_every_kind_install_and_pass_their_tests_beside_the_wheel(tmp_path, wheel):
    environment = make_environment(tmp_path / "environment", wheel)
    folders = []
    for kind in PLUGIN_KINDS:
        name = f"stylize-acme-{kind}"
        environment.stylize("plugins", "new", name, "--kind", kind, cwd=tmp_path)
        folders.append(tmp_path / name)
    environment.install(*folders, editable=True)
    # The wheel satisfies their requirements, so nothing is looked up elsewhere.
    resolving = ("--dry-run", "--quiet", "--no-index", "--no-build-isolation")
    wanted = [f"{folder}[testing]" for folder in folders]
    environment.run("-m", "pip", "install", *resolving, *wanted, cwd=tmp_path)

    listed = environment.stylize_json("plugins", "list")
    assert {row["status"] for row in listed["plugins"]} == {"ok"}
    for kind in Kind:
        if kind in PLUGIN_KINDS:
            assert f"acme_{kind}" in {part["name"] for part in listed["parts"][kind]}
    assert "acme-command" in environment.stylize("--help")

    tests = [folder / "tests" for folder in folders]
    passed = environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, cwd=tmp_path)
    assert "passed" in passed
    sources = [folder / "src" / folder.name.replace("-", "_") for folder in folders]
    environment.type_check(folders[0] / "pyproject.toml", *sources, *tests)

    healthy = environment.stylize_json("plugins", "doctor")
    assert healthy["problems"] == []
