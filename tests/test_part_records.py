"""Records, kept pictures and model files name the distribution and code of their parts."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from command import FAST, SMALL, STEPS, Command
from plugin_factory import place_distribution
from quick_judge import QuickJudge
from small_training import TRAIN, make_photographs
from stylize import PluginHost, SmoothingSpec, make_plan, make_settings, read_image, read_record
from stylize.errors import UnknownNameError, UsageError
from stylize.modelfile import read_header
from stylize.recording.code import fingerprint_code

# A smoothing of several modules, and a loss of the same name.
POWER = """
    STYLIZE_PLUGIN_API = 1

    @hookimpl
    def stylize_components():
        return [
            SmoothingSpec(
                "power", factory="acme_power_parts.power:Power",
                settings="acme_power_parts.settings:PowerSettings",
            ),
            LossSpec(
                "power", factory="acme_power_parts.loss:Means",
                settings="acme_power_parts.settings:LossSettings",
            ),
        ]
"""
FILES = {
    "acme_power_parts/__init__.py": "",
    "acme_power_parts/settings.py": """
        from typing import Annotated
        from pydantic import Field
        from stylize import CommandOption, Settings

        class PowerSettings(Settings):
            exponent: float = Field(0.5, description="Of magnitudes.")
            shared: float = Field(1.0, description="A factor.")
            factor: Annotated[float, CommandOption("--power-factor")] = Field(
                1.0, description="A factor."
            )

        class LossSettings(Settings):
            form: str = Field("mean", description="What is compared.")
            shared: float = Field(1.0, description="A factor.")
            factor: Annotated[float, CommandOption("--power-factor")] = Field(
                1.0, description="A factor."
            )
    """,
    "acme_power_parts/power.py": """
        from . import kernel

        class Power:
            def __init__(self, settings):
                self.settings = settings

            def __call__(self, features):
                return kernel.raised(features, self.settings.exponent)
    """,
    "acme_power_parts/kernel.py": """
        def raised(features, exponent):
            return features / (features.abs() + 1e-3) ** (1 - exponent)
    """,
    "acme_power_parts/loss.py": """
        class Means:
            role = "style"
            additive = True

            def __init__(self, settings):
                self.settings = settings
    """,
}
PAIR = ("photo.png", "painting.png")
POWERED = (*PAIR, *STEPS, "--smooth", "power", "--device", "cpu", "-o", "out.png")


@pytest.fixture
def site(command: Command, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on sys.path with the distribution acme-power 1.0."""
    folder = command.folder / "site"
    (folder / "acme_power_parts").mkdir(parents=True)
    place_distribution(folder, "acme-power", POWER, files=FILES)
    monkeypatch.syspath_prepend(folder)
    return folder


def edit(file: Path, old: str, new: str) -> None:
    """Change a module, and have it imported again."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.startswith("acme_power")]:
        del sys.modules[name]


def release(site: Path, version: str) -> None:
    """Give the distribution another version, with the same code."""
    metadata = next(site.glob("*.dist-info")) / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 1.0", f"Version: {version}"))


def remove(site: Path) -> None:
    for path in site.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    forget()


def same_pixels(one: str, other: str) -> bool:
    return torch.equal(read_image(one).pixels, read_image(other).pixels)


def test_a_record_tells_of_every_part_and_of_all_its_settings(command, site):
    assert command(*POWERED, "--set", "power.exponent=0.7").code == 0
    parts = read_record("out.png")["parts"]
    assert list(parts) == ["method", "backbone", "smoothing", "content_loss", "style_loss"]
    smoothing = dict(parts["smoothing"])
    assert len(smoothing.pop("code")) == 16
    assert smoothing == {
        "kind": "smoothing",
        "name": "power",
        "distribution": "acme-power",
        "version": "1.0",
        "settings": {"exponent": 0.7, "shared": 1.0, "factor": 1.0},
    }
    assert parts["method"]["settings"]["history"] == 10


def test_a_rerun_says_what_has_changed_and_goes_by_the_recorded_settings(command, site):
    assert command(*POWERED).code == 0
    edit(site / "acme_power_parts/settings.py", "Field(0.5,", "Field(0.9,")
    ended = command("rerun", "out.png")
    assert ended.code == 0, ended.err
    assert "smoothing power of acme-power 1.0 has other code now" in ended.err
    assert same_pixels("out.png", "out_rerun.png"), "the default was 0.5"
    release(site, "1.1")
    ended = command("rerun", "out.png", "-f")
    assert "smoothing power was of acme-power 1.0 and is of acme-power 1.1 now" in ended.err
    assert "method gatys" not in ended.err
    remove(site)
    ended = command("rerun", "out.png", "-f")
    assert ended.code == 3
    assert (
        "out.png was made with smoothing power of acme-power 1.0, which is not installed here: "
        "install it, as by pip install acme-power==1.0" in ended.complaint
    )


def test_a_run_of_a_method_that_records_no_steps_is_repeated_with_a_warning(command):
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    assert command(*PAIR, *FAST, "-o", "out.png").code == 0
    record = {**read_record("out.png"), "stopped": "time", "replay": {"gatys": {}}}
    info = PngInfo()
    info.add_text("stylize", json.dumps(record))
    with Image.open("out.png") as image:
        image.load()
    image.save("out.png", pnginfo=info)
    ended = command("rerun", "out.png")
    assert ended.code == 0
    assert "out.png was stopped early (time), and method gatys records nothing that" in ended.err


def test_a_sweep_makes_again_what_another_code_or_version_made(command, site, monkeypatch):
    monkeypatch.setattr("stylize.Judge", QuickJudge)
    sweep = ("compare", *PAIR, *STEPS, "--vary", "smooth=none,power", "--device", "cpu")
    assert command(*sweep).code == 0
    assert "2 of 2 pictures are kept from before\n" in command(*sweep).err

    def made() -> dict[str, str]:
        rows = json.loads(Path("grid.json").read_text())["rows"]
        return {row["varied"]["smooth"]: row["status"] for row in rows}

    before = read_image(next(Path("grid_cells").glob("*power*"))).pixels
    edit(site / "acme_power_parts/kernel.py", "1e-3", "1e-1")
    ended = command(*sweep)
    assert ended.code == 0, ended.err
    assert (
        "1 of 2 pictures are made again: smoothing power of acme-power 1.0 has other code now"
        in ended.err
    )
    assert made() == {"none": "kept", "power": "made"}
    assert not torch.equal(read_image(next(Path("grid_cells").glob("*power*"))).pixels, before)
    release(site, "1.1")
    assert "was of acme-power 1.0 and is of acme-power 1.1 now" in command(*sweep).err
    assert made() == {"none": "kept", "power": "made"}
    assert "made again" not in command(*sweep).err


def test_a_sweep_makes_again_what_another_model_of_that_name_made(command, monkeypatch):
    from small_training import make_model

    monkeypatch.setattr("stylize.Judge", QuickJudge)
    make_model(command.folder / "m.safetensors")
    options = ("--model", "m.safetensors", *SMALL, "--vary", "seed=0,1", "--device", "cpu")
    assert command("compare", *PAIR, *options).code == 0
    make_model(command.folder / "m.safetensors", header={"summary": "another"})
    ended = command("compare", *PAIR, *options)
    assert "2 of 2 pictures are made again: the file of its weights, or its model" in ended.err


def test_a_model_names_the_parts_that_trained_it_and_says_what_to_install(command, site):
    make_photographs(command.folder / "photographs")
    ended = command(*TRAIN, "--smooth", "power", "-o", "m.safetensors")
    assert ended.code == 0, ended.err
    header = read_header(Path("m.safetensors"))
    part = header.parts["smoothing"]
    assert (part.title, part.distribution, part.version) == (
        "smoothing power", "acme-power", "1.0",
    )  # fmt: skip
    assert part.settings["exponent"] == 0.5
    assert header.run["smooth"] == "power"
    apply = ("photo.png", "--model", "m.safetensors", *SMALL, "--device", "cpu", "-f")
    assert command(*apply, "-o", "out.png").err.count("warning") == 0
    assert command("rerun", "out.png").code == 0
    release(site, "1.1")
    ended = command(*apply, "-o", "out.png")
    assert ended.code == 0
    assert "is of acme-power 1.1 now, since model m.safetensors was trained" in ended.err
    remove(site)
    ended = command(*apply, "-o", "out.png")
    assert ended.code == 3
    assert (
        "model m.safetensors was trained with smoothing power of acme-power 1.0, which is not "
        "installed here: install it, as by pip install acme-power==1.0" in ended.complaint
    )


# Fingerprints.


def spec_of(name: str = "power") -> SmoothingSpec:
    return SmoothingSpec(
        name,
        factory="acme_power_parts.power:Power",
        settings="acme_power_parts.settings:PowerSettings",
    )


def test_equal_code_has_an_equal_fingerprint_wherever_it_lies(command, site, monkeypatch):
    here = fingerprint_code(spec_of())
    elsewhere = command.folder / "elsewhere"
    shutil.copytree(site, elsewhere)
    for file in elsewhere.rglob("*.py"):  # as git writes it on another system
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    shutil.rmtree(site)
    forget()
    monkeypatch.syspath_prepend(elsewhere)
    assert fingerprint_code(spec_of()) == here


@pytest.mark.parametrize(
    ("file", "old", "new", "differs"),
    [
        ("power.py", "kernel.raised", "kernel. raised", True),
        ("kernel.py", "1e-3", "1e-2", True),
        ("settings.py", "0.5", "0.6", True),
        ("loss.py", "True", "False", False),
    ],
)
def test_a_fingerprint_is_of_the_modules_that_a_part_needs(site, file, old, new, differs):
    before = fingerprint_code(spec_of())
    edit(site / "acme_power_parts" / file, old, new)
    assert (fingerprint_code(spec_of()) != before) == differs


def test_modules_that_are_imported_by_name_may_be_any_of_the_package(site):
    edit(site / "acme_power_parts/power.py", "from . import kernel", "import importlib")
    before = fingerprint_code(spec_of())
    edit(site / "acme_power_parts/loss.py", "True", "False")
    assert fingerprint_code(spec_of()) != before


def test_a_declaration_is_part_of_the_code_and_its_summary_is_not(site):
    before = fingerprint_code(spec_of())
    assert fingerprint_code(spec_of("other")) != before
    assert fingerprint_code(SmoothingSpec(**{**vars(spec_of()), "summary": "So."})) == before
    assert fingerprint_code(SmoothingSpec("x", factory="no_such_module:X")) == ""


def test_every_part_of_ours_has_a_fingerprint(host):
    from stylize.contract.spec import FILE_KINDS, Kind

    specs = [spec for kind in Kind if kind not in FILE_KINDS for spec in host.specs(kind)]
    assert all(map(fingerprint_code, specs))


# A name that two kinds share.


def shared(options: dict[str, Any], **settings: Any) -> list[dict[str, Any]]:
    """Plan a run with both, and return the settings of the smoothing and of the loss."""
    host = PluginHost.discover()
    given = {"method": "gatys", "smooth": "power", "style_loss": "power", "options": options}
    plan = make_plan(host, make_settings({**given, **settings}, host))
    made = plan.smoothing_settings, plan.style.settings
    return [each.model_dump() for each in made if each is not None]


def test_a_name_that_two_kinds_share_is_called_by_role(site):
    smoothing, loss = shared({"smoothing": {"shared": 2}, "style_loss": {"shared": 3}})
    assert (smoothing["shared"], loss["shared"]) == (2, 3)


def test_an_option_that_one_of_them_has_is_its_own(site):
    smoothing, loss = shared({"power": {"exponent": 2, "form": "sum"}})
    assert (smoothing["exponent"], loss["form"]) == (2, "sum")


def test_an_option_of_the_command_is_of_both(site):
    smoothing, loss = shared({}, power_factor=4)
    assert (smoothing["factor"], loss["factor"]) == (4, 4)


def test_an_option_that_both_have_is_explained(site):
    with pytest.raises(UsageError, match=r"write smoothing\.shared or style_loss\.shared"):
        shared({"power": {"shared": 2}})
    with pytest.raises(UnknownNameError, match=r"unknown setting of power 'sharde'"):
        shared({"power": {"sharde": 2}})


def test_a_rerun_of_parts_that_share_a_name_sets_each_its_own(site):
    from stylize.command.rerun import RunRecord, _recorded_options
    from stylize.modelfile import PartRecord

    parts = {
        role: PartRecord(
            kind=kind, name="power", distribution="acme-power", version="1.0", code="", settings=own
        )
        for role, kind, own in (
            ("smoothing", "smoothing", {"shared": 2.0}),
            ("style_loss", "loss", {"shared": 3.0}),
        )
    }
    method = PartRecord(kind="method", name="gatys", distribution="x", version="", code="")
    record = RunRecord.model_construct(replay={}, parts={"method": method, **parts})
    options = _recorded_options(make_settings({"method": "gatys"}), record)
    assert options == {"smoothing": {"shared": 2.0}, "style_loss": {"shared": 3.0}}
