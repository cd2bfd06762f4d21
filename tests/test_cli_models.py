"""Trained models on the command line: listing, showing, applying, and contradictory options."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from command import Command
from small_training import make_model
from stylize import Kind, MethodSpec, ModelFile, PluginHost, known_models, make_settings
from stylize.errors import UsageError
from stylize.models.applying import choose_model
from stylize.testing.hosts import plugin_module

CPU = ("--device", "cpu", "--precision", "float32")
APPLY = ("photo.png", "--model", "dunes", *CPU)


@pytest.fixture
def gallery(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command with a model, dunes, in the user's own folder."""
    folder = command.folder / "own"
    folder.mkdir()
    monkeypatch.setenv("STYLIZE_MODELS", str(folder))
    make_model(folder / "dunes.safetensors", header={"summary": "Sand", "steps": 7})
    return command


def test_small_strokes_on_large_pictures_are_told_of_once_and_not_under_quiet(gallery):
    photos = gallery.folder / "photos"
    photos.mkdir()
    for width in (2048, 2600, 1024):
        Image.new("RGB", (width, 32)).save(photos / f"{width}.png")
    line = ("photos", *APPLY[1:], "--size", "full", "-o", "made", "--force")
    hint = (
        "stylize: hint: a trained network's strokes are small on a picture of 2048 px: "
        "--stroke-size 2 enlarges them"
    )
    assert [told for told in gallery(*line).err.splitlines() if "stroke" in told] == [hint]
    for options in (("-q",), ("--stroke-size", "1"), ("--size", "1024")):
        outcome = gallery(*line, *options)
        assert outcome.code == 0
        assert "--stroke-size" not in outcome.err


def test_a_size_beyond_the_photographs_is_told_of_once_where_one_was_asked_for(gallery):
    photos = gallery.folder / "photos"
    photos.mkdir()
    for width in (64, 80):
        Image.new("RGB", (width, 32)).save(photos / f"{width}.png")
    line = ("photos", *APPLY[1:], "-o", "made", "--force")
    hint = "stylize: hint: a picture is never larger than its photograph, whatever --size says"
    assert gallery(*line, "--size", "4096").err.splitlines().count(hint) == 1
    for options in ((), ("--size", "full"), ("--size", "32"), ("--size", "4096", "-q")):
        outcome = gallery(*line, *options)
        assert outcome.code == 0
        assert hint not in outcome.err


def test_list_names_the_user_s_own_models_and_where_they_are(gallery):
    for words in (("models", "list"), ("models",)):
        outcome = gallery(*words)
        assert outcome.code == 0
        lines = [line.split() for line in outcome.out.splitlines()]
        assert ["dunes", "Sand", "13", "kB"] in lines
        assert outcome.out.splitlines()[-1].endswith(str(gallery.folder / "own"))


def test_list_as_json_is_one_document(gallery):
    rows = {row["name"]: row for row in json.loads(gallery("models", "list", "--json").out)}
    assert (rows["dunes"]["status"], rows["dunes"]["method"]) == ("ok", "johnson")
    assert rows["dunes"]["bytes"] == (gallery.folder / "own" / "dunes.safetensors").stat().st_size


def test_a_broken_model_is_a_row_and_hides_no_other(gallery):
    (gallery.folder / "own" / "broken.safetensors").write_bytes(b"no model")
    listed = gallery("models", "list").out
    lines = listed.splitlines()
    assert any(line.startswith("broken: model ") for line in lines)
    assert any(line.startswith("dunes") for line in lines)
    rows = json.loads(gallery("models", "list", "--json").out)
    (broken,) = (row for row in rows if row["status"] == "broken")
    assert "get it again" in broken["error"]
    assert "dunes" in {row.get("name") for row in rows if row["status"] == "ok"}


@pytest.mark.parametrize("name", ["dunes", "own/dunes.safetensors"])
def test_show_tells_how_a_model_was_made(gallery, name):
    shown = gallery("models", "show", name).out
    assert shown.startswith(f"{name}: Sand\n")
    assert f"  use        stylize photo.jpg --model {name}\n" in shown
    assert "  trained    7 steps (those of its start included, if it had one) on " in shown
    assert max(map(len, shown.splitlines())) < 100 + len(str(gallery.folder))
    record = json.loads(gallery("models", "show", name, "--json").out)
    assert record["styles"][0]["name"] == "painting.png"


def test_show_of_an_unknown_model_suggests_the_nearest(gallery):
    outcome = gallery("models", "show", "dune")
    assert outcome.code == 2
    assert "unknown model 'dune'; did you mean dunes?" in outcome.complaint


def test_show_of_a_method_names_its_models(gallery):
    outcome = gallery("models", "show", "adain")
    assert outcome.code == 2
    assert "adain is a method; its models: any" in outcome.complaint


def test_a_sheet_shows_a_photograph_in_each_style(gallery, host):
    outcome = gallery("models", "sheet", "photo.png", "--size", "64", "-o", "sheet.png")
    assert outcome.code == 0, outcome.err
    names = [model.name for model in known_models(host) if model.name != "any"]
    styles = len([name for name in names if not name.endswith("_fast")])
    assert outcome.err.startswith(f"sheet.png: {styles} styles, ")
    assert f"({len(names) - styles} more of the same paintings with --all)" in outcome.err
    with Image.open("sheet.png") as sheet:
        assert sheet.width == 4 * (64 + 12) + 12
        colours = {sheet.getpixel((12 + 76 * column + 32, 36)) for column in range(4)}
    assert len(colours) == 4
    assert gallery("models", "sheet", "photo.png", "-o", "sheet.png").code == 2
    assert gallery("models", "sheet", "missing.png").code == 2


# Applying.


@pytest.mark.parametrize("name", ["dunes", "own/dunes.safetensors"])
def test_a_model_alone_says_which_method(gallery, name):
    outcome = gallery("photo.png", "--model", name, *CPU, "-o", "out.png", "--json")
    assert outcome.code == 0, outcome.err
    settings = outcome.records[0]["settings"]
    assert (settings["method"], settings["model"]) == ("johnson", name)
    assert settings["options"]["johnson"]["width"] == 8


def test_several_photographs_read_the_model_once(gallery, monkeypatch):
    reads = []
    honest = ModelFile.tensors
    monkeypatch.setattr(ModelFile, "tensors", lambda model: reads.append(model) or honest(model))
    for name in ("one.png", "two.png"):
        Image.open("photo.png").save(name)
    outcome = gallery("one.png", "two.png", *APPLY, "-o", "out/", "--json")
    assert outcome.code == 0, outcome.err
    assert [record["status"] for record in outcome.records] == ["made"] * 3
    assert len(reads) == 1


def test_one_bad_photograph_of_several_stops_no_other(gallery):
    (gallery.folder / "bad.png").write_bytes(b"no picture")
    outcome = gallery("bad.png", *APPLY, "-o", "out/", "--json")
    assert outcome.code == 1
    assert [record["status"] for record in outcome.records] == ["failed", "made"]


def test_a_rerun_is_identical(gallery):
    assert gallery(*APPLY, "-o", "out.png", "--strength", "0.7", "--stroke-size", "1.5").code == 0
    outcome = gallery("rerun", "out.png")
    assert outcome.code == 0, outcome.err
    assert "differ" not in outcome.err
    with Image.open("out.png") as first, Image.open("out_rerun.png") as second:
        assert first.tobytes() == second.tobytes()


def test_a_rerun_with_another_model_of_that_name_warns(gallery):
    assert gallery(*APPLY, "-o", "out.png").code == 0
    make_model(gallery.folder / "own" / "dunes.safetensors", seed=1)
    outcome = gallery("rerun", "out.png")
    assert outcome.code == 0
    assert "weights was" in outcome.err
    assert "the pictures may differ" in outcome.err


def test_weights_that_a_model_does_not_look_at_are_told(gallery):
    made = gallery(*APPLY, "--weights", "away.safetensors", "-o", "out.png")
    assert made.code == 0
    told = "warning: model dunes looks at no features; without effect: --weights away.safetensors"
    assert told in made.err


AGREE = (
    ("--backbone", "vgg16"),
    ("--backbone", "vgg16.oxford"),
    ("--smooth", "none"),
    ("--set", "johnson.width=8"),
    ("--set", "method.blocks=1"),
    ("--set", "johnson.tile=64"),
)


@pytest.mark.parametrize("options", AGREE, ids=" ".join)
def test_options_that_say_what_the_model_says_are_accepted(gallery, options):
    outcome = gallery(*APPLY, *options, "-o", "out.png")
    assert outcome.code == 0, outcome.err


def test_a_loss_s_option_that_the_model_was_trained_with_is_accepted(gallery):
    header = {"run": {"options": {"gram": {"form": "size"}}}}
    make_model(gallery.folder / "own" / "dunes.safetensors", header=header)
    assert gallery(*APPLY, "--set", "gram.form=size").code == 0
    refused = gallery(*APPLY, "--set", "gram.form=sum", "--force")
    assert "with gram.form size, not sum" in refused.complaint


CONTRADICT = (
    (("--backbone", "vgg19"), "with backbone vgg16.oxford, not vgg19"),
    (("--backbone", "vgg16.imagenet1k_v1"), "with backbone vgg16.oxford, not vgg16.imagenet1k_v1"),
    (("--smooth", "tanh"), "with smooth none, not tanh"),
    (("--style-loss", "moments"), "with style_loss gram, not moments"),
    (("--style-layers", "relu1_1=2,relu2_1"), "not relu1_1=2,relu2_1=1"),
    (("--style-weight", "3"), "with style_weight 1.0, not 3.0"),
    (("--balance", "paper"), "with balance relative, not paper"),
    (("--set", "johnson.width=12"), "with johnson.width 8, not 12"),
    (("--set", "gram.form=size"), "with gram.form default, not size"),
    (("--set", "backbone.pooling=average"), "with backbone.pooling default, not average"),
    (("--set", "method.network=classic"), "with johnson.network light, not classic"),
)


@pytest.mark.parametrize(("options", "said"), CONTRADICT, ids=lambda value: str(value[-1]))
def test_an_option_that_contradicts_the_model_prints_the_training_command(gallery, options, said):
    outcome = gallery(*APPLY, *options)
    assert outcome.code == 2
    assert said in outcome.complaint
    command = outcome.complaint.partition("train such a model: ")[2]
    assert command.startswith(f"stylize train johnson {options[0]} ")
    assert command.endswith("--style painting.png --data PHOTOGRAPHS -o MODEL.safetensors")


REFUSED = (
    (("--method", "gatys"), "--model is of trained models, and method gatys applies none"),
    (("--strength", "2"), "train a model with --strength 2"),
    (
        ("--style", "painting.png"),
        "--style painting.png: model dunes has learnt its style and takes photographs only: leave",
    ),
    (("--no-content",), "--no-content: model dunes has learnt its style and takes photographs"),
    (("--set", "gatys.optimizer=adam"), "options of gatys are given, and the method is johnson"),
)


@pytest.mark.parametrize(("options", "said"), REFUSED, ids=lambda value: str(value[-1]))
def test_what_a_model_cannot_do_is_refused(gallery, options, said):
    outcome = gallery(*APPLY, *options)
    assert outcome.code == 2
    assert said in outcome.complaint


def broken(folder: Path) -> dict[str, str]:
    """Write models that cannot be applied; return their messages by name."""
    data = (folder / "dunes.safetensors").read_bytes()
    (folder / "short.safetensors").write_bytes(data[: len(data) // 2])
    (folder / "picture.safetensors").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    make_model(folder / "other.safetensors", header={"method": "gatys"})
    make_model(folder / "gone.safetensors", header={"method": "johnsen"})
    make_model(folder / "newer.safetensors", header={"schema_version": 2, "network": {}})
    return {
        "short": "short.safetensors: is cut short",
        "picture": "picture.safetensors: is cut short, damaged or not safetensors",
        "other": "method gatys applies none",
        "gone": "unknown method 'johnsen'; did you mean johnson?",
        "newer": "has schema 2, this release of stylize reads up to 1",
        "away.safetensors": "away.safetensors: no such file",
        "dune": "did you mean dunes?",
    }


@pytest.mark.parametrize(
    "name", ["short", "picture", "other", "gone", "newer", "away.safetensors", "dune"]
)
def test_a_model_that_cannot_be_applied_is_refused(gallery, name):
    said = broken(gallery.folder / "own")[name]
    outcome = gallery("photo.png", "--model", name, *CPU)
    assert outcome.code == 2
    assert said in outcome.complaint


def test_a_model_of_another_method_than_the_one_asked_for_is_refused(gallery):
    make_model(gallery.folder / "own" / "other.safetensors", header={"method": "gatys"})
    outcome = gallery("photo.png", "--method", "johnson", "--model", "other", *CPU)
    assert outcome.code == 2
    assert "model other is of method gatys, not johnson: use --method gatys" in outcome.complaint


def test_a_method_without_a_model_lists_those_that_there_are(gallery, host):
    spec = host.get(Kind.METHOD, "johnson")
    assert isinstance(spec, MethodSpec)
    settings = make_settings({"method": "johnson"})
    with pytest.raises(UsageError, match=r"give --model with a name \(dunes.*\) or a file"):
        choose_model(host, replace(spec, default_model=None), settings)
    usual = replace(spec, default_model="dunes")
    other = PluginHost(strict=True)
    other.register(plugin_module("usual", [usual]), "stylize-nst")
    chosen = choose_model(other, usual, settings)
    assert chosen is not None
    assert chosen.name == "dunes"


def test_a_method_without_a_stroke_size_names_those_that_have_one(gallery):
    outcome = gallery("photo.png", "painting.png", "--method", "gatys", "--stroke-size", "2")
    assert outcome.code == 2
    assert (
        "--stroke-size 2 is an option of adain, johnson and neighbors, which this run does not use"
        in outcome.complaint
    )
