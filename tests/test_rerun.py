"""`stylize rerun OUT.png`: it repeats the picture, or names a missing or changed input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from command import ENDLESS, SMALL, STEPS, Command
from stylize import Stylizer, make_settings, read_image, read_record
from stylize.files import package_file

PAIR = ("photo.png", "painting.png")


@pytest.fixture
def made(command: Command) -> Command:
    """A folder in which out.png was made."""
    assert command(*PAIR, *STEPS, "--smooth", "tanh", "--seed", "3", "-o", "out.png").code == 0
    return command


def same_pixels(command: Command, *names: str) -> bool:
    first, second = (read_image(command.folder / name).pixels for name in names)
    return torch.equal(first, second)


def edit_record(command: Command, **changes: object) -> None:
    """Rewrite out.png with a changed record; None removes a key."""
    path = command.folder / "out.png"
    record = {**read_record(path), **changes}
    info = PngInfo()
    info.add_text("stylize", json.dumps({k: v for k, v in record.items() if v is not None}))
    with Image.open(path) as image:
        image.load()
    image.save(path, pnginfo=info)


def test_a_rerun_repeats_the_picture_to_the_bit(made):
    outcome = made("rerun", "out.png")
    assert outcome.code == 0
    assert outcome.err.startswith("out_rerun.png: 48x36, 4 steps")
    assert same_pixels(made, "out.png", "out_rerun.png")
    one, two = (read_record(made.folder / name) for name in ("out.png", "out_rerun.png"))
    assert one["losses"] == two["losses"]
    assert one["content"] == two["content"]


def test_a_rerun_of_a_rerun_repeats_it_again(made):
    made("rerun", "out.png")
    assert made("rerun", "out_rerun.png", "-o", "third.jpg").code == 0
    assert read_record(made.folder / "third.jpg")["steps"] == 4


def test_options_under_the_role_and_the_name_are_repeated(command):
    options = ("--preset", "gatys_artistic", "--backbone", "vgg16", "--set", "method.iterations=3")
    optimizer = ("--set", "method.optimizer=adam", "--set", "backbone.pooling=average")
    assert command(*PAIR, *SMALL, *options, *optimizer, "-o", "out.png").code == 0
    assert command("rerun", "out.png").code == 0
    assert same_pixels(command, "out.png", "out_rerun.png")


def test_a_run_that_ran_out_of_time_is_repeated_with_the_steps_it_did(command):
    assert command(*PAIR, *ENDLESS, "--time", "0.6s", "-o", "out.png").code == 0
    outcome = command("rerun", "out.png", "--json")
    (record,) = outcome.records
    assert record["stopped"] == "done"
    assert record["steps"] == read_record(command.folder / "out.png")["steps"]
    assert same_pixels(command, "out.png", "out_rerun.png")


@pytest.mark.parametrize("steps", [2, 5])
def test_a_run_stopped_at_any_scale_is_repeated_with_the_steps_it_did(command, steps):
    options = {"gatys": {"scales": [0.5, 1], "iterations": [3, 4]}}
    stylizer = Stylizer(
        make_settings({"method": "gatys", "size": 48, "precision": "float32", "options": options})
    )

    class Stopper:
        def progressed(self, progress):
            if progress.step == steps:
                stylizer.cancel()

    result = stylizer(*PAIR[:1], PAIR[1:], [Stopper()])
    assert result.stopped == "interrupted"
    result.save("out.png")
    (record,) = command("rerun", "out.png", "--json").records
    assert record["steps"] == steps
    assert same_pixels(command, "out.png", "out_rerun.png")


def test_a_missing_input_is_named_with_the_places_to_put_it(made):
    (made.folder / "photo.png").unlink()
    outcome = made("rerun", "out.png")
    assert outcome.code == 2
    assert "out.png: its input photo.png is missing: put it beside the picture" in outcome.complaint


def test_inputs_are_found_beside_the_picture(made, monkeypatch, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved")
    for name in ("out.png", *PAIR):
        shutil.copy(made.folder / name, moved)
    assert made("rerun", moved / "out.png").code == 0
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert made("rerun", moved / "out.png", "--force").code == 0


def test_inputs_are_found_in_a_folder_given_or_by_their_own_names(made, tmp_path_factory):
    away = tmp_path_factory.mktemp("away")
    for number, name in enumerate(PAIR):
        shutil.move(made.folder / name, away / name)
        shutil.copy(away / name, away / f"{number}.png")
    assert made("rerun", "out.png", "--inputs", away).code == 0
    told = ("--content", away / "0.png", "--style", away / "1.png")
    assert made("rerun", "out.png", *told, "-o", "told.png").code == 0
    assert same_pixels(made, "out.png", "told.png")
    swapped = made("rerun", "out.png", "--content", away / "1.png", "--style", away / "0.png")
    assert swapped.code == 2
    assert "1.png has changed since" in swapped.complaint
    several = made("rerun", "out.png", *told, "--style", away / "1.png")
    assert several.code == 2
    assert "--style is given 2 times, and out.png was made from 1" in several.complaint


def test_a_picture_keeps_the_folders_of_its_inputs_to_itself_unless_asked(command):
    folder = command.folder / "secret"
    folder.mkdir()
    for name in PAIR:
        shutil.move(command.folder / name, folder / name)
    inputs = [folder / name for name in PAIR]
    assert command(*inputs, *STEPS, "-o", "out.png").code == 0
    assert "secret" not in json.dumps(read_record("out.png"))
    assert read_record("out.png")["content"]["name"] == "photo.png"
    assert command("rerun", "out.png", "--inputs", folder).code == 0
    assert command(*inputs, *STEPS, "-o", "full.png", "--record", "full").code == 0
    assert read_record("full.png")["content"]["path"] == str(inputs[0])
    assert command("rerun", "full.png").code == 0
    assert command(*inputs, *STEPS, "-o", "none.png", "--record", "none").code == 0
    assert command("rerun", "none.png").code == 2


def test_a_model_s_file_is_found_beside_the_picture(command, noise_model, tmp_path_factory):
    assert command("photo.png", "--model", noise_model, *SMALL, "-o", "out.png").code == 0
    assert read_record("out.png")["settings"]["model"] == noise_model.name
    shutil.copy(noise_model, command.folder)
    outcome = command("rerun", "out.png")
    assert outcome.code == 0, outcome.err
    assert same_pixels(command, "out.png", "out_rerun.png")


def test_a_changed_input_is_named_and_used_only_on_request(made):
    shutil.copy(made.folder / "photo.png", made.folder / "painting.png")
    with Image.open(made.folder / "photo.png") as image:
        image.transpose(Image.Transpose.ROTATE_180).save(made.folder / "painting.png")
    outcome = made("rerun", "out.png")
    assert outcome.code == 2
    assert "its input painting.png has changed since" in outcome.complaint
    outcome = made("rerun", "out.png", "--changed")
    assert outcome.code == 0
    assert "warning: input painting.png has changed since out.png was made" in outcome.err


def test_the_unchanged_file_is_taken_where_one_of_that_name_has_changed(made, monkeypatch):
    elsewhere = made.folder / "elsewhere"
    elsewhere.mkdir()
    Image.new("RGB", (20, 20)).save(elsewhere / "photo.png")
    monkeypatch.chdir(elsewhere)
    outcome = made("rerun", made.folder / "out.png")
    assert outcome.code == 0, outcome.err
    assert same_pixels(made, "out.png", "out_rerun.png")


def test_a_picture_from_standard_input_cannot_be_rerun_and_says_so(command):
    photo = (command.folder / "photo.png").read_bytes()
    command("-", "painting.png", *STEPS, "-o", "out.png", stdin=photo)
    outcome = command("rerun", "out.png")
    assert outcome.code == 2
    assert "its input standard input was no file" in outcome.complaint


def test_other_weights_are_told(made):
    edit_record(made, weights="0123456789abcdef")
    outcome = made("rerun", "out.png")
    assert outcome.code == 0
    assert "weights was 0123456789abcdef and is " in outcome.err


def change_one_value(path: Path) -> None:
    tensors = load_file(path)
    name = min(tensors)
    tensors[name] = tensors[name] + 0.01
    with safe_open(path, framework="pt") as opened:
        metadata = opened.metadata()
    save_file(tensors, path, metadata)


@pytest.mark.parametrize("kind", ["model", "weights"])
def test_a_file_of_weights_is_found_or_said_to_be_missing_or_changed(command, noise_model, kind):
    file, kept = command.folder / "mine.safetensors", command.folder / "kept"
    kept.mkdir()
    embedded = package_file("stylize_vgg:vgg16-oxford.safetensors")
    shutil.copy(noise_model if kind == "model" else embedded, file)
    shutil.copy(file, kept)
    inputs, options = (PAIR[:1], SMALL) if kind == "model" else (PAIR, STEPS)
    assert command(*inputs, f"--{kind}", file.name, *options, "-o", "out.png").code == 0
    change_one_value(file)
    changed = command("rerun", "out.png")
    assert changed.code == 2
    assert f"its {kind} file mine.safetensors has changed since: name the " in changed.complaint
    assert command("rerun", "out.png", "--changed", "-o", "other.png").code == 0
    file.unlink()
    missing = command("rerun", "out.png")
    assert missing.code == 2
    assert missing.complaint.startswith(
        f"stylize: out.png: its {kind} file mine.safetensors is missing: put"
    )
    assert "name its folder with --inputs" in missing.complaint
    assert command("rerun", "out.png", "--inputs", kept).code == 0
    assert same_pixels(command, "out.png", "out_rerun.png")


def test_a_texture_and_a_reconstruction_are_repeated(command):
    for name, arguments in {
        "texture.png": ("--no-content", "painting.png"),
        "content.png": ("--no-style", "photo.png"),
    }.items():
        assert command(*arguments, *STEPS, "-o", name).code == 0
        assert command("rerun", name, "-o", f"again_{name}").code == 0
        assert same_pixels(command, name, f"again_{name}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("photo.png", "photo.png: has no stylize record: only pictures made by stylize can be"),
        ("missing.png", "missing.png: no such file"),
        (".", "is a folder"),
    ],
)
def test_what_stylize_did_not_make_is_refused(command, name, message):
    outcome = command("rerun", name)
    assert outcome.code == 2
    assert message in outcome.complaint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": None}, "its stylize record is damaged (at settings)"),
        ({"styles": [{"name": "x"}]}, "damaged (at styles.0.path, styles.0.sha256)"),
        ({"settings": {"method": "teleport"}}, "made by stylize 9: unknown method 'teleport'"),
        ({"settings": {"glow": 1}}, "made by stylize 9: unknown setting 'glow'"),
        ({"settings": {"options": 3}}, "made by stylize 9: options is 3"),
    ],
)
def test_a_record_of_another_version_or_a_damaged_one_is_one_line(made, changes, message):
    edit_record(made, stylize="9", **changes)
    outcome = made("rerun", "out.png")
    assert outcome.code == 2
    assert message in outcome.complaint
    assert made.files == {"out.png"}


def test_a_rerun_never_overwrites_its_picture_or_inputs(made):
    assert "out.png: exists" in made("rerun", "out.png", "-o", "out.png").complaint
    assert "is an input" in made("rerun", "out.png", "-o", "photo.png", "--force").complaint


def test_what_makes_a_rerun_differ_is_in_its_json_too(made):
    edit_record(made, torch="1.0", weights="0123456789abcdef")
    outcome = made("rerun", "out.png", "--json")
    assert outcome.code == 0
    printed = outcome.err.splitlines()
    found = outcome.records[0]["warnings"]
    assert printed == [f"stylize: warning: {warning}" for warning in found]
    assert [warning.split()[0] for warning in found] == ["weights", "torch"]


def test_another_device_can_be_given(made):
    edit_record(
        made, settings={**read_record(made.folder / "out.png")["settings"], "device": "xpu"}
    )
    outcome = made("rerun", "out.png")
    assert outcome.code == 2
    assert "device 'xpu' cannot be used" in outcome.complaint
    assert made("rerun", "out.png", "--device", "cpu").code == 0
