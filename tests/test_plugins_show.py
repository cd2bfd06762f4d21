"""`stylize plugins show DISTRIBUTION`: everything that it adds, whether it works or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import Command
from plugin_factory import place_distribution

FULL = """
STYLIZE_PLUGIN_API = 1

@hookimpl
def stylize_components():
    return [SmoothingSpec("shown_off", factory="acme_shown:Smooth", summary="Shown")]

@hookimpl
def stylize_check(plan):
    return []

@hookimpl
def stylize_commands(app):
    @app.command("show-off", help="Show off.")
    def show_off() -> None: ...
"""
OLD = "STYLIZE_PLUGIN_API = 0\n"
BROKEN = "raise RuntimeError('not today')\n"


@pytest.fixture
def shown(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with distributions that work, have another API version, or are broken."""
    site = tmp_path / "site"
    for name, source in (("acme-shown", FULL), ("acme-old", OLD), ("acme-broken", BROKEN)):
        place_distribution(site, name, source, version="2.1")
    monkeypatch.syspath_prepend(site)
    return command


@pytest.mark.parametrize("name", ["acme-shown", "Acme_Shown"])
def test_a_distribution_is_shown_with_all_that_it_adds(shown: Command, name):
    outcome = shown("plugins", "show", name)
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines() == [
        "acme-shown 2.1 (acme_shown): ok",
        "  plugin API: 1",
        "  hooks: stylize_check, stylize_commands, stylize_components",
        "  smoothing shown_off: Shown",
        "  command show-off: Show off.",
    ]


def test_the_same_as_json(shown: Command):
    (record,) = json.loads(shown("plugins", "show", "acme-shown", "--json").out)
    assert record["api"] == 1
    assert record["version"] == "2.1"
    assert record["commands"] == {"show-off": "Show off."}
    assert [part["name"] for part in record["parts"]] == ["shown_off"]


def test_of_one_that_does_not_work_what_is_known_is_shown(shown: Command):
    old = shown("plugins", "show", "acme-old").out
    assert "acme-old 2.1 (acme_old): failed" in old
    assert "plugin API: 0" in old
    broken = shown("plugins", "show", "acme-broken").out
    assert "not today" in broken
    assert "plugin API: none is said" in broken
