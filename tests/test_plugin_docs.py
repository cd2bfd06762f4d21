"""The pages for plugin authors are true: their code runs, and their lists are complete."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
import typer
from PIL import Image

import stylize.command
from documents import DOCS, GENERATOR, ROOT, files, plugins_of_pages
from plugin_factory import place_distribution
from small_training import make_model
from stylize import (
    Kind,
    PluginHost,
    create_backbone,
    find_model,
    load_preset,
    make_plan,
    make_settings,
)
from stylize.command.app import build_app, run
from stylize.discovery.rows import Stage
from stylize.errors import OutputError, UsageError
from stylize.testing import MethodContract, TrainableContract, assert_composes
from stylize.testing.contractrun import check_contract, contract_of

PAGES = DOCS / "plugins"
KINDS = ("smoothing", "backbone", "loss", "method", "command", "preset", "model")


HOOKS = {hook.__name__: hook for hook in GENERATOR.hooks()}


# Nothing is missing.


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_and_each_of_its_arguments_has_a_heading(name):
    text = (PAGES / "reference.md").read_text(encoding="utf-8")
    section = re.search(rf"^### `{name}`$(.*?)(?=^###? )", text, re.DOTALL | re.MULTILINE)
    assert section, f"no heading of {name}"
    assert re.findall(r"^#### `(\w+)`$", section[1], re.MULTILINE) == list(
        inspect.signature(HOOKS[name]).parameters
    )


def test_an_argument_that_is_not_described_fails():
    def stylize_new(plan: object, other: object) -> None:
        """Do it.

        Args:
            plan: of the run.
        """

    with pytest.raises(ValueError, match="stylize_new: describe other under Args"):
        GENERATOR.arguments_of(stylize_new)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_called_with_each_of_its_arguments(name, recorded):
    calls = [arguments for event, arguments in recorded.calls + recorded.rerun if event == name]
    assert calls, f"{name} was never called: give the recorder of this file that hook, and a run"
    assert set(calls[0]) == set(inspect.signature(HOOKS[name]).parameters)
    assert all(value is not None for value in calls[0].values())


def test_there_is_a_how_to_for_every_kind_and_hook():
    text = (PAGES / "how-to.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^## An? (.+)$", text, re.MULTILINE))
    more = {"option of the command", "weights source", "check", "observer", "rerun"}
    more.add("trainable method")
    assert sections == {*KINDS, *more}
    assert {str(kind) for kind in Kind} <= {*KINDS}
    for name in HOOKS:
        assert f"def {name}(" in text


def test_all_of_the_kit_of_commands_is_told():
    text = (PAGES / "commands.md").read_text(encoding="utf-8")
    for name in stylize.command.__all__:
        assert re.search(rf"\b{name}\b", text), f"docs/plugins/commands.md does not tell of {name}"


# The examples work.


@pytest.fixture(scope="module")
def how_to(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PluginHost]:
    """The built-in plugins and the packages of the pages for authors."""
    with plugins_of_pages(tmp_path_factory.mktemp("how_to")) as host:
        yield host


def run_shown(host: PluginHost, *arguments: str) -> int:
    """Run a command of the pages and return its exit code."""
    command = typer.main.get_command(build_app(host))
    code = command.main(arguments, prog_name="stylize", standalone_mode=False)
    return code if isinstance(code, int) else 0


@pytest.mark.parametrize("kind", ["smoothing", "backbone", "loss", "method"])
def test_the_how_to_s_part_makes_a_picture(how_to, kind):
    (spec,) = (s for s in how_to.specs(Kind(kind)) if how_to.origin(s).entry == f"acme_{kind}")
    assert_composes(how_to, spec.kind, spec.name)


def test_the_how_to_s_blending_loss_keeps_the_contract(how_to):
    contract = contract_of(sys.modules["acme_sets"], Kind.LOSS, "sorted_samples")
    checks = {check.promise: check for check in check_contract(contract)}
    assert {check.status for check in checks.values()} <= {"kept", "skipped"}, checks
    assert checks["blends by shares"].status == checks["gives the same twice"].status == "kept"


def test_the_how_to_s_smoothing_by_layer_makes_a_picture(how_to):
    assert_composes(how_to, Kind.SMOOTHING, "deeper_softer")


@pytest.mark.parametrize(
    ("package", "name", "base"),
    [("acme_tint", "tint", MethodContract), ("acme_trainable", "recolor", TrainableContract)],
)
def test_the_how_to_s_other_methods_keep_their_contracts(how_to, package, name, base):
    contract = type("TestMethod", (base,), {"plugin": sys.modules[package], "name": name})
    checks = list(check_contract(contract))
    assert {check.status for check in checks} <= {"kept", "skipped"}, checks


def test_the_how_to_s_preset_loads(how_to):
    preset = load_preset(how_to, "strong_moments")
    assert preset.settings == {"style_loss": "moments", "strength": 3.0}


def test_the_how_to_s_model_is_found(how_to):
    package = Path(str(importlib.import_module("acme_model").__file__)).parent
    make_model(package / "blue_night.safetensors")
    assert find_model(how_to, "blue_night").header.method == "johnson"


def test_the_how_to_s_command_runs(how_to, capsys):
    assert run_shown(how_to, "count-parts") == 0
    assert f"method: {len(how_to.specs(Kind.METHOD))}\n" in capsys.readouterr().out


def test_the_how_to_s_option_sets_its_part_alone(how_to):
    def clipped(**settings: object) -> object:
        return make_plan(how_to, make_settings(settings, how_to)).smoothing_settings

    assert clipped(smooth="clipped", clip_at="3") == clipped(
        smooth="clipped", options={"clipped": {"limit": 3}}
    )
    said = (
        "--clip-at 3 is an option of clipped, which this run does not use: leave it out, or use "
        "--smooth clipped"
    )
    with pytest.raises(UsageError, match=said):
        clipped(clip_at="3")
    page = " ".join((PAGES / "how-to.md").read_text(encoding="utf-8").split())
    assert said in page


def test_the_how_to_s_rerun_writes_the_file_again(how_to, tmp_path, capsys):
    counts = tmp_path / "my.parts.txt"
    counts.write_text("method: 1\n")
    assert run_shown(how_to, "rerun", str(counts), "--quiet") == 0
    again = (tmp_path / "my.parts_rerun.txt").read_text()
    assert f"method: {len(how_to.specs(Kind.METHOD))}\n" in again
    with pytest.raises(OutputError, match="exists"):
        run_shown(how_to, "rerun", str(counts))


def test_the_commands_of_the_page_make_their_pictures(how_to, photo, painting, tmp_path, capfd):
    (tmp_path / "photos").mkdir()
    for name in ("one.png", "two.png"):
        (tmp_path / "photos" / name).write_bytes(photo.read_bytes())
    with contextlib.chdir(tmp_path):
        assert run_shown(how_to, "grey", "photos", "-o", "grey", "--json") == 0
        small = ("--size", "32", "--set", "neighbors.iterations=1", "--precision", "float32")
        assert run_shown(how_to, "textures", str(painting), *small, "--json") == 0
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    made = [*(f"grey/{name}_grey.png" for name in ("one", "two")), f"{painting.stem}_texture.png"]
    assert [record["output"] for record in records] == made
    with Image.open(tmp_path / made[0]) as grey, Image.open(photo) as photograph:
        assert grey.size == photograph.size
        assert len(set(grey.getpixel((5, 5)))) == 1


def test_the_how_to_s_weights_reach_the_backbone(how_to):
    made = create_backbone("resnet18.acme", host=how_to)
    random = create_backbone("resnet18.random", host=how_to)
    image = torch.rand(1, 3, 32, 32)
    assert not torch.equal(made(image, ["conv1"])["conv1"], random(image, ["conv1"])["conv1"])


def test_the_how_to_s_check_warns_and_refuses(how_to):
    plan = make_plan(how_to, make_settings({"strength": 200}))
    assert [problem.message for problem in plan.problems] == [
        "strength 200 leaves little of the photograph"
    ]
    with pytest.raises(UsageError, match="strength is 2000: use at most 1000"):
        make_plan(how_to, make_settings({"strength": 2000}))


def test_the_how_to_s_observer_follows_gatys_alone(how_to):
    def count(**settings: str) -> int:
        return len(how_to.observers(make_plan(how_to, make_settings(settings))))

    assert count(method="gatys") == 1
    assert count() == count(method="from_noise") == 0


def test_the_tutorial_shows_the_files_of_the_example():
    shown = files("tutorials/ship-a-smoothing.md")
    assert len(shown) == 3
    for name, source in shown.items():
        text = (ROOT / "examples" / "stylize-divisive" / name).read_text(encoding="utf-8")
        assert text.startswith(source.rstrip("\n")), f"{name} is not as in the tutorial"
        if "/" in name and not name.startswith("tests/"):
            assert text.rstrip("\n") == source.rstrip("\n")


# The life of a run.

RECORDER = """
from stylize import BackboneSpec, LossSpec, MethodSpec, SmoothingSpec, WeightsSpec, hookimpl

STYLIZE_PLUGIN_API = 1
calls = [("import", {})]


@hookimpl
def stylize_components():
    calls.append(("stylize_components", {}))
    where = "recorder_parts:"
    return [
        BackboneSpec("mynet", factory=where + "backbone", weights=(WeightsSpec("mine"),),
                     content_layers=("block2",), style_layers=("block*",), summary="Recorded"),
        SmoothingSpec("mysmooth", factory=where + "Smoothing", summary="Recorded",
                      settings="recorder_settings:Nothing"),
        LossSpec("myloss", factory=where + "Loss", summary="Recorded"),
        MethodSpec("mymethod", factory=where + "Method", summary="Recorded"),
    ]


@hookimpl
def stylize_commands(app):
    calls.append(("stylize_commands", {"app": app}))


@hookimpl
def stylize_check(plan):
    calls.append(("stylize_check", {"plan": plan}))
    return []


@hookimpl
def stylize_weights(backbone, tag):
    calls.append(("stylize_weights", {"backbone": backbone, "tag": tag}))
    from recorder_parts import Source
    return Source()


@hookimpl
def stylize_rerun(path):
    calls.append(("stylize_rerun", {"path": path}))
    return None


@hookimpl
def stylize_observers(plan):
    calls.append(("stylize_observers", {"plan": plan}))
    from recorder_parts import Observer
    return [Observer()]
"""

RECORDER_SETTINGS = '''
import acme_recorder
from stylize import Settings

acme_recorder.calls.append(("settings", {}))


class Nothing(Settings):
    """None."""
'''

RECORDER_PARTS = """
from acme_recorder import calls
from stylize import Progress, Role, Statistics, Weights, create_loss
from stylize.testing.tinybackbone import TinyBackbone


class Source:
    def load(self):
        calls.append(("load", {}))
        return Weights("mynet.mine", None)


def backbone(settings, weights):
    calls.append(("backbone factory", {}))
    return TinyBackbone(settings, weights)


class Smoothing:
    def __init__(self, settings):
        calls.append(("smoothing factory", {}))

    def __call__(self, features):
        return features.tanh()


class Loss:
    role, additive = Role.STYLE, False

    def __init__(self, settings):
        calls.append(("loss factory", {}))

    def statistics(self, features):
        return Statistics({"mean": features.mean(dim=(2, 3))}, 1)

    def distance(self, current, target):
        return (current.values["mean"] - target.values["mean"]).square().mean(dim=1)


class Method:
    def __init__(self, settings):
        calls.append(("method factory", {}))

    def stylize(self, content, styles, parts, run):
        calls.append(("method.stylize", {}))
        run.report(Progress(1.0, 1, 1, {}))
        return content


class Observer:
    def progressed(self, progress):
        calls.append(("progressed", {}))
"""

MINE = ("--backbone", "mynet", "--smooth", "mysmooth", "--style-loss", "myloss",
        "--method", "mymethod")  # fmt: skip
SMALL = ("--size", "32", "--precision", "float32")


@dataclass(frozen=True)
class Recording:
    """The calls that the recording plugin received.

    Args:
        calls: from the command, in a run of two pictures.
        rerun: from `stylize rerun` of the first, in the same process.
    """

    folder: Path
    calls: list[tuple[str, dict[str, Any]]]
    rerun: list[tuple[str, dict[str, Any]]]

    def again(self, *arguments: str) -> list[str]:
        """Run the command in the same process and return its calls."""
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(self.folder)
            calls = importlib.import_module("acme_recorder").calls
            before = len(calls)
            assert run(arguments) == 0
        return [event for event, _ in calls[before:]]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, demo: Path) -> Iterator[Recording]:
    folder = tmp_path_factory.mktemp("recorder")
    extra = {"recorder_settings.py": RECORDER_SETTINGS, "recorder_parts.py": RECORDER_PARTS}
    place_distribution(folder, "acme-recorder", RECORDER, files=extra)
    pictures = [str(demo / name) for name in ("china.jpg", "astronaut.jpg", "starry_night.jpg")]
    with pytest.MonkeyPatch.context() as patch:
        # Only for this run: other tests must not discover it.
        patch.syspath_prepend(folder)
        assert run([*pictures, *MINE, *SMALL, "-o", str(folder)]) == 0
        recorder = importlib.import_module("acme_recorder")
        calls = list(recorder.calls)
        (picture,) = folder.glob("china_*.png")
        assert run(["rerun", str(picture)]) == 0
        rerun = recorder.calls[len(calls) :]
    yield Recording(folder, calls, rerun)
    for name in ("acme_recorder", "recorder_settings", "recorder_parts"):
        sys.modules.pop(name, None)


def told() -> list[str]:
    text = (PAGES / "life-of-a-run.md").read_text(encoding="utf-8")
    return re.findall(r"^\d+\. `([^`]+)`:", text, re.MULTILINE)


def test_hooks_are_called_in_the_order_of_the_page(recorded):
    events = [event for event, _ in recorded.calls]
    first = list(dict.fromkeys(events))
    assert first == told()
    for once in (
        *("import", "stylize_components", "settings", "stylize_commands", "stylize_check"),
        *("load", "backbone factory"),
    ):
        assert events.count(once) == 1, once
    for each_picture in ("stylize_observers", "method.stylize"):
        assert events.count(each_picture) == 2
    second = events[len(events) - events[::-1].index("stylize_observers") - 1 :]
    assert second == ["stylize_observers", "method.stylize", "progressed"]


def test_listing_parts_calls_only_what_the_page_says(recorded):
    listed = list(dict.fromkeys(recorded.again("plugins", "list")))
    hooks = ["stylize_check", "stylize_observers", "stylize_weights"]
    assert listed == ["stylize_components", "stylize_commands", *hooks]
    assert recorded.again("--help") == ["stylize_components", "stylize_commands"]


def test_a_rerun_asks_plugins_before_it_takes_a_file_for_a_picture(recorded):
    events = [event for event, _ in recorded.rerun]
    known = ["stylize_components", "stylize_commands", "stylize_rerun", "stylize_check"]
    assert events[:4] == known
    assert "method.stylize" in events


def test_weights_are_not_asked_for_where_random_ones_are_wanted(recorded, demo, tmp_path):
    pictures = [str(demo / "china.jpg"), str(demo / "starry_night.jpg")]
    random = ("--backbone", "mynet.random", *SMALL, "-o", str(tmp_path / "out.png"))
    called = recorded.again(*pictures, *MINE, *random)
    assert "backbone factory" in called
    assert "stylize_weights" not in called


def test_the_failure_stages_of_the_page_are_those_of_the_code():
    text = (PAGES / "conflicts.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(get_args(Stage))
