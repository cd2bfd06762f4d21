"""The contracts of commands and trainings: honest ones keep them, and each fault is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
import torch
import typer
from torch import Tensor, nn

from small_training import NARROW
from stylize import (
    MethodSpec,
    Parts,
    Progress,
    Run,
    Settings,
    StyleImage,
    hookimpl,
    read_image,
    write_image,
)
from stylize.errors import UsageError
from stylize.testing import CommandContract, TrainableContract
from stylize.testing.checks import Check
from stylize.testing.contractrun import check_contract
from stylize.testing.hosts import plugin_module

HERE = "test_contracts_commands:"


def found(contract: type[Any]) -> dict[str, Check]:
    return {check.promise: check for check in check_contract(contract)}


def broken(contract: type[Any]) -> set[str]:
    return {promise for promise, check in found(contract).items() if check.status == "broken"}


# Commands.

Pictures = Annotated[list[str], typer.Argument(help="Files.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Force = Annotated[bool, typer.Option("--force", help="Replace.")]


def honest(pictures: Pictures, as_json: Json = False, force: Force = False) -> None:
    """Copy pictures."""
    for name in pictures:
        picture = read_image(name)
        write_image(picture.pixels, f"copy_{name}", force=force)
        typer.echo('{"copied": 1}' if as_json else "copied")


def talks(pictures: Pictures, as_json: Json = False) -> None:
    """Copy pictures."""
    print("let me see")
    for name in pictures:
        read_image(name)
    typer.echo("{}")


def replaces(pictures: Pictures, force: Force = False) -> None:
    """Copy pictures."""
    for name in pictures:
        write_image(read_image(name).pixels, f"copy_{name}", force=True)


def spoils(pictures: Pictures) -> None:
    """Copy pictures."""
    for name in pictures:
        write_image(read_image(name).pixels * 0, name, force=True)


def trips(pictures: Pictures) -> None:
    """Copy pictures."""
    for name in pictures:
        if not Path(name).exists():
            raise KeyError(name)


def mute(pictures: Annotated[list[str], typer.Argument()]) -> None:
    for name in pictures:
        read_image(name)


def fails(pictures: Pictures) -> None:
    """Copy pictures."""
    raise UsageError("not today: come tomorrow")


def command_contract(function: Any, **attributes: object) -> type[CommandContract]:
    from stylize.command import add_command

    def stylize_commands(app: typer.Typer) -> None:
        summary = attributes.pop("summary", "Copy pictures.")
        add_command(app, "copy", f"{HERE}{function.__name__}", str(summary))

    module = plugin_module("copying", [], stylize_commands=hookimpl(stylize_commands))
    given = {"plugin": module, "name": "copy", "arguments": ("photo.png",), **attributes}
    return type("TestCopy", (CommandContract,), given)


def test_an_honest_command_keeps_every_promise():
    checks = found(command_contract(honest))
    assert {check.status for check in checks.values()} == {"kept"}, checks
    general = found(command_contract(honest, arguments=()))
    assert {check.status for check in general.values()} == {"kept", "skipped"}


@pytest.mark.parametrize(
    ("command", "promise"),
    [
        (talks, "json is all there is on standard output"),
        (replaces, "keeps what it made without force"),
        (spoils, "leaves its inputs alone"),
        (trips, "a missing file is told in a line"),
    ],
)
def test_a_command_that_breaks_one_promise_is_told_that_one(command, promise):
    assert broken(command_contract(command)) == {promise}


def test_a_command_without_words_is_told(capsys):
    assert broken(command_contract(mute, summary="Copy.")) == {
        "says what it is for",
        "describes its options",
    }


def test_a_command_that_fails_is_told_with_its_own_words():
    checks = found(command_contract(fails))
    assert "not today: come tomorrow" in checks["runs"].fault


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("presets list", ()),
        ("plugins show", ("tanh",)),
        ("models show", ("starry_night",)),
    ],
)  # fmt: skip
def test_our_own_commands_keep_the_contract(name, arguments):
    attributes = {"name": name, "arguments": arguments}
    assert broken(type("TestOurs", (CommandContract,), attributes)) == set()


# Trainings.


class Nothing(Settings):
    """None."""


class Task:
    """Trains a pixel's linear map towards the painting's mean colour."""

    def __init__(self, styles: Sequence[StyleImage]) -> None:
        self.network: nn.Module = nn.Conv2d(3, 3, 1)
        self.goal = styles[0].image.mean(dim=(2, 3), keepdim=True)

    def start_from(self, tensors: Mapping[str, Tensor], *, same_styles: bool) -> None:
        self.network.load_state_dict(dict(tensors))

    def loss(
        self, network: nn.Module, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        apart = (network(batch["content"]) - self.goal).square().flatten(1).mean(dim=1)
        return apart, {"colour": apart.detach()}

    def preview(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        shown: Tensor = network(batch["content"])
        return shown


class Pixelwise:
    """Honest."""

    task: type[Task] = Task
    settings: Mapping[str, object] = {}

    def __init__(self, settings: Nothing) -> None:
        del settings

    def network_settings(self) -> Mapping[str, object]:
        return self.settings

    def training_task(self, styles: Sequence[StyleImage], parts: Parts, strength: float) -> Task:
        return self.task(styles)

    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Tensor:
        assert content is not None
        assert parts.model is not None
        with torch.device("meta"):
            network = nn.Conv2d(3, 3, 1)
        network.load_state_dict(parts.model.tensors(), assign=True)
        with torch.inference_mode():
            picture = content.lerp(network(content).clamp(0, 1), min(run.strength, 1))
        run.report(Progress(1.0, 1, 1, {}, image=lambda: picture))
        return picture


class SumsTheBatch(Task):
    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Any:
        total, terms = super().loss(network, batch)
        return total.sum(), terms


class KeepsGraphs(Task):
    def loss(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Any:
        total, _ = super().loss(network, batch)
        return total, {"colour": total}


class LeavesWeights(Task):
    def __init__(self, styles: Sequence[StyleImage]) -> None:
        super().__init__(styles)
        self.network.register_parameter("spare", nn.Parameter(torch.zeros(1)))


class StartsAnew(Task):
    def start_from(self, tensors: Mapping[str, Tensor], *, same_styles: bool) -> None:
        pass


class ShowsAStrip(Task):
    def preview(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        return super().preview(network, batch).flatten(0, 1)


class ForeignSettings(Pixelwise):
    settings: ClassVar = {"depth": 3}


def trained_by(name: str, task: type[Task], base: type[Pixelwise] = Pixelwise) -> None:
    globals()[name] = type(name, (base,), {"task": task})


for wrong in (SumsTheBatch, KeepsGraphs, LeavesWeights, StartsAnew, ShowsAStrip):
    trained_by(f"By{wrong.__name__}", wrong)


def trainable_contract(factory: str, **spec: Any) -> type[TrainableContract]:
    declared = {"trainable": True, "needs_style": False, "summary": "A line", **spec}
    made = MethodSpec("pixelwise", factory=HERE + factory, settings=HERE + "Nothing", **declared)
    module = plugin_module(f"training_{factory}", [made])
    return type("TestTraining", (TrainableContract,), {"plugin": module, "name": "pixelwise"})


def test_an_honest_training_keeps_every_promise():
    checks = found(trainable_contract("Pixelwise"))
    assert {check.status for check in checks.values()} <= {"kept", "skipped"}, checks
    assert checks["every weight learns"].status == "kept"
    assert checks["the picture is of the content s size"].status == "kept"


@pytest.mark.parametrize(
    ("factory", "promises"),
    [
        ("BySumsTheBatch", {"the loss is a number a sample"}),
        ("ByKeepsGraphs", {"the loss is a number a sample"}),
        ("ByStartsAnew", {"starts from a model"}),
        ("ByShowsAStrip", {"previews are pictures"}),
    ],
)
def test_a_training_that_breaks_a_promise_is_told_that_one(factory, promises):
    assert broken(trainable_contract(factory)) == promises


def test_a_weight_that_learns_nothing_is_told_by_name():
    check = found(trainable_contract("ByLeavesWeights"))["every weight learns"]
    assert check.status == "broken"
    assert "no gradient reaches spare" in check.fault


def test_settings_that_the_method_has_not_are_told():
    check = found(trainable_contract("ForeignSettings"))["network settings are its own"]
    assert "depth" in check.fault


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), [("johnson", NARROW), ("adain", {"width": 0.05})])
def test_our_own_trainable_methods_keep_the_contract(name, settings):
    attributes = {
        "name": name,
        "settings": settings,
        "training_settings": {"content_layers": "relu2_1", "style_layers": "relu1_1,relu2_1"}
        if name == "johnson"
        else {},
    }
    checks = found(type(f"Test{name}", (TrainableContract,), attributes))
    assert {c.status for c in checks.values()} <= {"kept", "skipped"}, checks
