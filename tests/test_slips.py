"""Typing errors: the command suggests the intended word, or understands it."""

from __future__ import annotations

from pathlib import Path

import pytest

from command import FAST, SMALL, Command
from plugin_factory import place_distribution
from stylize import Kind, RunSettings, make_settings

PALETTE = """
STYLIZE_PLUGIN_API = 1

@hookimpl
def stylize_components():
    return [PresetSpec("three_steps", factory="acme_slips:three_steps.toml", summary="Three")]

@hookimpl
def stylize_commands(app):
    @app.command("palette")
    def palette(picture: str, colors: int = 5) -> None:
        "Draw the main colours."
"""
THREE_STEPS = """
summary = "Three steps"
citation = "none"

[settings]
method = "gatys"
style_weights = 1

[settings.options.gatys]
iterations = 3
"""


@pytest.fixture
def palette(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with an installed plugin that has a command and a preset."""
    site = tmp_path / "site"
    place_distribution(
        site, "acme-slips", PALETTE, files={"acme_slips/three_steps.toml": THREE_STEPS}
    )
    (site / "acme_slips.py").rename(site / "acme_slips" / "__init__.py")
    monkeypatch.syspath_prepend(site)
    return command


@pytest.mark.parametrize(
    "line", [("pallete", "photo.png"), ("pallete", "--colors", "3"), ("--size", "64", "palete")]
)
def test_a_misspelt_command_is_suggested_before_its_options_are_refused(palette: Command, line):
    outcome = palette(*line)
    assert outcome.code == 2
    assert "did you mean stylize palette ...?" in outcome.complaint


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("phto.png painting.png", "phto.png: no such file: did you mean photo.png?"),
        ("phto.png", "phto.png: no such file: did you mean photo.png?"),
        ("Photo.JPG painting.png", "Photo.JPG: no such file: did you mean photo.png?"),
        ("photo.png art/paintng.png", "art/paintng.png: no such file: did you mean art/Paint"),
        ("photo.png -s paintng.png", "paintng.png: no such file: did you mean painting.png?"),
        ("phto.png --model mosaic_fast", "phto.png: no such file: did you mean photo.png?"),
        ("photo.png --model ./mosiac.safetensors", "model mosiac.safetensors: no such file: did"),
        ("photo.png --model ./photo.safetensors", "photo.safetensors: no such file: check the na"),
        ("photo.png mosaic_fats.png", "mosaic_fats.png: no such file: check the name and the fo"),
        ("compare phto.png painting.png --vary seed=1,2", "no such file: did you mean photo.png?"),
        ("learn paintng.png", "paintng.png: no such file: did you mean painting.png?"),
        ("photo.png none/paintng.png", "none/paintng.png: no such file: check the name and the "),
    ],
)
def test_a_misspelt_file_is_told_with_the_nearest_of_its_kind(command: Command, line, told):
    Path("art").mkdir()
    Path("art/Painting.png").write_bytes(Path("painting.png").read_bytes())
    Path("mosaic.safetensors").touch()
    outcome = command(*line.split())
    assert outcome.code == 2
    assert told in outcome.complaint


def test_a_file_of_nearly_a_command_s_name_is_a_picture(palette: Command):
    Path("palete").write_bytes(Path("photo.png").read_bytes())
    assert palette("palete", "painting.png", *FAST, "-o", "out.png").code == 0


def test_an_option_of_nearly_a_command_s_name_is_an_option(palette: Command):
    line = ("--preset", "three_steps", "photo.png", "painting.png", *SMALL, "-o", "out.png")
    assert palette(*line).code == 0


def test_an_unknown_choice_is_told_in_plain_words(command: Command):
    outcome = command("plugins", "new", "stylize-fog", "--kind", "presett")
    assert outcome.code == 2
    assert outcome.complaint.startswith(
        "stylize: unknown --kind 'presett'; did you mean preset? (known: backbone, command, "
    )


@pytest.mark.parametrize("given", [3, 3.0, "3", [3]])
def test_one_number_is_a_list_of_one(host, given):
    assert make_settings({"style_weights": given}).style_weights == (3.0,)
    settings = host.make_settings(host.get(Kind.METHOD, "gatys"), {"iterations": given})
    assert settings.iterations == (3,)


def test_one_number_in_a_preset_is_a_list_of_one(palette: Command):
    outcome = palette("photo.png", "painting.png", *SMALL, "--preset", "three_steps", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.records[0]["steps"] == 3


def test_a_number_is_no_text(host):
    with pytest.raises(Exception, match="smooth is 3"):
        make_settings({"smooth": 3})
    assert RunSettings().smooth == "none"
