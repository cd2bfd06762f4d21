"""`stylize learn`: a painting becomes a model with a name."""

from __future__ import annotations

import hashlib
import os
import signal
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from command import Command
from small_training import make_model
from stylize import extras, find_model, read_header, read_image, stylize_image, write_model
from stylize.errors import ModelError, UsageError
from stylize_johnson.task import JohnsonTask
from stylize_models import learning
from stylize_models.nearest import nearest_model
from stylize_models.sheet import demo_file
from stylize_train.previews import CAPTION

CPU = ("--device", "cpu", "--precision", "float32", "--size", "64")


@pytest.fixture
def studio(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with its own, still empty, folder of models."""
    monkeypatch.setenv("STYLIZE_MODELS", str(command.folder / "own"))
    return command


def pixels(path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_a_learned_painting_paints_like_the_painting_itself_and_repeats(studio):
    learned = studio("learn", "painting.png", "--name", "mine", "--license", "CC0-1.0")
    assert learned.code == 0, learned.err
    assert "stylize --model mine photo.jpg" in learned.err
    folder = studio.folder
    assert studio("--model", "mine", "photo.png", "-o", "named.png", *CPU).code == 0
    given = ("--method", "adain", "photo.png", "painting.png", "-o", "given.png", *CPU)
    assert studio(*given).code == 0
    # The painting is stored as a JPEG file, which changes it a little.
    far = np.abs(pixels(folder / "named.png") - pixels(folder / "given.png")).mean()
    changed = np.abs(pixels(folder / "named.png") - pixels(folder / "photo.png")).mean()
    assert far < changed / 3
    assert studio("rerun", "named.png", "-o", "again.png").code == 0
    assert (pixels(folder / "again.png") == pixels(folder / "named.png")).all()
    assert "mine" in studio("models", "list").out
    assert read_header(folder / "own" / "mine.safetensors").license == "CC0-1.0"


# A training of two steps.
TINY = "--steps 2 --crop 48 --batch 1 --workers 0 --style-size 64 --device cpu"
OWN = ("--set", "johnson.width=8", "--set", "johnson.blocks=1", "--set", "johnson.scales=1")


def test_a_network_of_a_painting_is_trained_without_photographs_at_hand(studio, monkeypatch, host):
    monkeypatch.setattr(learning, "TRAINING", (*learning.TRAINING, *TINY.split()))
    start = make_model(studio.folder / "start.safetensors", width=8, network="deep", blocks=1)
    line = ("learn", "painting.png", "--network", "--model", start.name, "--license", "CC0-1.0")
    learned = studio(*line, *OWN)
    assert learned.code == 0, learned.err
    assert "stylize train johnson --preset johnson_learn" in learned.err
    preview = studio.folder / "own" / "painting.training" / "preview.jpg"
    assert f"{preview}: what it paints so far, new every 20 steps" in learned.err
    with Image.open(preview) as shown:
        assert shown.size == (3 * 48, 2 * 48 + CAPTION)  # the package's, above its pictures
    header = find_model(host, "painting").header
    assert (header.method, header.license) == ("johnson", "CC0-1.0")
    assert header.steps == read_header(start).steps + 2
    assert f"{preview}: what it paints after step 2" in learned.err
    assert "to paint with it: stylize --model painting photo.jpg" in learned.err
    assert (
        "trained    2 steps, from start (2 steps), on 3" in studio("models", "show", "painting").out
    )
    assert [style.name for style in header.styles] == ["painting.png"]
    assert studio("--model", "painting", "photo.png", "-o", "made.png", *CPU).code == 0
    assert "--force" in studio(*line, *OWN).complaint
    assert studio("learn", "painting.png", "--network", "--name", "signac").code == 2


def test_a_network_that_was_stopped_is_continued_by_the_same_line(studio, monkeypatch, host):
    monkeypatch.setattr(
        learning, "TRAINING", (*learning.TRAINING, *TINY.replace("2", "4", 1).split())
    )
    start = make_model(studio.folder / "start.safetensors", width=8, network="deep", blocks=1)
    line = ("learn", "painting.png", "--network", "--model", start.name, *OWN)
    assert studio(*line, "--name", "whole").code == 0
    with monkeypatch.context() as patched:
        interrupt_at(2, patched)
        stopped = studio(*line)
    assert stopped.code == 130
    assert "2 of 4 steps" in stopped.err
    assert "stopped early: the same command with --resume continues" in stopped.err
    assert "continue its training with --network --resume" in studio(*line).complaint
    resumed = studio("learn", "painting.png", "--network", "--resume", *OWN)
    assert resumed.code == 0, resumed.err
    assert "4 of 4 steps" in resumed.err
    assert "starts from" not in resumed.err
    whole, broken = (find_model(host, name) for name in ("whole", "painting"))
    assert broken.header == whole.header
    first, second = whole.tensors(), broken.tensors()
    assert all(torch.equal(first[name], second[name]) for name in first)


def interrupt_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Ctrl-C come in a step of a training, counted from 1."""
    honest, seen = JohnsonTask.loss, []

    def loss(task, network, batch):
        seen.append(batch)
        if len(seen) == step:
            os.kill(os.getpid(), signal.SIGINT)
        return honest(task, network, batch)

    monkeypatch.setattr(JohnsonTask, "loss", loss)


@pytest.fixture
def lines(monkeypatch) -> list[list[str]]:
    """The trainings that would be run, instead of running them."""
    ran: list[list[str]] = []
    training = learning._training

    def note(*arguments: Any) -> list[str]:
        ran.append(training(*arguments))
        return ["presets"]

    monkeypatch.setattr(learning, "_training", note)
    return ran


def test_a_network_starts_from_the_nearest_one_unless_another_is_given(studio, lines):
    painting = str(demo_file("starry_night.jpg"))
    chosen = studio("learn", painting, "--network", "--name", "mine")
    assert "starts from starry_night, the nearest in strokes of 12 included networks" in chosen.err
    assert "--model NAME takes another" in chosen.err
    given = studio("learn", painting, "--network", "--name", "mine", "--model", "mondrian")
    assert "starts from" not in given.err
    assert [line[line.index("--init") + 1] for line in lines] == ["starry_night", "mondrian"]


def test_a_network_without_its_extra_is_refused_before_a_start_is_looked_for(studio, monkeypatch):
    there = extras.find_spec
    monkeypatch.setattr(
        extras, "find_spec", lambda name: None if name == "accelerate" else there(name)
    )
    refused = studio("learn", "painting.png", "--network")
    assert refused.code == 3
    assert "pip install 'stylize-nst[train]'" in refused.complaint
    assert "starts from" not in refused.err


@pytest.mark.parametrize(
    ("painting", "own"), [("mosaic", "mosaic_fast"), ("kandinsky", "kandinsky_fast")]
)
def test_a_painting_in_other_colours_is_nearest_to_its_own_network(host, painting, own):
    known = [find_model(host, name) for name in (own, "starry_night", "red_chalk", "wheat_field")]
    (stored,) = find_model(host, painting).paintings()
    pixels = 1 - read_image(stored).pixels.roll(1, dims=1)
    assert nearest_model(host, pixels, known, "cpu").name == own


def test_the_nearest_network_is_one_that_fits_the_settings(studio, lines):
    refused = studio("learn", "painting.png", "--network", "--set", "johnson.width=8")
    assert "--set johnson.width=8: no included network is so" in refused.complaint
    assert not lines


def test_a_painting_from_standard_input_is_learnt_under_a_name(studio, host):
    data = (studio.folder / "painting.png").read_bytes()
    learned = studio("learn", "-", "--name", "mine", stdin=data)
    assert learned.code == 0, learned.err
    header = find_model(host, "mine").header
    assert header.styles[0].name == "mine"
    assert header.styles[0].sha256 == hashlib.sha256(data).hexdigest()


def test_an_unfinished_network_is_replaced_only_if_forced_and_then_leaves_nothing(studio, lines):
    kept = studio.folder / "own" / "painting.training"
    kept.mkdir(parents=True)
    (kept / "checkpoint.pt").write_bytes(b"of a network")
    for words in ((), ("--network", "--model", "mosaic_fast")):
        refused = studio("learn", "painting.png", *words)
        assert refused.code == 2
        assert "exists: continue its training with --network --resume" in refused.complaint
    assert not lines
    assert studio("learn", "painting.png", "--force").code == 0
    assert not kept.exists()


def test_settings_that_suit_a_painting_are_kept_and_give_way(studio, host):
    assert studio("learn", "painting.png", "--set", "adain.stroke_size=2").code == 0
    assert find_model(host, "painting").header.usual == {"stroke_size": 2.0}
    made = studio("--model", "painting", "photo.png", "-o", "a.png", "--json", *CPU)
    assert made.records[0]["settings"]["options"]["adain"]["stroke_size"] == 2.0
    line = ("--model", "painting", "photo.png", "-o", "b.png", "--json", "--stroke-size", "1", *CPU)
    assert float(studio(*line).records[0]["settings"]["options"]["adain"]["stroke_size"]) == 1.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("learn", "photo.txt"), "photo.txt"),
        (("learn", "painting.png", "--model", "mosaic"), "takes any"),
        (("learn", "painting.png", "-o", "mine.png"), "ends in .safetensors: use mine.safetensors"),
        (("learn", "painting.png", "--name", "any"), "any"),
        (("learn", "painting.png", "--name", "any", "--force"), "the model that paints"),
        (("learn", "painting.png", "--name", "night_cafe"), "included"),
        (("learn", "painting.png", "--name", "../mine"), "letters"),
        (("learn", "painting.png", "--name", ""), "letters"),
        (("learn", "flat.png"), "a single colour"),
        (("learn", "flat.png", "--network"), "a single colour"),
        (("learn", "thin.png", "--network"), "each side needs 32"),
        (("learn", "painting.png", "--network", "--model", "any"), "network of one, or leave it"),
        (("learn", "painting.png", "--resume"), "of a network: add --network"),
        (("learn", "painting.png", "--network", "--resume", "--force"), "leave one out"),
        (
            ("learn", "painting.png", "--network", "--resume", "--model", "mosaic_fast"),
            "--model mosaic_fast starts from there: leave one out",
        ),
        (("learn", "painting.png", "--network", "--resume"), "leave out --resume to start over"),
        (("learn", "painting.png", "-o", "."), ".: is a folder: name a file, as -o mine.safet"),
        (("learn", "painting.png", "-f", "-o", "folder.safetensors"), "is a folder: name a file"),
        (("learn", "-"), "standard input has no name: give the style one"),
        (("learn", "-", "--network", "--name", "mine"), "-: a training reads its painting again"),
        (("learn", "thin.png"), "each side needs 32"),
        (("learn", "painting.png", "--set", "adain.stroke_size=0"), "stroke_size"),
        (("--model", "mosaic", "photo.png", "--style", "painting.png"), "--style"),
        (("train", "adain", "--init", "mosaic", "--data", ".", "--styles", ".",
          "-o", "m.safetensors"), "mosaic"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_or_given_is_an_error_that_names_it(studio, words, said):
    Image.new("RGB", (80, 80), "green").save(studio.folder / "flat.png")
    Image.effect_noise((2000, 3), 60).save(studio.folder / "thin.png")
    (studio.folder / "folder.safetensors").mkdir()
    refused = studio(*words)
    assert refused.code == 2, refused.err
    assert said in refused.complaint


def test_a_file_of_the_base_s_name_does_not_take_its_place(studio, host):
    assert studio("learn", "painting.png", "--name", "mine").code == 0
    own = studio.folder / "own"
    (own / "mine.safetensors").rename(own / "any.safetensors")
    base = find_model(host, "mosaic").base
    assert base is not None
    assert base.path == find_model(host, "stylize-nst:any").path


def test_a_painting_beside_a_model_that_has_one_is_an_error_in_python_too(host):
    noise = Image.effect_noise((64, 64), 60)
    with pytest.raises(UsageError, match="leave styles out"):
        stylize_image(noise, noise, host=host, model="mosaic", size=64)


def test_a_style_is_not_replaced_unless_forced(studio):
    assert studio("learn", "painting.png").code == 0
    assert "--force" in studio("learn", "painting.png").complaint
    assert studio("learn", "painting.png", "--force").code == 0


def test_a_base_that_is_gone_or_a_painting_itself_is_told(studio, host):
    own = studio.folder / "own"
    assert studio("learn", "painting.png", "--name", "mine").code == 0
    model = find_model(host, "mine")
    for base, said in (("gone", "not installed"), ("mosaic", "learn it again")):
        header = model.header.model_copy(update={"base": base})
        write_model(own / "mine.safetensors", header, model._load())
        with pytest.raises(ModelError, match=said):
            find_model(host, "mine")
    empty = make_model(own / "empty.safetensors", header={"base": "any"})
    with pytest.raises(ModelError, match="holds no painting"):
        find_model(host, str(empty)).paintings()


def test_every_shipped_painting_has_a_licence_and_is_told_apart(host):
    shipped = [find_model(host, name) for name in ("mosaic", "kandinsky", "auvers")]
    assert len({model.fingerprint() for model in shipped}) == len(shipped)
    any_ = find_model(host, "any")
    for model in shipped:
        assert model.header.license
        assert model.base == replace(any_, name="any")
        assert model.header.network == any_.header.network
