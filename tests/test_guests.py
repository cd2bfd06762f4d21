"""A plugin whose parts have the names of built-in ones: stylize itself does not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from command import FAST, SMALL, STEPS, Command
from plugin_factory import place_distribution
from quick_judge import QuickJudge
from small_training import TRAIN, make_photographs
from stylize import PluginHost, RunSettings, full_name, make_plan, read_image, read_record
from stylize.contract.spec import Kind

# A part for every default of stylize, none of which can be built. Its option, whose type differs
# from the built-in one, and its weights belong to its own parts alone.
TWINS = """
    STYLIZE_PLUGIN_API = 1

    from typing import Annotated
    from pydantic import Field
    from stylize import CommandOption, Settings

    class Own(Settings):
        alpha: Annotated[int, CommandOption("--alpha")] = Field(1, description="How many.")

    class Nothing:
        def load(self):
            raise ValueError("these are of the guest")

    def build(*given):
        raise ValueError("this is the guest's")

    WORD = {"factory": "guest_of_twins:build", "settings": "guest_of_twins:Own"}

    @hookimpl
    def stylize_components():
        return [
            *(BackboneSpec(name, **WORD) for name in ("vgg16", "resnet50_thin")),
            *(
                MethodSpec(name, default_model="any", trainable=name == "adain", **WORD)
                for name in ("gatys", "neighbors", "adain", "johnson")
            ),
            *(SmoothingSpec(name, **WORD) for name in ("none", "tanh", "softmax")),
            *(LossSpec(name, **WORD) for name in ("gram", "total_variation")),
            LossSpec("feature", role=Role.CONTENT, **WORD),
            ModelSpec("any", factory="guest_of_twins:any.safetensors"),
        ]

    @hookimpl
    def stylize_weights(backbone, tag):
        return Nothing() if backbone == "vgg16" else None
"""
PAIR = ("photo.png", "painting.png")
CPU = ("--device", "cpu")
# Command lines without a part's name, or with that of a built-in part.
LINES = {
    "default": (*PAIR, *SMALL, "--set", "method.iterations=1", "-o", "out.png"),
    "model": ("photo.png", *SMALL, "--model", "starry_night", "-o", "out.png"),
    "any": (*PAIR, *SMALL, "--model", "stylize-nst:any", "--alpha", "0.5", "-o", "out.png"),
    "presets": ("presets", "diff", "defaults", "thin_tanh"),
    "models": ("models", "show", "starry_night"),
    "analysis": ("analyze", "activations", "photo.png", "--size", "48", *CPU),
}


@pytest.fixture
def invite(command: Command, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installs the guest."""

    def install() -> None:
        site = command.folder / "site"
        place_distribution(site, "guest-of-twins", TWINS)
        monkeypatch.syspath_prepend(site)

    return install


@pytest.mark.parametrize("name", LINES)
def test_what_is_not_typed_is_of_the_house(command, invite, name):
    invite()
    ended = command(*LINES[name])
    assert ended.code == 0, ended.err
    assert "guest" not in ended.err


def test_what_is_typed_is_ambiguous_and_both_full_names_are_offered(command, invite):
    invite()
    ended = command(*PAIR, *FAST, "-o", "out.png")
    assert ended.code == 2
    assert "write guest-of-twins:gatys or stylize-nst:gatys" in ended.complaint
    ended = command(*PAIR, *SMALL, "--method", "guest-of-twins:gatys", "-o", "out.png")
    assert "this is the guest's" in ended.err
    full = ("--method", "stylize-nst:gatys", "--set", "stylize-nst:gatys.iterations=1")
    ended = command(*PAIR, *SMALL, *full, "-o", "out.png")
    assert ended.code == 0, ended.err
    record = read_record("out.png")
    assert record["settings"]["options"] == {"gatys": {"iterations": "1"}}
    assert record["parts"]["smoothing"]["distribution"] == "stylize-nst"


def test_a_guest_s_smoothing_that_is_called_none_smooths(command, invite):
    invite()
    ended = command(*PAIR, *SMALL, "--smooth", "guest-of-twins:none", "-o", "out.png")
    assert ended.code != 0
    assert "this is the guest's" in ended.err


@pytest.mark.parametrize("recorded", [True, False], ids=["parts", "an older record"])
def test_a_picture_of_before_the_guest_is_made_again(command, invite, monkeypatch, recorded):
    if not recorded:
        from stylize import Stylizer

        setup = Stylizer.setup_record
        monkeypatch.setattr(
            Stylizer,
            "setup_record",
            lambda self: {k: v for k, v in setup(self).items() if k != "parts"},
        )
    options = ("--image-loss", "total_variation=0.1", "--smooth", "tanh")
    assert command(*PAIR, *STEPS, *options, "-o", "out.png").code == 0
    assert ("parts" in read_record("out.png")) == recorded
    invite()
    ended = command("rerun", "out.png")
    assert ended.code == 0, ended.err
    assert torch.equal(read_image("out.png").pixels, read_image("out_rerun.png").pixels)


def test_a_sweep_and_a_bench_of_before_the_guest_are_kept(command, invite, monkeypatch):
    monkeypatch.setattr("stylize.Judge", QuickJudge)
    sweep = ("compare", *PAIR, *SMALL, "--set", "method.iterations=1", "--vary", "strength=1,2")
    assert command(*sweep).code == 0
    invite()
    ended = command(*sweep)
    assert ended.code == 0, ended.err
    assert "2 of 2 pictures are kept from before" in ended.err
    assert "made again" not in ended.err


def test_the_bench_is_of_the_house_s_reference(command, invite):
    from stylize_compare.bench.planning import plan_bench
    from stylize_compare.bench.protocol import QUICK, SUBJECTS

    def planned() -> Any:
        host = PluginHost.discover()
        names = ["softsign"]
        given = {"backbone": "resnet50_thin", "device": "cpu"}
        bench = plan_bench(
            host, SUBJECTS["smoothing"], names, QUICK, Path("b"), method="gatys", given=given
        )
        return bench.protocol, list(bench.places), bench.parts

    before = planned()
    invite()
    assert planned() == before


def test_the_judge_looks_with_the_house_s_network(command, invite):
    from stylize import Judge

    invite()
    judge = Judge(device="cpu", size=32)
    assert judge.network.spec.factory.startswith("stylize_vgg.")
    assert judge.network.weights.tensors is not None


def test_a_clip_s_method_is_the_house_s(command, invite):
    from stylize_video.choosing import choose_method

    invite()
    host = PluginHost.discover()
    plan = make_plan(host, choose_method(host, RunSettings()))
    assert plan.method.factory.startswith("stylize_adain.")
    assert plan.model is not None
    assert plan.model.distribution == "stylize-nst"


def test_a_training_is_of_the_house_s_parts_and_its_model_is_applied(command, invite):
    make_photographs(command.folder / "photographs")
    invite()
    words = ["stylize-nst:johnson" if word == "johnson" else word for word in TRAIN]
    ended = command(*words, "-o", "m.safetensors")
    assert ended.code == 0, ended.err
    ended = command("photo.png", "--model", "m.safetensors", *SMALL, "-o", "out.png")
    assert ended.code == 0, ended.err


@pytest.mark.parametrize(
    ("name", "homes", "full"),
    [
        ("none", (), "none"),
        ("none", ("stylize-nst",), "stylize-nst:none"),
        ("none", ("guest-of-twins", "stylize-nst"), "guest-of-twins:none"),
        ("none", ("other", "stylize-nst"), "stylize-nst:none"),
        ("Stylize_NST:none", (), "stylize-nst:none"),
        ("softsign", ("stylize-nst",), "softsign"),
        ("stylize-nst:softsign", (), "softsign"),
        ("strange", ("stylize-nst",), "strange"),
    ],
)
def test_a_name_is_full_where_others_have_it(command, invite, name, homes, full):
    invite()
    assert full_name(PluginHost.discover(), Kind.SMOOTHING, name, *homes) == full
