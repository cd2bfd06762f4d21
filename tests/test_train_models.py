"""examples/train_models.py: every model, within a given time, stopped and resumed."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from scratch import parse
from small_training import make_photographs
from stylize import Kind, find_model, read_header
from stylize.testing.hosts import builtin_host

SCRIPT = Path(__file__).parents[1] / "examples" / "train_models.py"
SMALL = shlex.split("--crop 48 --batch 1 --workers 0 --validation 0 --precision float32")
JOHNSON = shlex.split(
    "--style-size 64 --content-layers conv2_1 --style-layers relu1_1 "
    "--set johnson.width=8 --set johnson.blocks=1"
)
ADAIN = shlex.split("--style-layers relu1_1 --set adain.width=0.05")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_models", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["train_models"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Photographs, paintings, and the folder for models."""
    make_photographs(tmp_path / "photographs")
    make_photographs(tmp_path / "paintings", count=2)
    (tmp_path / "paintings" / "00.png").rename(tmp_path / "paintings" / "mosaic.png")
    return [str(tmp_path / name) for name in ("photographs", "paintings", "out")]


# The recipes.


def test_every_model_that_the_package_ships_has_a_recipe_of_its_network(script):
    host = builtin_host()
    trained = {name for name in host.names(Kind.MODEL) if not find_model(host, name).base}
    assert set(script.RECIPES) == trained
    for name, recipe in script.RECIPES.items():
        header = find_model(host, name).header
        assert header.method == recipe.method
        if recipe.method == "johnson":
            assert f"johnson.width={header.network['width']}" in recipe.options


def test_recipes_have_options_that_training_takes(script):
    host = builtin_host()
    for name, recipe in script.RECIPES.items():
        for stage in recipe.stages:
            line = shlex.split(f"train {recipe.method} {recipe.options} {stage.options}")
            path, params = parse(host, [*line, "--data", "photos", "-o", "model.safetensors"])
            assert path == "train", name
            batch, crop = int(params["batch"] or 2), int(params["crop"] or 192)
            assert stage.cost == batch * crop**2, f"{name}: {stage.options}"


# The time.


class Trainer:
    """Records the time that it is given, and uses some of it."""

    def __init__(self, used: float, spent: dict[str, float], done: set[str]) -> None:
        self.progress = SimpleNamespace(seconds=spent)
        self.used = used
        self.done = done
        self.given: dict[str, float] = {}
        self.codes: dict[str, int] = {}

    def is_done(self, name: str) -> bool:
        return name in self.done

    def model(self, name: str, seconds: float) -> int:
        self.given[name] = seconds
        clock.now += min(self.used, seconds)
        return self.codes.get(name, 0)


clock = SimpleNamespace(now=0.0)


@pytest.fixture
def trainer(monkeypatch, script):
    monkeypatch.setattr(script, "time", SimpleNamespace(monotonic=lambda: clock.now))

    def make(used: float = 1e9, spent: Any = None, done: Any = ()) -> Trainer:
        return Trainer(used, spent or {}, set(done))

    return make


def test_any_gets_a_third_and_the_others_share_the_rest(script, trainer):
    made = trainer()
    assert script.train_all(made, list(script.RECIPES), 900) == []
    assert made.given.pop("any") == pytest.approx(300)
    assert list(made.given.values()) == pytest.approx([150] * 4)


def test_one_model_alone_gets_all_and_what_is_left_goes_on(script, trainer):
    made = trainer()
    script.train_all(made, ["any"], 60)
    assert made.given == {"any": pytest.approx(60)}
    made = trainer(used=10)
    script.train_all(made, ["mosaic_fast", "great_wave_fast"], 60)
    assert made.given == {"mosaic_fast": pytest.approx(30), "great_wave_fast": pytest.approx(50)}


def test_time_that_was_used_and_models_that_are_done_count(script, trainer, capsys):
    made = trainer(spent={"mosaic_fast": 40.0}, done={"mosaic_fast"})
    script.train_all(made, ["mosaic_fast", "great_wave_fast"], 60)
    assert made.given == {"great_wave_fast": pytest.approx(20)}
    made = trainer(spent={"mosaic_fast": 60.0}, done={"mosaic_fast"})
    script.train_all(made, ["mosaic_fast", "great_wave_fast"], 60)
    assert made.given == {}
    assert "more --minutes" in capsys.readouterr().out


def test_an_interruption_ends_it_and_a_failure_does_not(script, trainer):
    made = trainer()
    made.codes = {"mosaic_fast": 1}
    assert script.train_all(made, ["mosaic_fast", "great_wave_fast"], 60) == [1]
    assert set(made.given) == {"mosaic_fast", "great_wave_fast"}
    made = trainer()
    made.codes = {"mosaic_fast": 130}
    assert script.train_all(made, ["mosaic_fast", "great_wave_fast"], 60) == [130]
    assert set(made.given) == {"mosaic_fast"}


# The whole script.


def test_bad_input_is_told_in_a_line(script, folders, capsys):
    photographs, paintings, out = folders
    assert script.main([f"{photographs}/no", paintings, out]) == 2
    assert "not a folder with pictures" in capsys.readouterr().err
    assert script.main([photographs, paintings, out, "--only", "great_wave_fast"]) == 2
    assert "no painting great_wave.*" in capsys.readouterr().err
    assert not Path(out).exists()


@pytest.mark.slow
def test_a_model_of_any_painting_is_made_in_two_steps_a_stage(
    script, folders, monkeypatch, tmp_path
):
    recipe = script.RECIPES["any"]
    short = dataclasses.replace(recipe, stages=recipe.stages[:2])
    monkeypatch.setitem(script.RECIPES, "any", short)
    options = ["--only", "any", "--longer", "0.0001", "--device", "cpu"]
    assert script.main([*folders, *options, "--", *SMALL, *ADAIN]) == 0
    assert read_header(tmp_path / "out" / "any.safetensors").steps == 4
    assert len(list((tmp_path / "out" / "styles").iterdir())) == 2 * script.TIMES
    with Image.open(tmp_path / "out" / "previews.jpg") as sheet:
        assert sheet.width == 2 * script.SIDE


@pytest.mark.slow
def test_a_killed_run_goes_on_and_a_longer_one_finishes(script, folders, tmp_path):
    line = [*folders, "--only", "mosaic_fast", "--longer", "0.2", "--device", "cpu"]
    passed = ["--", *SMALL, *JOHNSON]
    checkpoint = tmp_path / "out" / "stages" / "mosaic_fast_1.training" / "checkpoint.pt"
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), *line, *passed, "--checkpoint-every", "1"],
        env={**os.environ, "STYLIZE_OFFLINE": "1"},
    ) as process:
        while not checkpoint.exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    reached = step_of(checkpoint)
    assert reached < 70  # in the middle of the first stage
    # Time cuts it short, but a second stage begins all the same.
    assert script.main([*line, "--minutes", "0.03", *passed]) == 0
    assert step_of(checkpoint) > reached
    model = tmp_path / "out" / "mosaic_fast.safetensors"
    early = read_header(model).steps
    assert early < 70 + 160
    assert (tmp_path / "out" / "previews.jpg").exists()
    assert script.main([*line, "--minutes", "5", *passed]) == 0
    assert read_header(model).steps == step_of(checkpoint) + 160
    assert script.main([*line, "--minutes", "5", *passed]) == 0  # nothing is left to do


def step_of(checkpoint: Path) -> int:
    return int(torch.load(checkpoint, weights_only=True)["step"])
