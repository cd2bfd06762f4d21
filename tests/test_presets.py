"""Presets: cited, valid, comparable, and overridden by explicit options."""

from __future__ import annotations

import pytest

from command import FAST
from plugin_factory import place_distribution
from stylize import list_presets, load_preset, make_plan, make_settings, merge_settings, read_record

PAIR = ("photo.png", "painting.png")


@pytest.mark.parametrize("name", list_presets())
def test_every_preset_is_cited_and_makes_a_plan(host, name):
    preset = load_preset(host, name)
    assert preset.summary
    assert len(preset.citation) > 20
    plan = make_plan(host, make_settings(preset.settings), training=preset.trains)
    assert not [problem for problem in plan.problems if problem.fatal]


def test_the_list_names_all_presets(command):
    listed = command("presets", "list").out.splitlines()
    assert [line.split()[0] for line in listed] == list_presets()


def test_show_tells_the_source_and_what_differs_from_the_defaults(command):
    shown = command("presets", "show", "gatys_artistic").out
    assert shown.startswith("gatys_artistic: ")
    assert "\nfrom: " in shown
    assert 'backbone = "vgg19.imagenet1k_v1"\n' in shown
    assert "gatys.iterations = [400]\n" in shown
    assert "strength" not in shown.partition("\n\n")[2]


@pytest.mark.parametrize("name", list_presets())
def test_diff_with_the_defaults_shows_what_a_preset_changes(command, name):
    outcome = command("presets", "diff", "defaults", name)
    assert outcome.code == 0
    assert 'backbone: "vgg16" -> ' in outcome.out
    for line in outcome.out.splitlines():
        _, _, change = line.partition(": ")
        old, arrow, new = change.partition(" -> ")
        assert arrow
        assert old != new


def test_diff_compares_two_presets_both_ways(command):
    there = command("presets", "diff", "gatys_artistic", "gatys_daytime").out
    back = command("presets", "diff", "gatys_daytime", "gatys_artistic").out
    assert "style_weight: 1000.0 -> 1.0\n" in there
    assert "style_weight: 1.0 -> 1000.0\n" in back
    assert "backbone" not in there
    same = command("presets", "diff", "gatys_daytime", "gatys_daytime")
    assert same.out == "no difference\n"


@pytest.mark.parametrize(
    ("arguments", "near"),
    [
        (("presets", "show", "gatys_artstic"), "gatys_artistic"),
        (("presets", "diff", "default", "gatys_daytime"), "defaults"),
        ((*PAIR, "--preset", "gatys_averag"), "gatys_average"),
    ],
)
def test_an_unknown_preset_suggests_the_nearest(command, arguments, near):
    outcome = command(*arguments)
    assert outcome.code == 2
    assert f"did you mean {near}?" in outcome.complaint


@pytest.mark.parametrize("part", ["gatys", "method"])
def test_options_go_over_a_preset_under_the_parts_name_or_its_role(command, part):
    options = ("--backbone", "vgg16", "--style-weight", "7", "--set", f"{part}.iterations=1")
    outcome = command(*PAIR, "--preset", "gatys_artistic", *options, *FAST[:4], "--json")
    assert outcome.code == 0
    (record,) = outcome.records
    assert record["steps"] == 1
    settings = record["settings"]
    assert settings["backbone"] == "vgg16.oxford"
    assert settings["style_weight"] == 7
    assert settings["balance"] == "paper"
    assert read_record(command.folder / record["output"])["settings"] == settings


def test_explicit_options_merge_with_a_presets_key_by_key():
    base = {"strength": 1, "options": {"gatys": {"init": "noise", "history": 5}}}
    over = {"strength": 2, "options": {"gatys": {"history": 9}, "backbone": {"pooling": "max"}}}
    assert merge_settings(base, over) == {
        "strength": 2,
        "options": {"gatys": {"init": "noise", "history": 9}, "backbone": {"pooling": "max"}},
    }
    assert base["options"] == {"gatys": {"init": "noise", "history": 5}}


@pytest.mark.parametrize(
    ("backbone", "kept"), [("vgg16.random", True), ("resnet50_thin", False), (None, True)]
)
def test_a_preset_s_options_of_a_part_go_with_the_part(backbone, kept):
    options = {"vgg16": {"padding": "reflect"}, "adain": {"width": 0.5}}
    base = {"method": "adain", "backbone": "vgg16.oxford", "options": options}
    merged = merge_settings(base, {"backbone": backbone} if backbone else {})
    assert ("vgg16" in merged["options"]) == kept
    assert merged["options"]["adain"] == {"width": 0.5}


def test_the_only_options_of_a_preset_go_with_their_part(host):
    preset = load_preset(host, "thin_none_neighbors").settings
    assert preset["options"] == {"resnet50_thin": {"enlarge": 2}}
    merged = merge_settings(preset, {"backbone": "vgg16"})
    assert not merged["options"]
    make_plan(host, make_settings(merged))


PRESET = """
    STYLIZE_PLUGIN_API = 1

    @hookimpl
    def stylize_components():
        return [PresetSpec("odd", factory="{package}:odd.toml", summary="Odd.")]
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("summary = ", "Invalid value"),
        ('summary = "x"\ncitation = "y"', "settings Field required"),
        ('summary = "x"\ncitation = "y"\n[settings]\nstrenth = 1', "did you mean strength?"),
        ('summary = "x"\ncitation = "y"\n[settings]\nstrength = -1', "strength is -1"),
    ],
)
def test_a_broken_preset_is_one_line_and_hides_no_other(command, monkeypatch, text, message):
    site = command.folder / "site"
    package = f"acme_odd_{abs(hash(text))}"
    files = {} if text is None else {f"{package}/odd.toml": text}
    (site / package).mkdir(parents=True)
    name = package.replace("_", "-")
    place_distribution(site, f"{name}-plugin", PRESET.format(package=package), files=files)
    monkeypatch.syspath_prepend(site)
    assert "odd " in command("presets", "list").out
    for arguments in (("presets", "show", "odd"), (*PAIR, "--preset", "odd")):
        outcome = command(*arguments)
        assert outcome.code == 2
        assert "preset odd (" in outcome.complaint
        assert message in outcome.complaint
    assert command("presets", "show", "gatys_daytime").code == 0


def test_a_presets_options_go_with_the_part_that_is_replaced(host):
    preset = load_preset(host, "swag").settings
    assert {"softmax", "gram", "feature", "gatys"} <= set(preset["options"])
    for over, gone in (({"smooth": "none"}, "softmax"), ({"style_loss": "moments"}, "gram")):
        merged = merge_settings(preset, over)
        assert set(preset["options"]) - set(merged["options"]) == {gone}
        make_plan(host, make_settings(merged))
    other_tag = merge_settings(
        {"options": {"vgg16": {"pooling": "average"}}}, {"backbone": "vgg16.random"}
    )
    assert other_tag["options"] == {"vgg16": {"pooling": "average"}}
