"""Options that parts declare: the same for the command, presets, sheets, records and Python."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from command import FAST, SMALL, STEPS, Command
from plugin_factory import place_distribution
from stylize import PluginHost, Stylizer, make_settings, stylize_image
from stylize.errors import SettingsError, UnknownNameError, UsageError

# Two smoothings that share an option, and one with options that the command itself has.
CURVES = """
    STYLIZE_PLUGIN_API = 1

    from typing import Annotated
    from pydantic import Field
    from stylize import CommandOption, Settings

    class Curve(Settings):
        gain: Annotated[float, CommandOption("--curve-gain")] = Field(
            1.0, gt=0, le=9, description="Slope of the curve."
        )

    class Own(Settings):
        size: Annotated[int, CommandOption("--size")] = Field(3, description="Of a window.")
        mute: Annotated[str, CommandOption("--json")] = Field("", description="A file.")

    class Bent:
        def __init__(self, settings):
            self.gain = getattr(settings, "gain", 1.0)
        def __call__(self, features):
            return (self.gain * features).tanh()

    @hookimpl
    def stylize_components():
        return [
            SmoothingSpec("bent", factory="acme_curves:Bent", settings="acme_curves:Curve"),
            SmoothingSpec("bowed", factory="acme_curves:Bent", settings="acme_curves:Curve"),
            SmoothingSpec("own", factory="acme_curves:Bent", settings="acme_curves:Own"),
            PresetSpec("curved", factory="acme_bends:curved.toml", summary="Bent by 2.5."),
            PresetSpec("set", factory="acme_bends:set.toml", summary="Bent in another way."),
        ]
"""
HEAD = 'summary = "Bent."\ncitation = "None."\n[settings]\n'
PRESETS = {
    "acme_bends/curved.toml": HEAD + 'smooth = "bent"\ncurve_gain = 2.5\n',
    "acme_bends/set.toml": HEAD
    + 'smooth = "bent"\noptions = { bent = { gain = 2.5 }, smoothing = { gain = 3.5 } }\n',
}
QUARREL = """
    STYLIZE_PLUGIN_API = 1

    from typing import Annotated
    from pydantic import Field
    from stylize import CommandOption, Settings

    class Curve(Settings):
        kind: Annotated[str, CommandOption("--curve-gain")] = Field("", description="Its name.")

    @hookimpl
    def stylize_components():
        return [
            SmoothingSpec(
                "curly", factory="acme_curves:Bent", settings="acme_quarrel:Curve"
            ),
        ]
"""
BENT = ("--smooth", "bent", *STEPS, "--device", "cpu")


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the plugin with the options is installed."""
    folder = tmp_path / "site"
    (folder / "acme_bends").mkdir(parents=True)
    place_distribution(folder, "acme-curves", CURVES, files=PRESETS)
    monkeypatch.syspath_prepend(folder)
    for name in ("acme_curves", "acme_quarrel"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


def gains(outcome) -> list[object]:
    assert outcome.code == 0, outcome.err
    return [float(record["settings"]["options"]["bent"]["gain"]) for record in outcome.records]


def pixels(name: str) -> bytes:
    with Image.open(name) as image:
        return image.tobytes()


def test_the_help_shows_them_below_the_parts_that_have_them(command: Command):
    text = " ".join(command("--help").out.partition("Options of bent and bowed:")[2].split())
    assert text.startswith("--curve-gain NUMBER Slope of the curve. [default: 1.0]")


@pytest.mark.parametrize("name", ["picture", "compare", "video"])
def test_every_command_that_makes_pictures_has_them(command: Command, name: str):
    words = () if name == "picture" else (name,)
    assert "--curve-gain NUMBER" in command(*words, "--help").out


def test_by_their_own_name_by_set_by_preset_and_in_python_they_are_the_same(command: Command):
    ways = {
        "own": (*BENT, "--curve-gain", "2.5"),
        "part": (*BENT, "--set", "bent.gain=2.5"),
        "role": (*BENT, "--set", "smoothing.gain=2.5"),
        "preset": ("--preset", "curved", *STEPS, "--device", "cpu"),
        "plain": BENT,
    }
    for name, options in ways.items():
        made = command("photo.png", "painting.png", *options, "-o", f"{name}.png", "--json")
        assert made.code == 0, made.err
    plain = pixels("plain.png")
    assert pixels("own.png") == pixels("part.png") == pixels("role.png") == pixels("preset.png")
    assert pixels("own.png") != plain
    host = PluginHost.discover(disabled=())
    made = Stylizer(make_settings({"smooth": "bent", "curve_gain": 2.5}, host), host=host)
    assert made.plan.smoothing_settings.gain == 2.5


@pytest.mark.parametrize("part", ["bent", "smoothing", "acme-curves:bent"])
def test_by_their_own_name_and_by_set_they_cannot_be_two_values(command: Command, part: str):
    pair = ("photo.png", "painting.png")
    refused = command(*pair, *BENT, "--curve-gain", "2.5", "--set", f"{part}.gain=3")
    assert refused.code == 2
    said = f"--curve-gain 2.5 and --set {part}.gain=3 contradict each other: give only one"
    assert refused.complaint == f"stylize: {said}"
    alike = ("--curve-gain", "2.5", "--set", f"{part}.gain=2.50")
    assert gains(command(*pair, *BENT, *alike, "--json")) == [2.5]


def test_over_a_preset_the_command_line_has_the_last_word(command: Command):
    made = command(
        "photo.png", "painting.png", "--preset", "set", "--curve-gain", "4", *FAST, "--json"
    )
    assert gains(made) == [4.0]


def test_a_sheet_varies_them_with_a_record_each(command: Command):
    made = command(
        "compare", "photo.png", "painting.png", *BENT, "--vary", "curve_gain=1,2", "--json",
        "-o", "sheet.png",
    )  # fmt: skip
    assert gains(made) == [1.0, 2.0]
    assert [record["varied"] for record in made.records] == [
        {"curve_gain": "1"},
        {"curve_gain": "2"},
    ]


def test_a_picture_is_made_again_with_them(command: Command):
    first = command(
        "photo.png", "painting.png", *BENT, "--curve-gain", "2.5", "-o", "a.png", "--json"
    )
    again = command("rerun", "a.png", "-o", "b.png", "--json")
    assert gains(first) == gains(again) == [2.5]
    assert pixels("a.png") == pixels("b.png")


def test_a_bad_value_is_one_line_that_names_part_value_and_limit(command: Command):
    said = command("photo.png", "painting.png", *BENT, "--curve-gain", "99")
    assert (said.code, said.complaint) == (
        2,
        "stylize: bent.gain is '99': must be less than or equal to 9",
    )
    assert not list(command.folder.glob("photo_*"))


def test_one_that_no_part_of_the_run_takes_is_refused_and_its_parts_are_named(command: Command):
    said = command("photo.png", "painting.png", *SMALL, "--curve-gain", "2")
    assert (said.code, said.complaint) == (
        2,
        (
            "stylize: --curve-gain 2 is an option of bent and bowed, which this run does not use: "
            "leave it out, or use --smooth bent or --smooth bowed"
        ),
    )


def test_one_that_asks_for_the_default_may_be_given_to_any_run(command: Command):
    made = command("photo.png", "painting.png", *FAST, "--curve-gain", "1.0", "--json")
    assert made.code == 0, made.err
    assert "*" not in made.records[0]["settings"]["options"]


def test_python_refuses_it_alike(command):
    host = PluginHost.discover(disabled=())
    with pytest.raises(SettingsError, match=r"bent\.gain is -1: must be greater than 0"):
        Stylizer(make_settings({"smooth": "bent", "curve_gain": -1}, host), host=host)
    with pytest.raises(UsageError, match="--curve-gain 2 is an option of bent and bowed"):
        stylize_image("photo.png", "painting.png", host=host, curve_gain=2)
    with pytest.raises(UnknownNameError, match=r"'curve_gian'.*curve_gain"):
        stylize_image("photo.png", "painting.png", host=host, curve_gian=2)


def test_what_the_command_has_itself_stays_its_own(command: Command):
    text = command("--help").out
    assert [text.count(f"\n  {flag} ") for flag in ("--size", "--json")] == [1, 1]
    made = command(
        "photo.png", "painting.png", "--smooth", "own", *FAST, "--set", "own.size=5", "--json"
    )
    assert made.code == 0, made.err
    settings = made.records[0]["settings"]
    assert (settings["size"], settings["options"]["own"]) == (48, {"size": "5"})


def test_parts_that_disagree_about_its_type_leave_it_to_set(command: Command, site: Path):
    place_distribution(site, "acme-quarrel", QUARREL)
    assert "--curve-gain" not in command("--help").out
    said = command("photo.png", "painting.png", *BENT, "--curve-gain", "2")
    assert said.code == 2
    assert "no such option --curve-gain" in said.complaint
    made = command("photo.png", "painting.png", *BENT, "--set", "bent.gain=2", "--json")
    assert gains(made) == [2.0]


def test_what_a_plugin_is_not_installed_for_is_not_there(command: Command, monkeypatch):
    monkeypatch.setenv("STYLIZE_DISABLE_PLUGINS", "acme_curves")
    assert "--curve-gain" not in command("--help").out


def test_a_preset_is_shown_with_them(command: Command):
    shown = command("presets", "show", "curved")
    assert shown.code == 0, shown.err
    assert "curve_gain = 2.5" in shown.out
