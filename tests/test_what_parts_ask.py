"""Optional requests of parts: no network, the layer's name, a picture's start and end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from command import FAST, SMALL, Command
from plugin_factory import place_distribution
from stylize import (
    LossSpec,
    MethodSpec,
    Parts,
    PluginHost,
    Role,
    Run,
    SmoothingSpec,
    Statistics,
    StyleImage,
    Stylizer,
    make_plan,
    make_settings,
    stylize_image,
)
from stylize.building import backbones
from stylize.errors import PluginError
from stylize.testing.contractrun import check_contract, contract_of
from stylize.testing.hosts import builtin_host, plugin_module

HERE = "test_what_parts_ask:"
QUICK = {"size": 48, "precision": "float32", "device": "cpu"}


class Tint:
    """Needs no network: the photograph in the painting's mean colour."""

    def __init__(self, settings: None) -> None:
        del settings

    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Tensor:
        from stylize import Progress

        assert content is not None
        share = run.strength / (1 + run.strength)
        picture = content.lerp(styles[0].image.mean(dim=(2, 3), keepdim=True), share)
        run.report(Progress(1.0, 1, 1, {}, image=lambda: picture))
        return picture


class PeeksAtFeatures(Tint):
    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Tensor:
        parts.least_size()
        return super().stylize(content, styles, parts, run)


class Halved:
    """Halves features, except on conv4_*."""

    def __init__(self, settings: None) -> None:
        self.factor = 0.5
        self.asked: list[str] = []

    def for_layer(self, layer: str) -> Halved:
        self.asked.append(layer)
        found = Halved(None)
        found.factor = 1.0 if layer.startswith("conv4") else 0.5
        return found

    def __call__(self, features: Tensor) -> Tensor:
        return self.factor * features


class MeansByLayer:
    """Compares means; deep layers count three times."""

    role, additive = Role.STYLE, True

    def __init__(self, settings: None) -> None:
        self.factor = 1.0

    def for_layer(self, layer: str) -> MeansByLayer:
        found = MeansByLayer(None)
        found.factor = 3.0 if layer.startswith("conv4") else 1.0
        return found

    def statistics(self, features: Tensor) -> Statistics:
        positions = features.shape[-2] * features.shape[-1]
        return Statistics({"mean": self.factor * features.float().mean(dim=(2, 3))}, positions)

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        return (current.values["mean"] - target.values["mean"]).square().sum(dim=1)


class HalvedBadly(Halved):
    """Is sound itself, but its form for a layer loses a channel."""

    def for_layer(self, layer: str) -> Any:
        return lambda features: features[:, 1:]


class MeansBadly(MeansByLayer):
    """Is sound itself, but its form for a layer gives one distance for all samples."""

    def for_layer(self, layer: str) -> MeansByLayer:
        found = MeansByLayer(None)
        found.distance = lambda current, target: target.values["mean"].sum()  # type: ignore[method-assign]
        return found


SPECS = [
    MethodSpec("tint", factory=HERE + "Tint", needs_features=False, summary="Tinted"),
    MethodSpec("peeks", factory=HERE + "PeeksAtFeatures", needs_features=False, summary="Peeks"),
    SmoothingSpec("halved", factory=HERE + "Halved", summary="Halved", pointwise=True),
    LossSpec("means_by_layer", factory=HERE + "MeansByLayer", summary="Means"),
    SmoothingSpec("halved_badly", factory=HERE + "HalvedBadly", summary="Halved", pointwise=True),
    LossSpec("means_badly", factory=HERE + "MeansBadly", summary="Means"),
]


@pytest.fixture(scope="module")
def asking() -> PluginHost:
    host = builtin_host(strict=True)
    host.register(plugin_module("asking", SPECS), "asking")
    return host


# No network.


def test_a_method_without_features_loads_no_network(asking, photo, painting, monkeypatch):
    def load(*_: object, **__: object) -> None:
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(backbones, "resolve_weights", load)
    result = stylize_image(photo, painting, host=asking, method="tint", **QUICK)
    assert result.record["weights"] == result.record["loss_network"] == "none"
    assert result.record["settings"]["backbone"] == "vgg16"
    assert result.warnings == ()


def test_options_that_it_has_no_use_for_are_told_and_others_are_not(asking):
    def told(**settings: object) -> list[str]:
        plan = make_plan(asking, make_settings({"method": "tint", **settings}, asking))
        return [problem.message for problem in plan.problems]

    assert told(strength=2, quality="draft", content_weight=1.0) == []
    assert told(backbone="resnet50_thin", smooth="tanh", options={"tanh": {"gain": 2}}) == [
        "method tint looks at no features; without effect: --backbone, --smooth, --set tanh.gain"
    ]


def test_its_picture_is_made_again_without_a_word(asking, photo, painting):
    first = stylize_image(photo, painting, host=asking, method="tint", **QUICK)
    plan = make_plan(asking, make_settings(first.record["settings"], asking))
    assert plan.problems == ()
    assert torch.equal(Stylizer(plan, asking)(photo, [painting]).pixels, first.pixels)


def test_the_contract_tells_a_method_that_looks_all_the_same(asking):
    module = plugin_module("asking", SPECS)

    def status(name: str) -> dict[str, str]:
        checks = list(check_contract(contract_of(module, MethodSpec.kind, name)))
        return {check.promise: check.status for check in checks}

    promise = "needs features is declared truly"
    assert status("tint")[promise] == "kept"
    assert "broken" not in status("tint").values()
    assert status("peeks")[promise] == "broken"


# The layer's name.


def test_a_smoothing_may_differ_from_layer_to_layer(asking, photo):
    layers = {
        "backbone": "vgg16",
        "smooth_layers": "conv3_1,conv4_1",
        "gains": "one",
        **QUICK,
    }
    plain, halved = (
        Stylizer(make_settings({"smooth": smooth, **layers}), asking).parts.features
        for smooth in ("none", "halved")
    )
    image = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    wanted = ("conv2_1", "conv3_1", "conv4_1")
    before, after = plain(image, wanted), halved(image, wanted)
    assert [bool(torch.equal(before[name], after[name])) for name in wanted] == [True, False, True]
    torch.testing.assert_close(after["conv3_1"], before["conv3_1"] / 2)


def test_a_loss_may_differ_from_layer_to_layer(asking):
    settings = {
        "method": "gatys",
        "style_loss": "means_by_layer",
        "balance": "paper",
        **QUICK,
    }
    image = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    blank = torch.zeros_like(image)

    def objective(layer: str) -> tuple[float, float]:
        plan = make_plan(asking, make_settings({**settings, "style_layers": layer}, asking))
        parts = Stylizer(plan, asking).parts
        total, _ = parts.objective(None, parts.style_targets([blank], [1.0]))(image)
        plainly = [
            parts.style.loss.statistics(parts.features(each, [layer])[layer])
            for each in (image, blank)
        ]
        return total.item(), parts.style.loss.distance(*plainly).item()

    shallow, plain = objective("conv2_1")
    assert shallow == pytest.approx(plain)
    deep, plain = objective("conv4_1")
    assert deep == pytest.approx(9 * plain, rel=1e-4)


@pytest.mark.parametrize("method", ["gatys", "neighbors"])
def test_what_differs_by_layer_makes_pictures_with_every_method(asking, photo, painting, method):
    options = {"method": {"iterations": "2"}}
    chosen = {"smooth": "halved", "style_loss": "means_by_layer", "options": options, **QUICK}
    assert (
        stylize_image(photo, painting, host=asking, method=method, **chosen).pixels.isfinite().all()
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"smooth": "halved_badly"}, "smoothing halved_badly.*features of shape"),
        ({"style_loss": "means_badly"}, "loss means_badly.*the distances of 1 sample"),
    ],
)
def test_what_a_layer_s_own_gives_first_is_looked_at_too(asking, photo, painting, given, said):
    chosen = {"method": "gatys", "options": {"gatys": {"iterations": "1"}}, **given, **QUICK}
    with pytest.raises(PluginError, match=said):
        stylize_image(photo, painting, host=asking, **chosen)


# The start and the end.

OBSERVER = """
import json
from pathlib import Path

STYLIZE_PLUGIN_API = 1


class Diary:
    def __init__(self, line=None):
        self.lines = []

    def picture_started(self, name):
        self.lines.append(["started", name])

    def progressed(self, progress):
        self.lines.append(["progressed", progress.step])

    def picture_finished(self, name, record):
        told = None if record is None else [record["steps"], record["settings"]["method"]]
        self.lines.append(["finished", name, told])
        with Path("diary.txt").open("a") as file:
            print(json.dumps(self.lines), file=file)


class Old:
    started = finished = 0.0  # its own, from before there was more to hear

    def progressed(self, progress):
        pass


class FailsAtTheEnd(Old):
    def picture_finished(self, name, record):
        raise ValueError("the disk is full")


@hookimpl
def stylize_observers(plan):
    return [Diary(), Old()] + [FailsAtTheEnd()] * (plan.settings.strength == 3)
"""


@pytest.fixture
def diary(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with an installed plugin that keeps a diary of each picture."""
    place_distribution(tmp_path / "site", "acme-diary", OBSERVER)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return command


def read_diary() -> list[Any]:
    return [json.loads(line) for line in Path("diary.txt").read_text().splitlines()]


def test_an_observer_hears_start_and_end_of_each_picture(diary: Command):
    Path("other.png").write_bytes(Path("photo.png").read_bytes())
    ended = diary("photo.png", "other.png", "painting.png", *FAST, "-o", "out", "--json")
    assert ended.code == 0, ended.err
    for name, heard in zip(("photo.png", "other.png"), read_diary(), strict=True):
        assert heard[0] == ["started", name]
        assert heard[-1] == ["finished", name, [1, "gatys"]]
        assert {event for event, *_ in heard[1:-1]} == {"progressed"}
    assert ended.err == ""


def test_it_hears_that_a_picture_failed(diary: Command):
    ended = diary(
        "photo.png",
        "painting.png",
        *SMALL,
        "--backbone",
        "vgg16",
        "--style-layers",
        "relu5_1",
        "--size",
        "16",
    )
    assert ended.code != 0
    (heard,) = read_diary()
    assert heard == [["started", "photo.png"], ["finished", "photo.png", None]]


def test_one_that_fails_at_the_end_costs_a_warning_and_no_picture(diary: Command):
    ended = diary("photo.png", "painting.png", *FAST, "--strength", "3", "-o", "out.png")
    assert ended.code == 0
    assert Path("out.png").is_file()
    assert "FailsAtTheEnd" in ended.err
    assert "the disk is full" in ended.err
