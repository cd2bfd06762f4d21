"""The contracts catch real faults: one is planted in each part, and the right test names it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import planted_parts as planted
from plugin_factory import HEADER
from stylize import (
    BackboneSpec,
    ComponentSpec,
    Kind,
    LossSpec,
    MethodSpec,
    PresetSpec,
    SmoothingSpec,
    WeightsSpec,
    hookimpl,
)
from stylize.testing import ContractFailure, PluginContract
from stylize.testing.checks import Check
from stylize.testing.contractrun import check_contract, contract_of
from stylize.testing.hosts import plugin_module


def declare(kind: Kind, part: type) -> ComponentSpec:
    """Declare a part of planted_parts under the name "planted"."""
    factory = f"planted_parts:{part.__name__}"
    if kind is Kind.BACKBONE:
        return BackboneSpec(
            "planted", factory=factory, content_layers=("block2",), style_layers=("block*",)
        )
    if kind is Kind.SMOOTHING:
        return SmoothingSpec("planted", factory=factory, pointwise=part is not planted.Modest)
    if kind is Kind.LOSS:
        return LossSpec("planted", factory=factory, seeded=hasattr(part, "seeded"))
    return MethodSpec("planted", factory=factory, settings="planted_settings:FadeSettings")


@cache
def broken(kind: Kind, part: type) -> dict[str, Check]:
    """Run the contract of a planted part, and return the promises that it breaks."""
    plugin = plugin_module("planted_plugin", [declare(kind, part)])
    contract = contract_of(plugin, kind, "planted")
    checks = list(check_contract(contract))
    assert len(checks) >= 10
    return {check.promise: check for check in checks if check.status == "broken"}


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        (Kind.BACKBONE, planted.TinyBackbone),
        (Kind.SMOOTHING, planted.Cubic),
        (Kind.LOSS, planted.MeanLoss),
        (Kind.METHOD, planted.Fade),
    ],
)
def test_an_honest_part_keeps_every_promise(kind, part):
    assert broken(kind, part) == {}


BACKBONES = [
    (planted.TrainMode, "is frozen and in eval mode", "it is in train mode (module steps.0)"),
    (planted.TrainMode, "samples of a batch are independent", "differs alone and in a batch"),
    (planted.Unfrozen, "is frozen and in eval mode", "parameters are not frozen"),
    (
        planted.SkipsNormalisation,
        "normalises by the mean and deviation of its weights",
        "it skips the normalisation",
    ),
    (planted.NormalisesInPlace, "leaves the image as it was", "it writes to its input"),
    (
        planted.WrongChannels,
        "declared channels and strides are the real ones",
        "block2 of images 96x64 is (2, 16, 24, 16); its LayerInfo (channels 8, stride 4)",
    ),
    (planted.WrongLeastSize, "least size is true", "min_size 3, but with 3x3 it raises"),
    (planted.CautiousLeastSize, "least size is true", "31 pixels give a position too"),
    (
        planted.RunsAll,
        "computes nothing deeper than asked for",
        "asked for block1 it also runs steps.1",
    ),
    (planted.ForgivesUnknownLayers, "refuses an unknown layer", "raises nothing"),
    (planted.CutsTheGradient, "gradient reaches the image", "no gradient reaches the image"),
    (
        planted.OverwritesALayer,
        "gives the same in any order and company of layers",
        "block1 asked for alone differs",
    ),
    (planted.ReturnsAList, "gives the same twice", "it returns list"),
]
SMOOTHINGS = [
    (planted.MixesSamples, "smooths each sample alone", "differently alone and in a batch"),
    (planted.MapSoftmax, "pointwise is declared truly", "changes with other inputs"),
    (planted.Modest, "pointwise is declared truly", "pointwise=False is declared, but each"),
    (planted.Detaches, "gradient is that of its values", "no gradient reaches the features"),
    (planted.DetachesAFactor, "gradient is that of its values", "not the slope of its values"),
    (planted.WritesToItsInput, "leaves its input as it was", "it writes to its input"),
    (planted.TurnsFloat32, "keeps shape dtype and device", "torch.bfloat16 on cpu comes out as"),
    (planted.Pools, "keeps shape dtype and device", "(2, 6, 5, 7) come out as (2, 6, 2, 3)"),
    (planted.DropsOut, "gives the same twice", "differently the second time"),
    (
        planted.TakesOne,
        "entropy is strictly between 0 and 1 on real features",
        "(one peak)",
    ),
    (
        planted.Saturates,
        "keeps gradients alive on real features",
        "of active units have a gradient",
    ),
    (
        planted.DividesByDeviation,
        "is finite on blank and extreme features",
        "are not finite where all inputs are 0",
    ),
    (planted.ReturnsNumpy, "keeps shape dtype and device", "it returns ndarray, not a tensor"),
    (planted.Raises, "keeps shape dtype and device", "raises ValueError: not today"),
]
LOSSES = [
    (planted.NeverZero, "distance of identical statistics is zero", "not zero"),
    (planted.AlwaysZero, "distance of identical statistics is zero", "zero even for unrelated"),
    (planted.FalselyAdditive, "additive is declared truly", "additive = True, but mean is not"),
    (planted.SumsTheBatch, "gives a finite number a sample", "is a tensor of shape ()"),
    (planted.AveragesTheBatch, "treats each sample alone", "distance of sample 1 of 3"),
    (planted.MixesDegrees, "distance grows by a fixed power of the scale", "not homogeneous"),
    (
        planted.SaysAnotherRole,
        "is declared as a loss of its role",
        "LossSpec says role style, the loss itself content",
    ),
    (
        planted.KeepsThePrecision,
        "statistics are float32 and say their positions",
        "mean is torch.bfloat16",
    ),
    (planted.DetachesStatistics, "gradient reaches the image", "no gradient reaches the image"),
    (planted.WantsATargetEach, "takes one target for a batch", "distance(current, target) raises"),
    (planted.ReturnsBareTensors, "gives a finite number a sample", "statistics returns Tensor"),
    (
        planted.ForgetsPositions,
        "statistics are float32 and say their positions",
        "positions of an 8x9 map are 1",
    ),
    (planted.DrawsAnew, "gives the same twice", "differ from call to call"),
    (planted.DrawsWithoutTheSeed, "gives the same twice", "two that are built alike"),
    (planted.BlendsIntoTheFirst, "blends by shares", "by weights (0, 2) are"),
    (planted.BlendsTheBatch, "blends each sample alone", "sample 1 of 3 blends differently"),
    (
        planted.BlendsIntoAnotherShape,
        "blends by shares",
        "a tensor of shape (2, 4), blends into a tensor of shape (2, 8)",
    ),
]
METHODS = [
    (planted.GlobalNoise, "same seed gives the same picture", "it ignores the seed"),
    (planted.GlobalNoise, "leaves the global generators alone", "the global random generator"),
    (planted.OneSeed, "another seed gives another picture", "it ignores the seed"),
    (planted.SeedsTheWorld, "leaves the global generators alone", "the global random generator"),
    (
        planted.IgnoresTheDeadline,
        "honours a deadline",
        "it still takes 5 of 5 steps: it ignores the deadline",
    ),
    (planted.IgnoresCancellation, "honours cancellation", "it still takes 5 of 5"),
    (planted.ForgetsItsSteps, "a run that was stopped can be repeated", "nothing in run.replay"),
    (
        planted.RepeatsTooMany,
        "a run that was stopped can be repeated",
        "stopped after 1 steps, it makes another picture with {'steps': 2}",
    ),
    (planted.RepeatsByNoSetting, "a run that was stopped can be repeated", "'rounds'"),
    (planted.LeavesTheRange, "the picture is in 0 to 1", "values from"),
    (planted.PadsThePicture, "the picture is of the content s size", "(1, 3, 32, 53)"),
    (planted.ReturnsArray, "the picture is in 0 to 1", "stylize returns ndarray, not a tensor"),
    (planted.SaysNothing, "reports progress that rises to 1", "it reports no progress"),
    (planted.StopsHalfWay, "reports progress that rises to 1", "progress goes from 0.1 to 0.5"),
    (planted.IgnoresStrength, "strength matters", "strengths 0.1 and 3 give one picture"),
    (planted.PaintsOverTheContent, "leaves its inputs as they were", "it writes to the content"),
    (planted.CopiesTheContent, "the picture is not the content", "is the content, unchanged"),
]
FAULTS = [
    *((Kind.BACKBONE, *row) for row in BACKBONES),
    *((Kind.SMOOTHING, *row) for row in SMOOTHINGS),
    *((Kind.LOSS, *row) for row in LOSSES),
    *((Kind.METHOD, *row) for row in METHODS),
]


@pytest.mark.parametrize(("kind", "part", "promise", "fault"), FAULTS)
def test_the_right_promise_names_the_fault(kind, part, promise, fault):
    found = broken(kind, part)
    assert promise in found, found
    check = found[promise]
    assert check.part == f"{kind} planted"
    assert fault in check.fault
    assert check.remedy


# Plugins as a whole: faults found in a separate process, and faults of declarations.

IMPORTS = {
    "torch": ("import torch", "declares without importing torch", "importing it imports torch"),
    "prints": ("print('hello')", "imports quietly", "importing it prints 'hello'"),
    "exit": ("raise SystemExit(5)", "imports", "importing it calls sys.exit(5)"),
    "dies": ("import os; os._exit(7)", "imports", "ends the interpreter with exit code 7"),
    "hangs": ("while True: pass", "imports", "importing it is not done after"),
    "crash": ("1 / 0", "imports", "importing it raises ZeroDivisionError"),
}
PLUGIN = """
STYLIZE_PLUGIN_API = 1

@hookimpl
def stylize_components():
    return [SmoothingSpec("cubic", factory="planted_parts:Cubic", summary="A curve")]
"""


def breaks(plugin: Any, **attributes: Any) -> dict[str, Check]:
    """Run the contract of a plugin, and return the promises that it breaks."""
    contract: type[PluginContract] = type(
        "TestPlanted", (PluginContract,), {"plugin": plugin, **attributes}
    )
    return {c.promise: c for c in check_contract(contract) if c.status == "broken"}


@pytest.mark.parametrize("kind", IMPORTS)
def test_what_an_import_does_is_found_in_a_process_of_its_own(tmp_path: Path, monkeypatch, kind):
    line, promise, fault = IMPORTS[kind]
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"planted_{kind}.py").write_text(f"{HEADER}\n{line}\n{PLUGIN}")
    found = breaks(f"planted_{kind}", import_seconds=2 if kind == "hangs" else 20)
    assert [*found] == [promise]
    assert fault in found[promise].fault
    assert found[promise].part == f"plugin planted_{kind}"
    assert found[promise].remedy


COMMANDS = {
    "absent": ("planted_commands:absent", "has no attribute 'absent'"),
    "undecided": ("planted_commands:undecided", "cannot be loaded: AssertionError"),
    "heavy": ("planted_parts:paint", "loading command do imports torch"),
}
COMMAND = """
STYLIZE_PLUGIN_API = 1

@hookimpl
def stylize_commands(app):
    from stylize.command import add_command

    add_command(app, "do", {reference!r}, "Do it.")
"""


def write_command(folder: Path, name: str, reference: str) -> None:
    """Write a plugin that adds a command."""
    (folder / f"{name}.py").write_text(HEADER + COMMAND.format(reference=reference))


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_command_is_loaded_in_a_process_of_its_own(tmp_path: Path, monkeypatch, kind):
    reference, fault = COMMANDS[kind]
    monkeypatch.syspath_prepend(tmp_path)
    write_command(tmp_path, f"planted_command_{kind}", reference)
    found = breaks(f"planted_command_{kind}")
    assert [*found] == ["commands load"]
    assert fault in found["commands load"].fault
    assert found["commands load"].remedy


def test_an_honest_command_breaks_nothing(tmp_path: Path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    write_command(tmp_path, "planted_command_honest", "planted_commands:honest")
    assert breaks("planted_command_honest") == {}


CURVE = SmoothingSpec("curve", factory="planted_parts:Cubic", summary="A curve")


def plugin_with(settings: str) -> ModuleType:
    """Make a plugin with a smoothing that has one of the planted settings."""
    spec = SmoothingSpec("curve", "planted_parts:Cubic", f"planted_settings:{settings}", "A curve")
    return plugin_module("p", [spec])


DECLARATIONS = {
    "collision": (
        plugin_module("p", [SmoothingSpec("tanh", factory="planted_parts:Cubic", summary="t")]),
        "names are its alone",
        "smoothing 'tanh' is also a name of stylize-nst",
    ),
    "future": (
        plugin_module("p", [CURVE], STYLIZE_PLUGIN_API=99),
        "says its api version",
        "STYLIZE_PLUGIN_API is 99; this stylize has 1",
    ),
    "no version": (
        plugin_module("p", [CURVE], STYLIZE_PLUGIN_API=None),
        "says its api version",
        "it does not say STYLIZE_PLUGIN_API",
    ),
    "rubbish": (
        plugin_module("p", [], stylize_components=hookimpl(lambda: "tanh")),
        "registers",
        "fails at components: the hook returned 'tanh'",
    ),
    "misspelt hook": (
        plugin_module("p", [], stylize_component=hookimpl(lambda: ())),
        "registers",
        "stylize_component",
    ),
    "odd name": (
        plugin_module("p", [SmoothingSpec("Curve!", factory="planted_parts:Cubic")]),
        "registers",
        "is not lower_snake_case",
    ),
    "no summary": (
        plugin_module("p", [SmoothingSpec("curve", factory="planted_parts:Cubic")]),
        "parts have a summary",
        "smoothing curve has no summary",
    ),
    "undescribed setting": (
        plugin_with("Undescribed"),
        "settings are described",
        "setting curve.gain has no description",
    ),
    "required setting": (
        plugin_with("Required"),
        "settings have defaults",
        "gain is missing: Field required",
    ),
    "option of the run": (
        plugin_with("OfTheRun"),
        "options of the command are free or shared",
        "--strength of smoothing curve is one of the command's: only --set reaches curve.gain",
    ),
    "option of the command": (
        plugin_with("OfTheCommand"),
        "options of the command are free or shared",
        "--json of smoothing curve is one of the command's: only --set reaches curve.gain",
    ),
    "option of another type": (
        plugin_with("OfAnotherType"),
        "options of the command are free or shared",
        "--stroke-size of smoothing curve has another type than that of method adain: only --set",
    ),
    "no factory": (
        plugin_module("p", [SmoothingSpec("curve", factory="planted_parts:No", summary="s")]),
        "factories load",
        "cannot load 'planted_parts:No'",
    ),
    "factory of another kind": (
        plugin_module("p", [BackboneSpec("net", factory="planted_parts:Cubic", summary="s")]),
        "factories load",
        "does not take 2 arguments",
    ),
    "seeded factory without a seed": (
        plugin_module(
            "p", [LossSpec("net", factory="planted_parts:MeanLoss", summary="s", seeded=True)]
        ),
        "factories load",
        "does not take 2 arguments",
    ),
    "no preset": (
        plugin_module("p", [PresetSpec("mine", factory="planted_parts:no.toml", summary="s")]),
        "presets load",
        "preset mine",
    ),
    "no embedded weights": (
        plugin_module(
            "p",
            [
                BackboneSpec(
                    "net",
                    factory="planted_parts:TrainMode",
                    summary="s",
                    weights=(WeightsSpec("mine", embedded="stylize:no.safetensors"),),
                )
            ],
        ),
        "embedded weights are there",
        "weights net.mine are not at stylize:no.safetensors",
    ),
}


@pytest.mark.parametrize("kind", DECLARATIONS)
def test_what_a_plugin_declares_is_looked_at(kind):
    plugin, promise, fault = DECLARATIONS[kind]
    found = breaks(plugin)
    assert promise in found, found
    assert fault in found[promise].fault


def test_an_honest_plugin_breaks_nothing():
    assert breaks(plugin_module("honest", [CURVE])) == {}
    assert breaks(plugin_with("Shared")) == {}


def test_a_part_that_the_plugin_does_not_add_is_told():
    contract = contract_of(plugin_module("honest", [CURVE]), Kind.SMOOTHING, "curv")
    with pytest.raises(ContractFailure, match="smoothing curv: plugin honest adds no such part"):
        contract().build()
