"""`stylize bench`: what it compares, keeps, rejects and shows, and its statistics."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from command import Command, Outcome
from plugin_factory import place_distribution
from quick_judge import QuickJudge
from stylize import Result, Stylizer, create_smoothing, read_image, read_record
from stylize_compare.bench import folder as folders
from stylize_compare.bench import planning
from stylize_compare.bench.activations import measure_flatness
from stylize_compare.bench.gains import TRADES, Judged, measure_gain, sign_test
from stylize_compare.bench.planning import Place, plan_bench
from stylize_compare.bench.plots import draw_front
from stylize_compare.bench.protocol import FULL, MARGIN, PAIRS, QUICK, SUBJECTS, WINDOWS, Pair

RESULTS = {"bench.html", "bench.json", "bench.md", "sheet.jpg", "cells", "inputs"}
# Windows of different shapes, which a smoothing can tell apart.
TWO = (Pair("astronaut", "signac"), Pair("china", "great_wave"))
SMALL = replace(QUICK, size=48, judge_size=48, iterations=2, strengths=(1, 50), pairs=TWO)


class PictureJudge(QuickJudge):
    """Judges by the picture alone, whatever its inputs."""

    def __call__(
        self, output: torch.Tensor, content: torch.Tensor, style: torch.Tensor
    ) -> SimpleNamespace:
        return SimpleNamespace(
            content=output.mean().item(),
            style=output.std().item(),
            structure=output[:, 0].mean().item(),
            strokes=output[:, 1].mean().item(),
            layers={},
            stroke_layers={},
        )


@pytest.fixture
def bench(command: Command, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """`bench("smoothing", "tanh")` is a bench that takes seconds, with two pairs at 48 pixels."""
    monkeypatch.setattr("stylize.Judge", PictureJudge)
    monkeypatch.setattr("stylize_compare.bench.command.QUICK", SMALL)
    return lambda *arguments: command("bench", *arguments, "--quick", "-o", "report")


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("report/bench.json").read_text())
    return found


def modified() -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in Path("report/cells").glob("*.png")}


def test_smoothings_are_held_against_none(bench, monkeypatch):
    monkeypatch.setattr("stylize_compare.bench.command.QUICK", replace(SMALL, seeds=(0, 2)))
    ended = bench("smoothing", "tanh")
    assert ended.code == 0, ended.err
    assert {path.name for path in Path("report").iterdir()} == RESULTS
    found = document()
    assert found["protocol"]["bench"] == 1
    assert list(found["parts"]) == ["none", "tanh"]
    assert len(found["cells"]) == 16  # parts x strengths x seeds x pairs
    for cell in found["cells"]:
        assert cell["status"] == "made"
        assert cell["strokes_distance"] > 0
        assert cell["peak_memory"] is None or cell["peak_memory"] > 50
    assert [(gain["of"], gain["at"]) for gain in found["gains"]] == [
        ("strokes", "structure"),
        ("style", "structure"),
        ("style", "content"),
    ]
    tanh = found["parts"]["tanh"]
    assert tanh["seconds"] > 0
    assert tanh["settings"]["smooth"] == "tanh"
    assert [row["layer"] for row in tanh["flatness"]] == ["layer3.5", "layer4.2"]
    none = found["parts"]["none"]["flatness"]
    for smoothed, bare in zip(tanh["flatness"], none, strict=True):
        assert bare["entropy"] < smoothed["entropy"] < 1, "tanh flattens"
        assert bare["peak"] > smoothed["peak"] > 1
    table = Path("report/bench.md").read_text()
    assert ended.out == table
    assert re.search(r"^\| none \| reference \|", table, re.MULTILINE)
    assert "averaged over 2 seeds" in table
    page = Path("report/bench.html").read_text()
    assert page.count("<svg") == 3 * (1 + len(TWO))
    assert not re.search(r'(src|href)="(?!data:)', page), "the page needs nothing beside it"
    with Image.open("report/sheet.jpg") as sheet:
        assert sheet.width > 3 * 200


def test_the_seeds_move_the_pictures(bench):
    bench("smoothing", "none")
    record = read_record(next(Path("report/cells").glob("none_china_1_0.png")))
    (path,) = Path("report").rglob(record["content"]["path"])
    window = read_image(path)
    package = resources.files("stylize_compare.bench")
    with Image.open(str(package / "pictures/china.jpg")) as image:
        width, height = image.size
        left, top = WINDOWS[0]
        pixel = image.getpixel((left, top))
    assert window.original_size == (width - MARGIN, height - MARGIN)
    assert tuple((window.pixels[0, :, 0, 0] * 255).round().int().tolist()) == pixel


def test_a_second_run_makes_only_what_is_missing(bench):
    bench("smoothing", "tanh")
    before = modified()
    Path("report/cells/tanh_china_50_0.png").unlink()
    ended = bench("smoothing", "tanh")
    assert ended.code == 0, ended.err
    assert "7 of 8 pictures are kept from before" in ended.err
    after = modified()
    assert {name for name in before if before[name] != after[name]} == {"tanh_china_50_0.png"}
    assert bench("smoothing", "tanh", "softsign").code == 0
    assert {name: modified()[name] for name in before} == after, "further parts are added"
    assert list(document()["parts"]) == ["none", "tanh", "softsign"]


def test_ctrl_c_keeps_what_is_done_and_shows_it(bench, monkeypatch):
    optimise = Stylizer.__call__
    calls: list[int] = []

    def interrupted(self: Stylizer, *arguments: Any) -> Result:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return optimise(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Stylizer, "__call__", interrupted)
        ended = bench("smoothing", "tanh")
    assert ended.code == 130
    assert "3 of 8 pictures are kept: run it again to continue" in ended.err
    assert document()["missing"] == 5
    assert "5 of 8 are missing" in Path("report/bench.md").read_text()
    assert bench("smoothing", "tanh").code == 0
    assert document()["missing"] == 0


NAN = """
from stylize import SmoothingSpec, hookimpl

STYLIZE_PLUGIN_API = 1

@hookimpl
def stylize_components():
    return [SmoothingSpec("squarephobic", factory="bench_squarephobic:Squarephobic")]

class Squarephobic:
    def __init__(self, settings):
        pass

    def __call__(self, features):
        height, width = features.shape[-2:]
        return features / (0 if height == width else 2)
"""


def test_a_stranger_s_smoothing_that_gives_nan_costs_only_its_own_cells(
    bench, command, monkeypatch
):
    place_distribution(command.folder / "site", "bench-squarephobic", NAN)
    monkeypatch.syspath_prepend(command.folder / "site")
    ended = bench("smoothing", "squarephobic")
    assert ended.code == 1
    failed = [cell for cell in document()["cells"] if cell["error"]]
    assert {(cell["name"], cell["pair"]) for cell in failed} == {("squarephobic", TWO[0].name)}
    assert all("nan" in cell["error"].lower() or "finite" in cell["error"] for cell in failed)
    gain = document()["gains"][0]
    assert list(gain["differences"]) in ([], [TWO[1].name])
    assert document()["parts"]["squarephobic"]["seconds"] > 0
    page = Path("report/bench.html").read_text()
    assert "Pictures that failed" in page
    assert "2 of 8 pictures failed" in page


def test_standard_output_is_no_folder(command):
    outcome = command("bench", "smoothing", "tanh", "-o", "-")
    assert outcome.code == 2
    assert "-o - would be standard output" in outcome.complaint
    assert command.files == set()


def test_another_bench_s_folder_is_refused_and_left_alone(bench, monkeypatch):
    assert bench("smoothing", "none").code == 0
    before = {path: path.read_bytes() for path in Path("report").rglob("*") if path.is_file()}
    ended = bench("smoothing", "none", "--set", "gatys.history=3")
    assert ended.code == 2
    assert "report is of a bench with other settings (set was [" in ended.complaint
    assert "--force" in ended.complaint
    ended = bench("loss", "gram")
    assert ended.code == 2
    assert 'subject was "smoothing" and is "loss" now' in ended.complaint
    with monkeypatch.context() as patch:
        patch.setattr(planning, "VERSION", 2)
        ended = bench("smoothing", "none")
    assert ended.code == 2
    assert "report is of version 1 of the bench, and this is version 2" in ended.complaint
    assert before == {p: p.read_bytes() for p in Path("report").rglob("*") if p.is_file()}
    assert bench("smoothing", "none", "--set", "gatys.history=3", "--force").code == 0
    assert "gatys.history=3" in document()["protocol"]["set"]


@pytest.mark.parametrize("content", [b"", b"{}", b'{"protocol": 3}', b"\xff"])
def test_a_damaged_bench_is_refused(bench, content):
    Path("report").mkdir()
    Path("report/bench.json").write_bytes(content)
    ended = bench("smoothing", "none")
    assert ended.code == 2
    assert "report/bench.json: is damaged, or belongs to no bench" in ended.complaint


def test_a_folder_of_other_things_is_refused(bench):
    Path("report").mkdir()
    Path("report/thesis.tex").write_text("years of work")
    for force in ((), ("--force",)):
        ended = bench("smoothing", "none", *force)
        assert ended.code == 2
        assert "holds other files and no bench" in ended.complaint
    assert [path.name for path in Path("report").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("smoothing tanhh", "unknown smoothing or preset 'tanhh'; did you mean tanh?"),
        ("backbone vgg61", "unknown backbone or preset 'vgg61'"),
        ("smoothing gatys_artistic", "preset gatys_artistic chooses no smoothing"),
        ("loss feature", "with feature: loss feature is a content loss"),
        ("smoothing tanh --backbone resnet", "unknown backbone 'resnet'"),
        ("smoothing tanh --method gaty", "unknown method 'gaty'; did you mean gatys?"),
        ("smoothing tanh --set softsign.gain=2", "unknown part of this bench 'softsign'"),
        ("smoothing tanh --set tanh.gain=-1", "with tanh: "),
    ],
)
def test_wrong_names_are_refused_before_any_work(bench, words, message):
    ended = bench(*words.split())
    assert ended.code == 2
    assert message in ended.complaint
    assert not Path("report").exists()


def test_weights_that_cannot_be_had_end_it_at_once(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    ended = bench("smoothing", "tanh", "--backbone", "resnet50")
    assert ended.code == 3
    assert "--weights" in ended.err
    assert not Path("report").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("subject", "names"),
    [("loss", ["gram", "moments"]), ("backbone", ["vgg16", "thin_tanh"])],
)
def test_losses_and_backbones_are_compared_alike(bench, subject, names):
    ended = bench(subject, names[1])
    assert ended.code == 0, ended.err
    assert list(document()["parts"]) == names
    settings = document()["parts"][names[1]]["settings"]
    if subject == "backbone":
        assert (settings["backbone"], settings["smooth"]) == ("resnet50_thin.open_nsfw", "tanh")
    else:
        assert (settings["backbone"], settings["style_loss"]) == ("resnet50_thin", "moments")


def test_a_preset_brings_its_weights_and_the_bench_its_sizes(host):
    planned = plan_bench(
        host,
        SUBJECTS["smoothing"],
        ["thin_softmax"],
        FULL,
        Path("report"),
        method="gatys",
        given={"backbone": "resnet50_thin"},
    )
    settings = planned.plans["thin_softmax"].settings
    assert settings.smooth == "softmax"
    assert settings.content_layers is not None
    assert settings.size == FULL.size
    assert settings.options["gatys"]["iterations"] == (FULL.iterations,) or settings.options[
        "gatys"
    ]["iterations"] == str(FULL.iterations)
    assert len(planned.cells) == 2 * 4 * 3 * len(PAIRS)


def test_pairs_share_no_picture_and_all_are_shipped_and_named():
    pictures = resources.files("stylize_compare.bench") / "pictures"
    notice = (pictures / "NOTICE.txt").read_text()
    names = [name for pair in PAIRS for name in (pair.content, pair.style)]
    assert len(set(names)) == len(names) == 12
    for name in names:
        with Image.open(str(pictures / f"{name}.jpg")) as image:
            assert max(image.size) == FULL.size + MARGIN
        assert f"  {name}.jpg: " in notice
    assert {str(seed) for seed in FULL.seeds} <= {str(seed) for seed in WINDOWS}
    assert folders.PICTURES == ("stylize_compare.bench", "pictures")


def test_flatness_is_of_the_layers_that_take_style_and_are_smoothed(host, photo):
    planned = plan_bench(
        host,
        SUBJECTS["smoothing"],
        ["tanh"],
        SMALL,
        Path("report"),
        method="gatys",
        given={"backbone": "resnet50_thin", "device": "cpu"},
        assignments=["tanh.gain=0.001"],
    )
    (none, tanh) = (
        measure_flatness(host, planned.plans[name], [str(photo)]) for name in ("none", "tanh")
    )
    for bare, smoothed in zip(none, tanh, strict=True):
        # Such a small gain changes features only by a factor.
        assert smoothed["entropy"] == pytest.approx(bare["entropy"], abs=1e-4)
        assert smoothed["peak"] == pytest.approx(bare["peak"], rel=1e-3)
    assert create_smoothing("tanh")(torch.ones(1)) == torch.ones(1).tanh()


# Statistics


def cells(
    name: str, pair: Pair, seed: int, points: dict[float, tuple[float, float]]
) -> list[Judged]:
    return [
        (
            Place(name, pair, strength, seed),
            {"structure": level, "strokes": value, "content": level, "style": value},
        )
        for strength, (level, value) in points.items()
    ]


def test_a_gain_is_measured_at_equal_structure_with_seeds_averaged_first():
    made: list[Judged] = []
    for pair, shift in zip(TWO, (-0.1, 0.3), strict=True):
        for seed, jitter in ((0, -0.02), (1, 0.02)):
            made += cells("none", pair, seed, {1: (0.1, 0.5), 5: (0.3, 0.3)})
            # Further along, and lower or higher by `shift` at every structure.
            points = {1: (0.2, 0.4 + shift + jitter), 5: (0.4, 0.2 + shift + jitter)}
            made += cells("mine", pair, seed, points)
    gain = measure_gain(made, "mine", "none", [pair.name for pair in TWO], TRADES[0])
    assert gain.differences == pytest.approx({TWO[0].name: -0.1, TWO[1].name: 0.3})
    assert gain.difference == pytest.approx(0.1)
    assert gain.by_seed == pytest.approx({0: 0.08, 1: 0.12})
    assert (gain.lower, gain.pairs) == (1, 2)
    assert gain.p == 1.0


def test_fronts_without_a_level_in_common_have_no_gain():
    made = cells("none", TWO[0], 0, {1: (0.1, 0.5), 5: (0.2, 0.4)})
    made += cells("mine", TWO[0], 0, {1: (0.3, 0.5), 5: (0.4, 0.4)})
    gain = measure_gain(made, "mine", "none", [TWO[0].name], TRADES[0])
    assert (gain.difference, gain.p, gain.differences) == (None, None, {})


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([-1] * 6, 2 / 64),
        ([-1] * 5 + [1], 14 / 64),
        ([-1, 1], 1.0),
        ([-1] * 5 + [0], 2 / 32),
        ([0, 0], None),
        ([], None),
    ],
)
def test_the_sign_test_is_exact_and_two_sided(differences, p):
    assert sign_test(differences) == (None if p is None else pytest.approx(p))


def test_a_front_is_drawn_where_it_is():
    drawn = draw_front("a < b", "structure", "strokes", {"none": [(0.0, 0.0), (1.0, 1.0)], "x": []})
    assert "a &lt; b" in drawn
    (line,) = re.findall(r'class="front" points="([^"]+)"', drawn)
    (x0, y0), (x1, y1) = ([float(n) for n in point.split(",")] for point in line.split())
    assert x0 < x1
    assert y0 > y1, "up is more"
