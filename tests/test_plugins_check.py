"""`stylize plugins check`: a report that says what to fix, whatever the plugin does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import Command
from plugin_factory import HEADER

HONEST = """
import typer

STYLIZE_PLUGIN_API = 1

@hookimpl
def stylize_commands(app):
    @app.command()
    def greet() -> None:
        "Say hello."
        typer.echo("hello")
"""
# Breaks promises of the plugin and of its part, and ends the interpreter during the check.
NASTY = """
print("hello")
STYLIZE_PLUGIN_API = 1

class Exits:
    def __init__(self, settings):
        import os
        os._exit(9)

@hookimpl
def stylize_components():
    return [SmoothingSpec("exits", factory="acme_nasty:Exits", summary="Ends everything")]
"""
BROKEN = """
STYLIZE_PLUGIN_API = 1

class Flat:
    role = Role.STYLE
    additive = True

    def __init__(self, settings):
        pass

    def statistics(self, features):
        return features

@hookimpl
def stylize_components():
    return [LossSpec("flat", factory="acme_flat:Flat", summary="Nothing")]
"""


def write_module(folder: Path, name: str, source: str) -> Path:
    path = folder / f"{name}.py"
    path.write_text(HEADER + source)
    return path


def write_project(folder: Path, name: str, source: str) -> Path:
    """Write a project with its module under src/, and return its folder."""
    project = folder / name
    (project / "src").mkdir(parents=True)
    write_module(project / "src", name, source)
    (project / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\n[project.entry-points.stylize]\nit = "{name}"\n'
    )
    return project


def test_an_honest_project_is_fine(command: Command):
    project = write_project(command.folder, "acme_greet", HONEST)
    outcome = command("plugins", "check", project)
    assert outcome.code == 0, outcome.out + outcome.err
    lines = outcome.out.splitlines()
    assert lines[0] == "plugin acme_greet"
    assert "  ok       declares without importing torch" in lines
    assert "  skipped  presets load: has no presets" in lines
    assert lines[-1].endswith("promises kept, 0 broken, 8 skipped")


def test_a_broken_part_is_told_with_what_to_mend(command: Command):
    path = write_module(command.folder, "acme_flat", BROKEN)
    outcome = command("plugins", "check", path)
    assert outcome.code == 1
    told = outcome.out.partition("loss flat\n")[2]
    assert "  BROKEN   gives a finite number a sample: statistics returns Tensor\n" in told
    assert "           to fix: return stylize.Statistics({name: tensor}, positions)\n" in told
    assert outcome.err == ""


def test_a_plugin_that_prints_and_ends_the_interpreter_does_not_end_the_command(command: Command):
    path = write_module(command.folder, "acme_nasty", NASTY)
    outcome = command("plugins", "check", path, "--json")
    assert outcome.code == 1
    record = json.loads(outcome.out)
    broken = [check for check in record["checks"] if check["status"] == "broken"]
    assert record["broken"] == len(broken) == 2
    assert broken[0]["promise"] == "imports quietly"
    assert broken[1]["part"] == "smoothing exits"
    assert broken[1]["fault"].startswith("it ends the interpreter with exit code 9")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("while True: pass", "importing it is not done after"),
        ("import sys; sys.exit(5)", "importing it calls sys.exit(5)"),
    ],
)
def test_an_import_that_hangs_or_exits_is_the_end_of_the_check(command: Command, line, fault):
    path = write_module(command.folder, "acme_stops", line)
    outcome = command("plugins", "check", path, "--time-limit", "8", "--json")
    assert outcome.code == 1
    (check,) = json.loads(outcome.out)["checks"]
    assert (check["promise"], check["status"]) == ("imports", "broken")
    assert check["fault"].startswith(fault)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("acme_absent", "is neither a file, a folder, nor an installed package"),
        ("pluggy", "pluggy is not a plugin: it has neither STYLIZE_PLUGIN_API nor a hook"),
        ("pydantic-core", "pydantic-core is not a plugin: it has no entry point"),
        ("empty", "it has neither a pyproject.toml nor an __init__.py"),
        ("photo.png", "photo.png is not a plugin: give a Python module, or the project's folder"),
        ("other", "it has no entry point of the group 'stylize'"),
        ("astray", "names module nowhere, which is neither in"),
        ("garbled", "cannot be read"),
    ],
)
def test_what_is_no_plugin_is_refused_with_the_reason(command: Command, target, why):
    (command.folder / "empty").mkdir()
    for name, text in {
        "other": '[project]\nname = "other"\n',
        "astray": '[project.entry-points.stylize]\nit = "nowhere"\n',
        "garbled": "= nothing",
    }.items():
        (command.folder / name).mkdir()
        (command.folder / name / "pyproject.toml").write_text(text)
    outcome = command("plugins", "check", target)
    assert outcome.code == 2
    assert why in outcome.complaint
    assert outcome.out == ""


def test_without_the_extra_it_says_what_to_install(command: Command, monkeypatch):
    monkeypatch.setattr("stylize.extras.find_spec", lambda name: None)
    outcome = command("plugins", "check", "stylize_smoothings")
    assert outcome.code == 3
    assert "pip install 'stylize-nst[testing]'" in outcome.complaint
