"""`stylize train`, from the words to the model file, the messages and the exit codes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps

from command import Command, Outcome
from small_training import TRAIN, make_model, make_photographs
from stylize import read_header
from stylize.command import progress
from stylize_johnson.task import JohnsonTask
from stylize_train.data import Photographs, find_photographs
from stylize_train.settings import TrainingSettings

MODEL = "dunes.safetensors"
LINE = (*TRAIN, "-o", MODEL)


@pytest.fixture
def studio(command: Command) -> Command:
    """The command in a folder with photographs to train on."""
    make_photographs(command.folder / "photographs")
    return command


def test_a_trained_model_makes_a_picture(studio):
    outcome = studio(*LINE, "--summary", "Sand", "--license", "CC0-1.0")
    assert outcome.code == 0, outcome.err
    assert f"{MODEL}: 2 of 2 steps" in outcome.err
    header = read_header(studio.folder / MODEL)
    assert (header.steps, header.summary, header.license) == (2, "Sand", "CC0-1.0")
    made = studio("--model", MODEL, "photo.png", "-o", "out.png", "--device", "cpu", "--json")
    assert made.code == 0, made.err
    assert made.records[0]["settings"]["method"] == "johnson"
    with Image.open(studio.folder / "out.png") as picture:
        assert picture.size == (48, 36)


def test_quiet_training_says_nothing(studio):
    outcome = studio(*LINE, "--quiet")
    assert (outcome.code, outcome.err, outcome.out) == (0, "", "")


def test_progress_may_do_without_figures(studio, monkeypatch):
    monkeypatch.setattr(progress, "ProgressLines", partial(progress.ProgressLines, every=0))
    figures, plain = (studio(*LINE, *words).err for words in ((), ("--plain", "--force")))
    assert re.search(r"\d images/s, step 2 of 2 content .* style .*, 0 min left", figures)
    assert "step 2 of 2, 0 min left" in plain.splitlines()
    assert "images/s" not in plain


def test_a_model_or_a_checkpoint_that_exists_is_not_trained_over(studio):
    assert studio(*LINE, "-q").code == 0
    refused = studio(*LINE)
    assert refused.code == 2
    assert "continue with --resume, start over with --force" in refused.complaint
    (studio.folder / MODEL).unlink()
    assert "checkpoint.pt: exists" in studio(*LINE).complaint
    assert studio(*LINE, "--force", "-q", "--seed", "1").code == 0
    assert read_header(studio.folder / MODEL).run["seed"] == 1


def test_resume_goes_on_to_more_steps(studio):
    assert studio(*LINE, "-q").code == 0
    outcome = studio(*LINE, "--resume", "--steps", "3")
    assert outcome.code == 0
    assert "3 of 3 steps" in outcome.err
    assert read_header(studio.folder / MODEL).steps == 3


def test_ctrl_c_saves_checkpoint_and_model_and_says_how_to_go_on(studio, monkeypatch):
    honest = JohnsonTask.loss
    seen = []

    def loss(task, network, batch):
        seen.append(batch)
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return honest(task, network, batch)

    monkeypatch.setattr(JohnsonTask, "loss", loss)
    outcome = studio(*LINE, "--steps", "50")
    assert outcome.code == 130
    assert "2 of 50 steps" in outcome.err
    assert "preview.jpg: what it paints after step 2" in outcome.err
    assert "the same command with --resume continues" in outcome.err
    assert read_header(studio.folder / MODEL).steps == 2
    assert (studio.folder / "dunes.training" / "checkpoint.pt").exists()


def test_ctrl_c_before_the_first_step_is_one_line_and_leaves_nothing(studio, monkeypatch):
    honest = JohnsonTask.__init__

    def build(*arguments, **settings):
        os.kill(os.getpid(), signal.SIGINT)
        honest(*arguments, **settings)

    monkeypatch.setattr(JohnsonTask, "__init__", build)
    before = studio.files
    outcome = studio(*LINE, "-q")
    assert (outcome.code, outcome.err.strip()) == (130, "stylize: interrupted")
    assert studio.files == before


def test_where_the_preview_is_is_said_at_the_start(studio):
    said = studio(*LINE, "--validate-every", "2").err.splitlines()
    preview = Path("dunes.training") / "preview.jpg"
    assert said[0] == f"{preview}: what it paints so far, new every 2 steps"
    assert (studio.folder / preview).is_file()


@pytest.mark.skipif(os.name == "nt", reason="needs groups of processes")
def test_a_signal_to_the_whole_group_saves_too(studio):
    """As timeout and systemd do: it also reaches the workers that read photographs."""
    long = (*LINE, "--workers", "1", "--steps", "100000", "--log-every", "1")
    process = subprocess.Popen(
        [sys.executable, "-m", "stylize", *long],
        cwd=studio.folder, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    kept = studio.folder / "dunes.training"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if (kept / "metrics.csv").exists() and (kept / "metrics.csv").read_text().count("\n") > 3:
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "the same command with --resume continues" in err
    assert (kept / "checkpoint.pt").exists()


def test_a_time_limit_is_no_failure(studio):
    outcome = studio(*LINE, "--steps", "100000", "--time", "4s")
    assert outcome.code == 0
    assert "stopped early" in outcome.err


def test_bad_and_small_photographs_are_warnings(studio):
    (studio.folder / "photographs" / "bad.jpg").write_bytes(b"no picture")
    outcome = studio(*LINE, "-q", "--steps", "14", "--crop", "64")
    assert outcome.code == 0
    warnings = outcome.err.splitlines()
    assert len(warnings) == 2
    assert all(line.startswith("stylize: warning: ") for line in warnings)
    assert sum("bad.jpg" in line for line in warnings) == 1
    assert sum("smaller than the crop of 64" in line for line in warnings) == 1


def test_a_preset_of_another_method_is_rejected(studio):
    arguments = ("johnson", "--preset", "adain_swap", "--style", "painting.png")
    rest = ("--data", "photos", "-o", "x.safetensors")
    outcome = studio("train", *arguments, *rest)
    assert outcome.code == 2
    assert "--preset adain_swap is of method adain, not johnson" in outcome.complaint
    assert outcome.complaint.endswith("(see stylize presets), or train adain")
    untrained = studio("train", "johnson", "--preset", "swag", *arguments[3:], *rest)
    assert untrained.complaint.endswith("choose another preset (see stylize presets)")


def test_a_preset_gives_settings_of_run_and_training_and_options_go_over_it(studio):
    outcome = studio(*LINE, "-q", "-p", "johnson_quick", "--set", "johnson.blocks=2")
    assert outcome.code == 0, outcome.err
    header = read_header(studio.folder / MODEL)
    assert header.training["schedule"] == "cosine"
    assert header.training["crop"] == 32
    assert (header.network["width"], header.network["blocks"]) == (8, 2)


@pytest.mark.parametrize("name", ["first.safetensors", "first"])
def test_init_starts_from_a_model_by_file_or_name(studio, monkeypatch, name):
    monkeypatch.setenv("STYLIZE_MODELS", str(studio.folder))
    make_model(studio.folder / "first.safetensors")
    assert studio(*LINE, "-q", "--init", name).code == 0
    assert read_header(studio.folder / MODEL).steps == 2 + 2


def without(option: str) -> tuple[str, ...]:
    at = LINE.index(option)
    return (*LINE[:at], *LINE[at + 2 :])


REFUSED = {
    "of a method that applies no model": (
        ("train", "gatys", *LINE[2:]),
        "method gatys applies no model: there is nothing to train",
    ),
    "of an unknown method": (("train", "jonson", *LINE[2:]), "did you mean johnson?"),
    "of an unknown method, with nothing else": (("train", "jonson"), "did you mean johnson?"),
    "of a method without a model": (("train", "gatys"), "gatys applies no model: there is nothing"),
    "without a painting": (without("--style"), "give --style FILE"),
    "on a folder of paintings": ((*LINE, "--styles", "photographs"), "give --style FILE"),
    "on no folder": ((*LINE, "--data", "away"), "--data away: is no folder"),
    "on an empty folder": ((*LINE, "--data", "empty"), "--data empty: no pictures in it"),
    "on a missing painting": ((*LINE, "--style", "away.png"), "away.png: "),
    "on a blank painting": ((*without("--style"), "-s", "blank.png"), "is a single colour"),
    "into another format": (
        (*LINE, "-o", "dunes.pt"),
        "ends in .safetensors: use dunes.safetensors",
    ),
    "into what is a folder": ((*LINE, "-f", "-o", "."), "-o .: is a folder: name a file"),
    "into no folder": ((*LINE, "-o", "away/dunes.safetensors"), "there is no folder away: make it"),
    "both again and on": ((*LINE, "--resume", "--force"), "leave one out"),
    "on from nothing": ((*LINE, "--resume"), "leave out --resume to start over"),
    "from no model": ((*LINE, "--init", "photo.png"), "photo.png: is cut short, damaged or not"),
    "from another method's": (
        (*LINE, "--init", "other.safetensors"),
        "is of method gatys, not johnson",
    ),
    "from another width": (
        (*LINE, "--init", "wide.safetensors"),
        "--set johnson.width=12",
    ),
    "with a crop of nothing": ((*LINE, "--crop", "3"), "crop is '3': "),
    "with steps in words": ((*LINE, "--steps", "many"), "steps is 'many': "),
    "with a wrong setting": ((*LINE, "--set", "johnson.width=1"), "width"),
    "with shares of nothing": ((*LINE, "--style-weights", "1,2"), "style_weights has 2 numbers"),
    "with an option that it has not": ((*LINE, "--step", "1"), "did you mean --steps?"),
}


@pytest.mark.parametrize(("line", "said"), REFUSED.values(), ids=REFUSED)
def test_training_is_refused(studio, line, said):
    (studio.folder / "empty").mkdir()
    Image.new("RGB", (40, 40), "teal").save(studio.folder / "blank.png")
    make_model(studio.folder / "other.safetensors", header={"method": "gatys"})
    make_model(studio.folder / "wide.safetensors", width=12)
    outcome = studio(*line)
    assert outcome.code == 2
    assert said in outcome.complaint
    assert not (studio.folder / MODEL).exists()


def test_a_folder_of_broken_pictures_is_a_failure_of_one_line(studio):
    for path in (studio.folder / "photographs").rglob("*.png"):
        path.write_bytes(b"no picture")
    outcome = studio(*LINE)
    assert outcome.code == 1
    assert "none of 6 pictures in a row can be used" in outcome.complaint


def unavailable(outcome: Outcome, remedy: str) -> None:
    assert outcome.code == 3
    assert remedy in outcome.complaint


def test_weights_that_are_not_there_are_unavailable(studio, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    unavailable(studio(*LINE, "--backbone", "vgg19"), "--weights")


def test_training_without_its_extra_names_it(studio, monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    unavailable(studio(*LINE), "pip install 'stylize-nst[train]'")


def test_a_loss_that_is_not_finite_is_a_failure_that_says_the_step(studio, monkeypatch):
    honest = JohnsonTask.loss

    def loss(task, network, batch):
        total, terms = honest(task, network, batch)
        return total * float("inf"), terms

    monkeypatch.setattr(JohnsonTask, "loss", loss)
    outcome = studio(*LINE)
    assert outcome.code == 1
    assert "not finite at step 1" in outcome.complaint


# Pairs: photographs, and pictures that a slower method made from them.


def test_pairs_teach_the_pictures_and_not_the_painting(studio):
    photographs = sorted((studio.folder / "photographs").rglob("*.png"))
    taught = studio.folder / "taught"
    taught.mkdir()
    for file in photographs[1:]:  # one has no picture
        with Image.open(file) as photograph:
            ImageOps.invert(photograph.convert("RGB")).save(taught / f"{file.stem}_style.png")
    line = (*LINE, "--pictures", "taught", "--steps", "40", "--learning-rate", "0.01")
    outcome = studio(*line)
    assert outcome.code == 0, outcome.err
    assert "photographs without one are skipped: 1" in outcome.err
    lines = (studio.folder / "dunes.training" / "metrics.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines]
    first, *_, last = (float(row[3]) for row in rows if row[1:3] == ["training", "colours"])
    assert last < first


def test_a_pair_is_framed_alike(studio):
    folder = studio.folder / "photographs"
    files = find_photographs(folder)
    settings = TrainingSettings(crop=32)
    pairs = Photographs(files, settings, seed=3, taught={file: file for file in files})
    for number in range(8):
        sample = pairs[number]
        assert sample.picture is not None
        assert torch.equal(sample.pixels, sample.picture)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*LINE, "--pictures", "none"), "--pictures none: is no folder"),
        ((*LINE, "--pictures", "photographs/more/.."), None),
        (
            ("train", "adain", "--data", "photographs", "--styles", "photographs", "-o", MODEL,
             "--pictures", "photographs", "--device", "cpu"),
            "adain does not learn from pairs",
        ),
    ],
)  # fmt: skip
def test_pictures_that_teach_nothing_are_refused(studio, words, said):
    outcome = studio(*words, "-q")
    assert outcome.code == (2 if said else 0), outcome.err
    assert (said or "") in outcome.err


def test_pictures_of_other_photographs_are_refused_with_how_to_make_them(studio):
    (studio.folder / "other").mkdir()
    with Image.open(studio.folder / "photo.png") as picture:
        picture.save(studio.folder / "other" / "elsewhere.png")
    assert "make them with stylize" in studio(*LINE, "--pictures", "other").complaint
