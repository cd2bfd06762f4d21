"""`stylize analyze activations`: its measures against numpy, its table, files and plot."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from command import Command
from stylize import (
    LayerActivations,
    analyze_activations,
    create_backbone,
    create_smoothing,
    extras,
    get_spec,
    normalized_entropy,
    read_image,
)
from stylize.errors import ImageTooSmallError, SettingsError, UnknownNameError
from stylize_measure.analysis import peak_to_mean

ANALYZE = ("analyze", "activations", "photo.png", "--device", "cpu")
THIN = ("--backbone", "resnet50_thin", "--layers", "layer3.5,layer4.2")
SMOOTHINGS = ("none", "softmax", "tanh", "softsign", "scale")


def numpy_entropy(values: np.ndarray) -> float:
    """SWAG's entropy over its largest possible value, by the textbook."""
    p = np.abs(values.astype(float)).ravel()
    p = p / p.sum()
    p = p[p > 0]
    return float(-(p * np.log(p)).sum() / np.log(values.size))


@pytest.mark.parametrize("shape", [(1, 4, 5, 6), (7, 7), (2,)])
def test_measures_are_those_of_their_formulas(shape):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0)).relu() + 0.01
    values.view(-1)[0] = -3
    array = values.numpy()
    assert peak_to_mean(values) == pytest.approx(np.abs(array).max() / np.abs(array).mean())
    assert normalized_entropy(values) == pytest.approx(numpy_entropy(array))


def test_measures_at_their_ends():
    flat, peak = torch.full((1, 3, 4, 4), -2.5), torch.zeros(1, 3, 4, 4)
    peak[0, 1, 2, 3] = 7
    assert peak_to_mean(flat) == pytest.approx(1)
    assert normalized_entropy(flat) == pytest.approx(1)
    assert peak_to_mean(peak) == pytest.approx(48)
    assert normalized_entropy(peak) == 0
    assert normalized_entropy(torch.tensor([3.0])) == 1
    assert math.isnan(peak_to_mean(torch.zeros(4)))
    assert math.isnan(normalized_entropy(torch.zeros(4)))


@pytest.mark.parametrize("gains", ["calibrated", "one"])
@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_rows_are_what_numpy_says_of_the_features(photo, smoothing, gains):
    (row,) = analyze_activations(
        [photo], ["resnet50_thin"], [smoothing], layers=["layer4.2"], gains=gains, size=96,
        device="cpu",
    )  # fmt: skip
    features = create_backbone("resnet50_thin")(read_image(photo, size=96).pixels, ["layer4.2"])
    (weights,) = get_spec("backbone", "resnet50_thin").weights
    gain = weights.gains["layer4.2"] if gains == "calibrated" else 1
    array = create_smoothing(smoothing)(gain * features["layer4.2"]).numpy()[0].astype(float)
    flat = array.reshape(len(array), -1)
    assert (row.image, row.backbone) == (str(photo), "resnet50_thin.open_nsfw")
    assert (row.layer, row.smoothing) == ("layer4.2", smoothing)
    assert row.peak == pytest.approx(array.max() / array.mean(), rel=1e-4)
    assert row.entropy == pytest.approx(numpy_entropy(array), abs=1e-5)
    assert row.gram_entropy == pytest.approx(numpy_entropy(flat @ flat.T), abs=1e-5)


@pytest.fixture(scope="module")
def rows(photo) -> dict[tuple[str, str, str], LayerActivations]:
    found = analyze_activations(
        [photo], ["resnet50_thin", "vgg16"], SMOOTHINGS, size=128, device="cpu"
    )
    return {(row.backbone, row.layer, row.smoothing): row for row in found}


def test_tanh_and_softsign_flatten_every_layer(rows):
    for (backbone, layer, smoothing), row in rows.items():
        before = rows[backbone, layer, "none"]
        if smoothing in ("tanh", "softsign"):
            assert row.peak < before.peak / 3
            assert row.entropy > before.entropy
            assert row.gram_entropy > before.gram_entropy


def test_scale_changes_nothing_that_is_measured(rows):
    for (backbone, layer, smoothing), row in rows.items():
        before = rows[backbone, layer, "none"]
        if smoothing == "scale":
            assert row.peak == pytest.approx(before.peak, rel=1e-4)
            assert row.entropy == pytest.approx(before.entropy, rel=1e-4)
            assert row.gram_entropy == pytest.approx(before.gram_entropy, rel=1e-4)


def test_layers_are_those_of_style_and_smoothing_by_default(rows):
    thin = {layer for backbone, layer, _ in rows if backbone == "resnet50_thin.open_nsfw"}
    assert thin == {
        "conv1", "layer1.2", "layer2.3", *(f"layer3.{i}" for i in range(6)),
        *(f"layer4.{i}" for i in range(3)),
    }  # fmt: skip


def test_patterns_may_be_of_one_backbone_only(photo):
    both = ["resnet50_thin", "vgg16"]
    found = analyze_activations([photo], both, layers=["conv4_3", "relu5_3"], size=64, device="cpu")
    # conv4_3 is also the paper's name of a residual block.
    assert [(row.backbone, row.layer) for row in found] == [
        ("resnet50_thin.open_nsfw", "layer4.2"),
        ("vgg16.oxford", "conv4_3"),
        ("vgg16.oxford", "relu5_3"),
    ]
    with pytest.raises(UnknownNameError, match=r"unknown layer of resnet50_thin 'relu9_\*'"):
        analyze_activations([photo], both, layers=["conv1", "relu9_*"], size=64, device="cpu")


def test_settings_of_parts_are_used_and_checked(photo):
    def entropy(**softmax: object) -> float:
        (row,) = analyze_activations(
            [photo], ["resnet50_thin"], ["softmax"], layers=["layer4.2"], size=64, device="cpu",
            options={"softmax": softmax},
        )  # fmt: skip
        return row.entropy

    assert entropy(temperature=0.5) < entropy(temperature=1) < entropy(temperature=5)
    with pytest.raises(SettingsError, match="temperature"):
        entropy(temperature=0)
    with pytest.raises(UnknownNameError, match="unknown part of this analysis 'tanh'"):
        analyze_activations([photo], ["vgg16"], ["none"], options={"tanh": {"gain": 1}})


def test_an_image_too_small_for_a_layer_is_refused(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "small.png")
    with pytest.raises(ImageTooSmallError, match="image is 8x8; vgg16"):
        analyze_activations([tmp_path / "small.png"], ["vgg16"], layers=["relu5_1"], device="cpu")


def test_the_table_shows_means_over_images(command: Command):
    options = (*THIN, "--smooth", "none,tanh")
    outcome = command(*ANALYZE, "painting.png", *options, "-o", "rows.csv")
    assert outcome.code == 0, outcome.err
    title, head, *lines = outcome.out.splitlines()
    assert title == "resnet50_thin.open_nsfw, mean over 2 images"
    assert head.split() == ["layer", "smoothing", "peak/mean", "entropy", "Gram", "entropy"]
    assert [line.split()[:2] for line in lines] == [
        [layer, smooth] for layer in ("layer3.5", "layer4.2") for smooth in ("none", "tanh")
    ]
    with (command.folder / "rows.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == 8  # one row per image
    peaks = [float(row["peak"]) for row in found if row["layer"] == "layer3.5"][::2]
    assert float(lines[0].split()[2]) == pytest.approx(np.mean(peaks), abs=0.05)


def test_json_and_plot_are_written(command: Command):
    smooth = ("--smooth", "none,softmax", "--set", "softmax.temperature=4")
    outcome = command(*ANALYZE, *THIN, *smooth, "-o", "a.json", "-o", "a.png", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.err.splitlines() == ["a.json: written", "a.png: written"]
    printed = json.loads(outcome.out)
    assert json.loads((command.folder / "a.json").read_text()) == printed
    assert set(printed[0]) == {
        "image", "backbone", "layer", "smoothing", "peak", "entropy", "gram_entropy"
    }  # fmt: skip
    with Image.open(command.folder / "a.png") as plot:
        assert min(plot.size) > 300
        assert len(plot.convert("L").getcolors()) > 10


def test_a_dead_layer_is_null_in_json(command: Command, monkeypatch):
    dead = LayerActivations("photo.png", "b", "c", "none", math.nan, math.nan, math.nan)
    monkeypatch.setattr("stylize_measure.analysis.analyze_activations", lambda *_, **__: [dead])
    record = json.loads(command(*ANALYZE, "--json").out)[0]
    assert record["peak"] is record["entropy"] is record["gram_entropy"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--smooth", "tan"), "unknown smoothing 'tan'; did you mean tanh?"),
        (("--backbone", "vgg"), "unknown backbone 'vgg'"),
        (("--layers", "layer9.*"), "unknown layer of vgg16 'layer9.*'"),
        (("--gains", "two"), "gains is 'two': use calibrated or one"),
        (("--smooth", ","), "--smooth is ',': name at least one"),
        (("--set", "tanh.gain=2"), "unknown part of this analysis 'tanh'"),
        (("--smooth", "tanh", "--set", "tanh.gain=-1"), "gain"),
        (("-o", "rows.txt"), "unknown extension '.txt': use one of .csv, .json, .png"),
        (("-o", "there/rows.csv"), "there is no folder there"),
        (("-o", "photo.png", "--force"), "choose another name"),
        (("-o", "old.csv"), "exists: choose another name, or replace it with --force"),
    ],
)
def test_bad_input_is_one_line(command: Command, options, message):
    (command.folder / "old.csv").touch()
    outcome = command(*ANALYZE, *options)
    assert outcome.code == 2
    assert message in outcome.complaint


def test_without_the_extra_a_plot_is_refused_before_any_work(command: Command, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    outcome = command(*ANALYZE, *THIN, "-o", "a.png")
    assert outcome.code == 3
    assert "pip install 'stylize-nst[plot]'" in outcome.complaint
    assert command(*ANALYZE, *THIN, "-o", "a.csv").code == 0
