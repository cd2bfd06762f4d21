"""examples/train_models.py: every model, within a given time, stopped and resumed."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import subprocess
import sys
import time
import tomllib
from importlib import resources
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from scratch import parse
from small_training import make_photographs
from stylize import Kind, find_model, read_header
from stylize.testing.hosts import builtin_host

SCRIPT = Path(__file__).parents[1] / "examples" / "train_models.py"
SMALL = shlex.split("--crop 48 --batch 1 --workers 0 --validation 0 --precision float32")
JOHNSON = shlex.split(
    "--style-size 64 --content-layers conv2_1 --style-layers relu1_1 "
    "--set johnson.width=8 --set johnson.blocks=1 --set johnson.scales=1"
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
        if recipe.painting:
            assert [style.name.startswith(recipe.painting) for style in header.styles] == [True]
            preset = resources.files("stylize_johnson") / "presets" / f"{recipe.preset}.toml"
            chosen = tomllib.loads(preset.read_text("utf-8"))["settings"]["options"]["johnson"]
            assert header.network.items() <= chosen.items()


def test_recipes_have_options_that_training_takes(script):
    host = builtin_host()
    for name, recipe in script.RECIPES.items():
        for options in ("", script.ON_GPU[recipe.method]):
            line = shlex.split(f"train {recipe.method} {recipe.options} {options}")
            path, _ = parse(host, [*line, "--data", "photos", "-o", "model.safetensors"])
            assert path == "train", name


# The time.


class Trainer:
    """Records the time that it is given, and uses some of it."""

    def __init__(self, used: float, done: set[str]) -> None:
        self.used = used
        self.done = done
        self.given: dict[str, float] = {}
        self.codes: dict[str, int] = {}

    def is_done(self, name: str) -> bool:
        return name in self.done

    def finish(self, name: str) -> None:
        self.done.add(name)

    def model(self, name: str, seconds: float, speeds: dict[str, float]) -> int:
        speeds["johnson"] = 1.0
        self.given[name] = seconds
        clock.now += min(self.used, seconds)
        return self.codes.get(name, 0)


clock = SimpleNamespace(now=0.0)


@pytest.fixture
def trainer(monkeypatch, script):
    monkeypatch.setattr(script, "time", SimpleNamespace(monotonic=lambda: clock.now))

    def make(used: float = 1e9, done: Any = ()) -> Trainer:
        return Trainer(used, set(done))

    return make


def test_any_gets_a_third_and_the_others_share_the_rest(script, trainer):
    made = trainer()
    assert script.train_all(made, list(script.RECIPES), 900) == []
    assert made.done == set(script.RECIPES)
    assert made.given.pop("any") == pytest.approx(300)
    first, *others = made.given.values()
    assert others == pytest.approx([first / 2] * len(others))


def test_one_model_alone_gets_all_and_what_is_left_goes_on(script, trainer):
    made = trainer()
    script.train_all(made, ["any"], 60)
    assert made.given == {"any": pytest.approx(60)}
    made = trainer(used=10)
    script.train_all(made, ["mosaic_fast", "great_wave"], 60)
    assert made.given == {"mosaic_fast": pytest.approx(30), "great_wave": pytest.approx(50)}


def test_models_that_are_done_are_left_alone(script, trainer):
    made = trainer(done={"mosaic_fast"})
    script.train_all(made, ["mosaic_fast", "great_wave"], 60)
    assert made.given == {"great_wave": pytest.approx(60)}


def test_an_interruption_ends_it_and_a_failure_does_not(script, trainer):
    made = trainer()
    made.codes = {"mosaic_fast": 1}
    assert script.train_all(made, ["mosaic_fast", "great_wave"], 60) == [1]
    assert set(made.given) == {"mosaic_fast", "great_wave"}
    assert made.done == {"great_wave"}
    made = trainer()
    made.codes = {"mosaic_fast": 130}
    assert script.train_all(made, ["mosaic_fast", "great_wave"], 60) == [130]
    assert set(made.given) == {"mosaic_fast"}


# The whole script.


def test_bad_input_is_told_in_a_line(script, folders, capsys):
    photographs, paintings, out = folders
    assert script.main([f"{photographs}/no", paintings, out]) == 2
    assert "not a folder with pictures" in capsys.readouterr().err
    assert script.main([photographs, paintings, out, "--only", "great_wave"]) == 2
    assert "no painting great_wave.*" in capsys.readouterr().err
    assert not Path(out).exists()


@pytest.mark.slow
def test_a_model_of_any_painting_is_made_in_the_time(script, folders, monkeypatch, tmp_path):
    monkeypatch.setattr(script, "TRIAL", 3.0)
    options = ["--only", "any", "--minutes", "0.2", "--device", "cpu"]
    assert script.main([*folders, *options, "--", *SMALL, *ADAIN]) == 0
    assert read_header(tmp_path / "out" / "any.safetensors").steps >= 2
    assert len(list((tmp_path / "out" / "styles").iterdir())) == 2 * script.TIMES
    with Image.open(tmp_path / "out" / "previews.jpg") as sheet:
        assert sheet.width == 2 * script.SIDE


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_steps_that_it_chose(script, folders, tmp_path):
    line = [*folders, "--only", "mosaic_fast", "--minutes", "0.5", "--device", "cpu"]
    passed = ["--", *SMALL, *JOHNSON]
    model = tmp_path / "out" / "mosaic_fast.safetensors"
    checkpoint = model.with_suffix(".training") / "checkpoint.pt"
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), *line, *passed, "--checkpoint-every", "1"],
        env={**os.environ, "STYLIZE_OFFLINE": "1"},
    ) as process:
        while not checkpoint.exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    chosen = int(json.loads(model.with_suffix(".json").read_text("utf-8")))
    assert chosen > 10
    assert not model.exists()
    assert script.main([*line, *passed, "--steps", str(chosen)]) == 0
    assert read_header(model).steps == chosen
    assert (tmp_path / "out" / "previews.jpg").exists()
    changed = model.stat().st_mtime_ns
    assert script.main([*line, *passed]) == 0  # nothing is left to do
    assert model.stat().st_mtime_ns == changed
