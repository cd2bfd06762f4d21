"""`stylize evaluate`: the judge's numbers and SSIM against their formulas, and honest labels."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from command import FAST, SMALL, Command
from stylize import Judge, PluginHost, evaluate_picture, extras, judged_size, read_image
from stylize.errors import ExtraMissingError, ImageTooSmallError
from stylize_measure.evaluation import structural_similarity

EVALUATE = ("--content", "photo.png", "--style", "painting.png", "--device", "cpu")


@pytest.fixture(scope="module")
def judge(host: PluginHost) -> Judge:
    return Judge(host, "cpu")


def ssim_of_wang(x: np.ndarray, y: np.ndarray) -> float:
    """SSIM of two planes in [0, 1]: Wang et al. 2004, by scipy."""

    def blur(plane: np.ndarray) -> np.ndarray:
        return gaussian_filter(plane.astype(float), sigma=1.5, truncate=5 / 1.5)

    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    both = blur(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    numerator = (2 * mean_x * mean_y + c1) * (2 * both + c2)
    ssim = numerator / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return float(ssim[5:-5, 5:-5].mean())


def test_ssim_is_that_of_wang_et_al():
    generator = torch.Generator().manual_seed(0)
    content = torch.rand(1, 3, 100, 512, generator=generator)
    output = (content + 0.2 * torch.rand(1, 3, 100, 512, generator=generator)).clamp(0, 1)
    pairs = zip(output[0].double().numpy(), content[0].double().numpy(), strict=True)
    expected = np.mean([ssim_of_wang(x, y) for x, y in pairs])
    assert structural_similarity(output, content) == pytest.approx(expected, abs=1e-4)


def test_ssim_refuses_what_is_narrower_than_its_window():
    strip = torch.rand(1, 3, 4, 512)
    with pytest.raises(ImageTooSmallError, match="content is 512x4 at the judge's size"):
        structural_similarity(strip, strip)


def test_moments_are_those_of_the_definition(judge, photo, painting):
    images = [read_image(path, size=512).pixels for path in (photo, painting)]
    verdict = judge(images[0], *images)
    layers = tuple(verdict.layers)
    now, style = ({k: v.numpy() for k, v in judge.network(i, layers).items()} for i in images)
    for layer in layers:
        for found, moment in ((verdict.means, np.mean), (verdict.deviations, np.std)):
            a, b = (moment(f[layer][0], axis=(1, 2), dtype=float) for f in (now, style))
            expected = np.linalg.norm(a - b) / np.linalg.norm(b)
            assert found[layer] == pytest.approx(expected, rel=1e-3)


def test_a_photograph_is_its_own_best_content(judge, photo, painting):
    evaluation = evaluate_picture(photo, photo, painting, judge=judge)
    assert evaluation.verdict.content == pytest.approx(0, abs=1e-5)
    assert evaluation.ssim == pytest.approx(1)
    assert evaluation.own_network is None  # it has no record
    assert evaluation.warnings == ()


def test_large_inputs_are_judged_as_if_read_whole(judge, tmp_path, photo, painting):
    with Image.open(photo) as image:
        image.resize((1100, 733)).save(tmp_path / "large.png")
    whole = read_image(tmp_path / "large.png").pixels
    assert judged_size(whole) == (341, 512)
    evaluation = evaluate_picture(photo, tmp_path / "large.png", painting, judge=judge, ssim=False)
    expected = judge(read_image(photo).pixels, whole, read_image(painting).pixels)
    assert evaluation.verdict.content == pytest.approx(expected.content, rel=1e-5)
    assert evaluation.verdict.style == pytest.approx(expected.style, rel=1e-5)


def test_a_picture_of_other_proportions_is_stretched_and_that_is_said(judge, tmp_path, photo):
    with Image.open(photo) as image:
        image.resize((64, 64)).save(tmp_path / "square.png")
    evaluation = evaluate_picture(tmp_path / "square.png", photo, photo, judge=judge, ssim=False)
    (warning,) = evaluation.warnings
    assert "square.png is 64x64" in warning
    assert "it was stretched" in warning


def test_a_strip_that_the_judge_cannot_see_is_refused(judge):
    strip = Image.new("RGB", (400, 4))
    with pytest.raises(ImageTooSmallError, match="image is 512x5 at the judge's size"):
        evaluate_picture(strip, strip, strip, judge=judge, ssim=False)


def test_json_holds_no_nan_where_the_style_is_blank(judge, photo):
    evaluation = evaluate_picture(photo, photo, photo, judge=judge, ssim=False)
    blank = {**evaluation.verdict.layers, "relu1_1": math.nan}
    verdict = replace(evaluation.verdict, style=math.inf, strokes=math.nan, layers=blank)
    record = type(evaluation)(verdict, None, None).record
    assert record["style"] is record["strokes"] is None
    assert record["layers"]["relu1_1"] is None
    json.dumps(record, allow_nan=False)


def test_json_tells_the_size_that_was_asked_for(command: Command):
    outcome = command("evaluate", "photo.png", *EVALUATE, "--no-ssim", "--json",
                      "--judge-size", "64")  # fmt: skip
    assert outcome.code == 0, outcome.err
    record = json.loads(outcome.out)
    assert record["judge_size"] == 64
    assert record["structure"] == pytest.approx(0, abs=1e-6)
    assert 0 < record["strokes"] < 2
    assert list(record["stroke_layers"]) == [f"relu{k}_1" for k in range(1, 5)]


def test_a_blank_picture_or_painting_has_numbers(host, photo):
    judge = Judge(host, "cpu", size=96)
    blank = Image.new("RGB", (96, 64), "teal")
    for images in ((blank, photo, photo), (photo, blank, blank), (blank, blank, blank)):
        record = evaluate_picture(*images, judge=judge, ssim=False).record
        json.dumps(record, allow_nan=False)
        assert record["structure"] is not None
        assert record["strokes"] is not None


@pytest.mark.parametrize(("backbone", "own"), [("vgg16", True), ("resnet50_thin", False)])
def test_a_picture_optimised_on_the_judges_network_is_marked(command: Command, backbone, own):
    command("photo.png", "painting.png", *FAST, "--backbone", backbone, "-o", "out.png")
    outcome = command("evaluate", "out.png", *EVALUATE, "--json", "--no-ssim")
    assert outcome.code == 0, outcome.err
    record = json.loads(outcome.out)
    assert record["own_network"] is own
    assert any("optimised on the judge's own network" in w for w in record["warnings"]) == own


def test_other_weights_for_the_judges_architecture_are_not_its_own(command: Command):
    random = ("--backbone", "vgg16.random", "-o", "out.png")
    assert command("photo.png", "painting.png", *FAST, *random).code == 0
    outcome = command("evaluate", "out.png", *EVALUATE, "--json", "--no-ssim")
    assert json.loads(outcome.out)["own_network"] is False


def test_the_command_prints_every_number(command: Command):
    outcome = command("evaluate", "photo.png", *EVALUATE)
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    lines = outcome.out.splitlines()
    assert lines[0].split() == ["content", "distance", "0.000"]
    assert lines[1].startswith("style distance")
    assert lines[2].split() == ["structure", "distance", "0.000"]
    assert lines[3].startswith("strokes distance")
    assert lines[4].split() == ["SSIM", "to", "content", "1.000"]
    assert lines[7].split() == ["style", "means", "deviations", "strokes"]
    assert [line.split()[0] for line in lines[8:]] == [f"relu{k}_1" for k in range(1, 6)]
    assert [len(line.split()) for line in lines[8:]] == [5, 5, 5, 5, 4], "no strokes at relu5_1"


def test_without_the_extra_ssim_is_left_out_with_a_warning(command, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    outcome = command("evaluate", "photo.png", *EVALUATE)
    assert outcome.code == 0
    assert "strokes distance" in outcome.out
    assert "SSIM to content" not in outcome.out
    assert "pip install 'stylize-nst[evaluate]'" in outcome.err
    silent = command("evaluate", "photo.png", *EVALUATE, "--no-ssim", "--json")
    assert silent.code == 0, silent.err
    record = json.loads(silent.out)
    assert record["ssim"] is None
    assert not any("SSIM" in warning for warning in record["warnings"])


def test_an_extra_that_is_there_but_broken_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.functional.image", None)
    with pytest.raises(ExtraMissingError, match="SSIM needs torchmetrics"):
        structural_similarity(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64))


@pytest.mark.parametrize("missing", ["out.png", "photo.png", "painting.png"])
def test_a_missing_file_is_named(command: Command, missing):
    for name in ("photo.png", "painting.png"):
        (command.folder / name).rename(command.folder / f"was_{name}")
    names = {name: f"was_{name}" for name in ("photo.png", "painting.png")}
    names = {"out.png": "was_photo.png", **names, missing: missing}
    outcome = command(
        "evaluate", names["out.png"], "-c", names["photo.png"], "-s", names["painting.png"]
    )
    assert outcome.code == 2
    assert missing in outcome.complaint


def test_small_pictures_are_evaluated_too(command: Command):
    assert command("photo.png", "painting.png", *SMALL, "--set", "neighbors.iterations=2",
                   "-o", "out.png").code == 0  # fmt: skip
    record = json.loads(command("evaluate", "out.png", *EVALUATE, "--json").out)
    assert 0 < record["ssim"] <= 1
    assert record["content"] > 0
