"""`stylize compare`: the pictures that it makes, keeps and shows, and its messages."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from command import FAST, SMALL, Command, Outcome
from quick_judge import QuickJudge
from stylize import Network, Result, Stylizer, read_image, read_record, write_image
from stylize.making import recorded, stylizer
from stylize_compare.sheets import EMPTY
from stylize_measure.evaluation import evaluate_picture

PAIR = ("photo.png", "painting.png")
QUICK = (*FAST, "--cell", "96")
THIN = ("--backbone", "resnet50_thin")
RESULTS = {"grid.png", "grid.csv", "grid.json", "grid_cells"}


@pytest.fixture
def quick_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylize.Judge", QuickJudge)


@pytest.fixture
def compare(command: Command, quick_judge: None) -> Callable[..., Outcome]:
    """`compare("--vary", ...)` compares the small pair quickly with resnet50_thin."""

    def run(*arguments: str, files: tuple[str, ...] = PAIR) -> Outcome:
        return command("compare", *files, *THIN, *QUICK, *arguments)

    return run


def document(name: str = "grid.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(name).read_text())
    return found


def modified(command: Command) -> dict[str, int]:
    """Return when each cell was written, by file name."""
    return {path.name: path.stat().st_mtime_ns for path in command.folder.glob("*_cells/*.png")}


def test_every_combination_is_made_judged_kept_and_shown(command, compare, monkeypatch):
    built = []
    monkeypatch.setattr(
        stylizer, "BuiltParts", lambda *a, build=stylizer.BuiltParts: built.append(a) or build(*a)
    )
    shutil.copy("photo.png", "other.png")
    ended = compare(
        "--vary", "smooth=none,tanh", "--vary", "strength=1,4", "--set", "tanh.gain=2",
        files=("photo.png", "other.png", "painting.png"),
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert len(built) == 8, "each variant's network is tried, then loaded for all its pictures"
    rows = document()["rows"]
    assert [row["status"] for row in rows] == ["made"] * 8
    assert {(r["content"], *r["varied"].values()) for r in rows} == {
        (content, smooth, strength)
        for content in ("photo.png", "other.png")
        for smooth in ("none", "tanh")
        for strength in ("1", "4")
    }
    for row in rows:
        record = read_record(row["file"])
        assert record["settings"] == row["settings"]
        assert row["settings"]["smooth"] == row["varied"]["smooth"]
        assert row["settings"]["strength"] == float(row["varied"]["strength"])
        assert row["content_distance"] == record["cell"]["judged"]["content"]
        assert row["style_distance"] == record["cell"]["judged"]["style"] > 0
        assert row["structure_distance"] == record["cell"]["judged"]["structure"]
        assert row["strokes_distance"] == record["cell"]["judged"]["strokes"] > 0
        assert row["style_distance_by_layer"] == {"relu1_1": None}, "JSON has no NaN"
        assert row["strokes_distance_by_layer"] == {"relu1_1": 0.5}
        assert row["judge_size"] == 512
        assert (row["steps"], row["width"], row["height"]) == (1, 48, 36)
    with Image.open("grid.png") as sheet:
        # Rows: two pictures with two smoothings each. Columns: two strengths and the inputs.
        assert sheet.height > 4 * 72
        assert sheet.width > 3 * 96
    assert "8/8 other, painting: smooth=tanh strength=4: content 0." in ended.err
    assert "s left" in ended.err
    assert "written: grid.png, grid.csv, grid.json" in ended.err


def test_the_csv_has_a_line_a_picture_and_a_column_a_setting(command, compare):
    compare("--vary", "smooth=none,softsign")
    lines = list(csv.DictReader(io.StringIO((command.folder / "grid.csv").read_text())))
    assert [line["smooth"] for line in lines] == ["none", "softsign"]
    for line in lines:
        assert (line["content"], line["style"], line["status"]) == (*PAIR, "made")
        assert (line["backbone"], line["size"]) == ("resnet50_thin.open_nsfw", "48")
        assert line["gatys.iterations"] == "1"
        for name in ("style", "strokes"):
            assert float(line[f"{name}_distance"]) > 0
        for name in ("content", "structure"):
            assert float(line[f"{name}_distance"]) >= 0
        assert line["judge_size"] == "512"
        assert line["own_network"] == "false"
        assert line["error"] == ""


def test_json_prints_a_record_a_picture_and_nothing_else(command, compare):
    ended = compare("--vary", "smooth=none,tanh", "--json")
    assert ended.records == document()["rows"]
    assert [row["status"] for row in compare("--vary", "smooth=none,tanh", "--json").records] == [
        "kept",
        "kept",
    ]


def test_json_has_the_warnings_of_its_picture(command, quick_judge):
    line = ("--vary", "backbone=resnet50_thin,vgg16.random", "--smooth", "tanh", *QUICK, "--json")
    ended = command("compare", *PAIR, *line)
    known, unknown = (row["warnings"] for row in ended.records)
    assert known == []
    assert "no gains are known for vgg16.random" in unknown[0]
    assert f"stylize: warning: {unknown[0]}\n" in ended.err


def test_quiet_prints_nothing(compare):
    ended = compare("--vary", "strength=1,2", "--vary", "smooth=none,tanh", "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_a_picture_that_fails_says_why_in_its_place_and_the_rest_go_on(command, compare):
    shutil.copy("painting.png", "torn.png")
    os.truncate("torn.png", 1000)
    ended = compare("--vary", "smooth=none,tanh", files=("photo.png", "torn.png", "painting.png"))
    assert ended.code == 1
    assert "torn, painting: smooth=tanh: torn.png: damaged" in ended.err
    assert ended.err.splitlines()[-2] == "stylize: 2 of 4 pictures failed: the results say why"
    rows = document()["rows"]
    assert [row["status"] for row in rows] == ["made", "failed"] * 2
    assert "torn.png: damaged" in rows[1]["error"]
    assert rows[1]["file"] is rows[1]["content_distance"] is None
    assert rows[1]["settings"]["smooth"] == "none"


def test_a_backbone_without_weights_fails_in_its_column_only(command, quick_judge):
    ended = command("compare", *PAIR, "--vary", "backbone=vgg19,resnet50_thin", *QUICK)
    assert ended.code == 1
    assert [row["status"] for row in document()["rows"]] == ["failed", "made"]
    grey = np.array(Image.new("RGB", (1, 1), EMPTY))[0, 0]
    with Image.open("grid.png") as sheet:
        columns = np.nonzero((np.array(sheet) == grey).all(axis=2).sum(axis=0) > 30)[0]
    assert 90 < columns.max() - columns.min() < 100, "one place of the sheet tells the error"


def test_what_is_done_is_kept_and_what_is_missing_made(command, compare):
    compare("--vary", "smooth=none,tanh")
    first = modified(command)
    (lost,) = command.folder.glob("grid_cells/*tanh*.png")
    lost.unlink()
    ended = compare("--vary", "smooth=none,tanh,softsign")
    assert ended.code == 0
    assert "1 of 3 pictures are kept from before" in ended.err
    second = modified(command)
    assert [row["status"] for row in document()["rows"]] == ["kept", "made", "made"]
    assert len(second) == 3
    assert [name for name in first if first[name] == second[name]] == [
        name for name in first if "none" in name
    ]


def test_pictures_made_by_different_releases_are_warned_of(compare, monkeypatch):
    compare("--vary", "smooth=none,tanh")
    monkeypatch.setattr(recorded, "framework_version", lambda: "9.9")
    ended = compare("--vary", "smooth=none,tanh,softsign", "--quiet")
    assert "warning: pictures were made with different releases of stylize (" in ended.err
    assert ", 9.9): --force makes all of them again" in ended.err


def forget_numbers(path: Path) -> None:
    """Leave a cell as from older releases, whose judge had two numbers."""
    record = read_record(path)
    judged = {key: record["cell"]["judged"][key] for key in ("content", "style", "layers")}
    record["cell"]["judged"] = {**judged, "own_network": False}
    picture = read_image(path)
    write_image(picture.pixels, path, alpha=picture.alpha, record=record, force=True)


def test_pictures_of_a_judge_of_fewer_numbers_are_judged_again_not_made_again(command, compare):
    sweep = ("--vary", "smooth=none,tanh")
    compare(*sweep)
    before, pixels = document()["rows"], {}
    for path in command.folder.glob("grid_cells/*.png"):
        pixels[path] = read_image(path).pixels
        forget_numbers(path)
    ended = compare(*sweep, "--json")
    assert ended.code == 0, ended.err
    assert "2 of them were judged at another size, or by another release" in ended.err
    assert [row["status"] for row in document()["rows"]] == ["kept", "kept"]
    assert [{**row, "status": "made"} for row in document()["rows"]] == before
    assert ended.records == document()["rows"]
    for path, was in pixels.items():
        assert torch.equal(read_image(path).pixels, was)
    assert "judged at another size" not in compare(*sweep).err, "once is enough"


def test_another_judge_size_judges_again(command, compare):
    sweep = ("--vary", "smooth=none,tanh")
    compare(*sweep)
    assert compare(*sweep, "--judge-size", "64").code == 0
    assert [(r["status"], r["judge_size"]) for r in document()["rows"]] == [("kept", 64)] * 2


def test_an_interrupted_judging_shows_what_is_known(command, compare, monkeypatch):
    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    sweep = ("--vary", "strength=1,2", "--front", "front.png")
    pytest.importorskip("matplotlib")
    compare(*sweep)
    one, two = command.folder.glob("grid_cells/*.png")
    forget_numbers(one)
    judge = QuickJudge.__call__
    forget_numbers(two)
    calls = iter((judge, interrupted))
    monkeypatch.setattr(QuickJudge, "__call__", lambda *a: next(calls)(*a))
    assert compare(*sweep).code == 130
    rows = document()["rows"]
    assert [row["status"] for row in rows] == ["kept", "kept"]
    assert [row["structure_distance"] is None for row in rows] == [False, True]
    assert None not in [row["style_distance"] for row in rows]


def test_each_input_is_measured_once_in_a_sweep(command, monkeypatch):
    Image.new("RGB", (48, 36), "teal").save("other.png")
    seen: list[tuple[str, ...]] = []
    look = Network.__call__

    def count(self: Network, image: torch.Tensor, layers: Any) -> Any:
        seen.append(tuple(layers))
        return look(self, image, layers)

    monkeypatch.setattr(Network, "__call__", count)
    ended = command(
        "compare", "photo.png", "other.png", "painting.png", *THIN, *QUICK,
        "--vary", "smooth=none,tanh", "--judge-size", "64",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    judged = [layers for layers in seen if "relu4_1" in layers]
    assert len(judged) == 4 + 2 + 1, "pictures, photographs, a painting"


def test_a_damaged_picture_is_made_again(command, compare):
    compare("--vary", "smooth=none,tanh")
    (cut,) = command.folder.glob("grid_cells/*tanh*.png")
    cut.write_bytes(b"")
    assert compare("--vary", "smooth=none,tanh").code == 0
    assert [row["status"] for row in document()["rows"]] == ["kept", "made"]


def test_an_input_that_has_changed_makes_other_pictures(command, compare):
    compare("--vary", "smooth=none,tanh")
    Image.new("RGB", (48, 36), "teal").save("photo.png")
    assert compare("--vary", "smooth=none,tanh").code == 2
    assert compare("--vary", "smooth=none,tanh", "-o", "new.png").code == 0
    assert [row["status"] for row in document("new.json")["rows"]] == ["made", "made"]


def test_a_sweep_of_other_settings_is_refused_naming_them_unless_forced(command, compare):
    compare("--vary", "smooth=none,tanh")
    before = modified(command)
    other = ("--vary", "smooth=none,tanh", "--seed", "7", "--set", "gatys.history=5")
    said = compare(*other).complaint
    assert "grid_cells is of a sweep with other settings" in said
    assert 'seed was 0 and is 7 now; gatys.history was null and is "5" now' in said
    assert "--force" in said
    assert modified(command) == before
    assert compare(*other, "--force").code == 0
    assert all(
        read_record(path)["settings"]["seed"] == 7 for path in command.folder.glob("*_cells/*")
    )
    assert compare(*other).code == 0


def test_ctrl_c_keeps_what_is_finished_and_shows_it(command, compare, monkeypatch):
    optimise = Stylizer.__call__
    calls = []

    def interrupted(self: Stylizer, *arguments: Any) -> Result:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return optimise(self, *arguments)

    monkeypatch.setattr(Stylizer, "__call__", interrupted)
    ended = compare("--vary", "smooth=none,tanh,softsign")
    assert ended.code == 130
    assert "interrupted, 1 of 3 pictures are kept: run it again to continue" in ended.err
    assert [row["status"] for row in document()["rows"]] == ["made", "missing", "missing"]
    assert command.files.issuperset(RESULTS)
    assert compare("--vary", "smooth=none,tanh,softsign").code == 0
    assert [row["status"] for row in document()["rows"]] == ["kept", "made", "made"]
    assert len(calls) == 4


def test_ctrl_c_before_anything_is_finished_writes_nothing(command, compare, monkeypatch):
    def interrupted(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Stylizer, "__call__", interrupted)
        assert compare("--vary", "smooth=none,tanh").code == 130
    assert command.files == {"grid_cells"}
    assert compare("--vary", "smooth=none,tanh").code == 0


def test_distances_are_those_of_evaluate_and_the_judges_own_network_is_marked(command):
    ended = command("compare", *PAIR, "--vary", "backbone=vgg16,resnet50_thin", *QUICK)
    assert ended.code == 0, ended.err
    vgg, thin = document()["rows"]
    assert (vgg["own_network"], thin["own_network"]) == (True, False)
    verdict = evaluate_picture(thin["file"], *PAIR, ssim=False, device="cpu").verdict
    assert thin["content_distance"] == pytest.approx(verdict.content, rel=1e-4)
    assert thin["style_distance"] == pytest.approx(verdict.style, rel=1e-4)
    assert thin["structure_distance"] == pytest.approx(verdict.structure, rel=1e-4)
    assert thin["strokes_distance"] == pytest.approx(verdict.strokes, rel=1e-4)
    assert thin["style_distance_by_layer"] == pytest.approx(verdict.layers, rel=1e-4)


def test_fronts_over_strengths_are_compared_and_drawn(command, compare):
    pytest.importorskip("matplotlib")
    ended = compare(
        "--vary", "smooth=none,tanh", "--vary", "strength=0.1,100", "--front", "front.png",
        "--set", "gatys.learning_rate=2",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.out.startswith("Style distance at equal content distance, against smooth=none:\n")
    assert "\nsmooth=tanh  " in ended.out
    assert "\n\nStrokes distance at equal structure distance, against smooth=none:\n" in ended.out
    fronts = document()["fronts"]
    assert [(front["of"], front["at"]) for front in fronts] == [
        ("style", "content"),
        ("strokes", "structure"),
    ]
    assert [(front["variant"], front["pairs"]) for front in fronts] == [("smooth=tanh", 1)] * 2
    with Image.open("front.png") as plot:
        assert plot.width > 2 * plot.height, "the two fronts stand beside each other"


def test_a_front_without_matplotlib_is_refused_before_any_work(command, compare, monkeypatch):
    monkeypatch.setattr("stylize.extras.find_spec", lambda name: None)
    ended = compare("--vary", "strength=1,2", "--front", "front.png")
    assert ended.code == 3
    assert "pip install 'stylize-nst[plot]'" in ended.complaint
    assert not command.files


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("photo.png painting.png", "nothing varies"),
        ("photo.png painting.png --vary smoth=none,tanh", "did you mean smooth"),
        ("photo.png painting.png --vary smooth=tanh", "one value"),
        ("photo.png painting.png --vary smooth=none,tan", "with smooth=tan: unknown smoothing"),
        ("photo.png painting.png --vary preset=a,b", "with preset=a: unknown preset"),
        ("photo.png painting.png --vary seed=1,2 --seed 3", "seed is given and varied"),
        (
            "photo.png painting.png --vary gatys.history=5,6 --set gatys.history=7",
            "gatys.history is given and varied",
        ),
        ("photo.png --vary seed=1,2", "photo.png alone"),
        ("--style painting.png --vary seed=1,2", "painting.png alone"),
        ("photo.png --model mosaic_fast --vary strength=0.5,1", "model mosaic_fast holds none"),
        ("photo.png --model mosaic --vary strength=0.5,1 -o -", "writes several files"),
        ("gone.png painting.png --vary seed=1,2", "gone.png: no such file"),
        ("- painting.png --vary seed=1,2", "more than once"),
        ("photo.png painting.png --vary seed=1,2 --style-weights 1,2", "1 style image"),
        ("photo.png painting.png --vary seed=1,2 --front front.png", "--vary strength="),
        ("photo.png painting.png --vary seed=1,2 -o -", "writes several files"),
        ("photo.png painting.png --vary seed=1,2 -o grid.svg", "unknown extension '.svg'"),
        ("photo.png painting.png --vary seed=1,2 -o gone/grid.png", "no folder gone"),
        ("photo.png painting.png --vary seed=1,2 -o painting.png --force", "is an input"),
        ("photo.png painting.png --vary seed=1,2 -o mine.png", "mine.csv: exists"),
        ("photo.png painting.png --vary strength=1,2 --front grid.png", "is the sheet too"),
    ],
)
def test_bad_input_is_refused_before_any_work(command, line, message):
    (command.folder / "mine.csv").write_text("mine")
    ended = command("compare", *line.split())
    assert ended.code == 2, ended.err
    assert message in ended.complaint
    assert command.files == {"mine.csv"}


def test_a_model_that_holds_its_painting_is_compared_without_one(command, quick_judge):
    line = ("compare", "--model", "mosaic", "--vary", "strength=0.5,1", *SMALL, "--cell", "96")
    ended = command(*line, "photo.png")
    assert ended.code == 0, ended.err
    rows = document()["rows"]
    assert [row["style"] for row in rows] == ["grid_cells/mosaic.jpg"] * 2
    assert all(row["style_distance"] > 0 for row in rows)
    again = command(*line, "photo.png", "painting.png")
    assert again.code == 0, again.err
    assert "all files are photographs, as model mosaic has a painting of its own" in again.err
    assert "2 of 4 pictures are kept" in again.err


def test_models_that_hold_their_paintings_are_compared_without_any(command, quick_judge):
    line = ("compare", "photo.png", "--vary", "model=mosaic,kandinsky", *SMALL, "--cell", "96")
    ended = command(*line, "--vary", "strength=0.5,1")
    assert ended.code == 0, ended.err
    rows = document()["rows"]
    held = [f"grid_cells/{model}.jpg" for model in ("mosaic", "kandinsky") for _ in range(2)]
    assert [row["style"] for row in rows] == held
    assert {front["variant"] for front in document()["fronts"]} == {"model=kandinsky"}
    with Image.open("grid.png") as sheet:
        assert sheet.width < 96 * 5, "a row a model, not one for each painting too"
    assert "4 of 4 pictures are kept" in command(*line, "--vary", "strength=0.5,1").err


def test_a_model_without_a_painting_among_others_is_named(command):
    ended = command("compare", "photo.png", "--vary", "model=mosaic,any", *SMALL)
    assert ended.code == 2
    assert ended.complaint.endswith("distances are from it, and model any holds none")


def test_pictures_that_cannot_be_made_are_told_before_any_is_made(command, quick_judge):
    line = ("--vary", "backbone=resnet50_thin,vgg19", "--style-layers", "conv1*", *QUICK)
    with Image.open("photo.png") as image:
        ImageOps.mirror(image).save("second.png")
    ended = command("compare", "photo.png", "second.png", "painting.png", *line)
    assert ended.code == 1
    said = [text for text in ended.err.splitlines() if "backbone=" in text]
    assert said[0].startswith("stylize: backbone=vgg19: weights vgg19.imagenet1k_v1 are not")
    assert len([text for text in said if "vgg19" in text]) == 1
    assert [row["status"] for row in document()["rows"]] == ["made"] * 2 + ["failed"] * 2


def test_a_network_that_fails_when_its_turn_comes_stops_no_other(command, compare, monkeypatch):
    set_up, calls = Stylizer.__init__, []

    def fail_third(self: Stylizer, *arguments: Any, **options: Any) -> None:
        calls.append(self)
        if len(calls) == 3:
            raise MemoryError
        set_up(self, *arguments, **options)

    monkeypatch.setattr(Stylizer, "__init__", fail_third)
    assert compare("--vary", "smooth=none,tanh").code == 1
    assert [row["status"] for row in document()["rows"]] == ["failed", "made"]


def test_a_sweep_of_which_nothing_can_be_made_is_wrong_usage(command, quick_judge, monkeypatch):
    monkeypatch.setattr(Stylizer, "__call__", lambda *_: pytest.fail("a picture was begun"))
    ended = command("compare", *PAIR, "--vary", "style-layers=nope;conv9", *THIN, *QUICK)
    assert ended.code == 2
    lines = ended.err.splitlines()
    assert "style_layers=nope: unknown layer of resnet50_thin 'nope'" in lines[0]
    assert "style_layers=conv9: unknown layer of resnet50_thin 'conv9'" in lines[1]
    assert lines[2].startswith("stylize: none of the 2 pictures can be made")
    assert command.files == {"grid_cells"}


def test_a_grid_of_another_sweep_is_not_overwritten(command, compare):
    (command.folder / "grid.png").write_bytes(b"mine")
    assert "grid.png: exists" in compare("--vary", "smooth=none,tanh").complaint


def test_planning_imports_no_torch(command):
    script = (
        "import sys; from stylize.command.app import run;"
        "code = run(sys.argv[1:]); sys.exit(10 * ('torch' in sys.modules) + code)"
    )
    for line, code in (("--help", 0), ("photo.png painting.png --vary smooth=none,tan", 2)):
        arguments = [sys.executable, "-c", script, "compare", *line.split()]
        ended = subprocess.run(arguments, capture_output=True, check=False)
        assert ended.returncode == code, ended.stderr
