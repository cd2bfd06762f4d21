"""`stylize plugins check` and `doctor` pass only sound plugins: each fault is one line."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from plugin_factory import place_distribution
from stylize import BackboneSpec, Kind, PresetSpec, WeightsSpec, create_backbone
from stylize.errors import WeightsError
from stylize.testing.checks import Check
from stylize.testing.contractrun import check_contract, check_plugin, contract_of, plugin_contract
from stylize.testing.hosts import plugin_module
from stylize.testing.worldstate import WorldState, watch_world
from stylize_develop.doctor.supervisor import examine_plugins

GUEST = Path(__file__).with_name("guest") / "acme_guest"


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a guest under a separate name, with the requested faults, and returns its contract."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def make(name: str, *faults: str, seconds: float = 60) -> Any:
        shutil.copytree(GUEST, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        for file in (tmp_path / name).glob("*.py"):
            file.write_text(file.read_text().replace("acme_guest", name))
        monkeypatch.setenv("ACME_FAULTS", " ".join(faults))
        return plugin_contract(name, seconds)

    yield make
    for name in [name for name in sys.modules if name.partition(".")[0].startswith("acme_green")]:
        del sys.modules[name]


def broken(contract: Any) -> dict[str, Check]:
    return {c.promise: c for c in check_contract(contract) if c.status == "broken"}


def test_each_fault_of_hooks_and_state_is_one_line(guest, tmp_path):
    found = broken(
        guest(
            "acme_green_faults", "import:change", "import:slow", "commands:callback",
            "check:rubbish", "observer:raise", "load:rubbish",
        )
    )  # fmt: skip
    said = {promise: check.fault for promise, check in found.items()}
    assert {*said} == {
        "imports quickly",
        "leaves the process as it was",
        "commands are its own",
        "hooks answer",
        "observers follow a run",
        "weights are weights",
    }
    assert "importing it takes 4." in said["imports quickly"]
    assert said["leaves the process as it was"] == (
        f"importing it changes the working folder ({tmp_path} to /), the environment (ACME_CHANGED)"
    )
    assert "it replaces the callback of the whole command" in said["commands are its own"]
    assert said["hooks answer"].startswith("stylize_check: the hook returned 7")
    assert "Diary.progressed raises ValueError" in said["observers follow a run"]
    assert said["weights are weights"] == (
        "load() of weights acme_net.mine returns int, not stylize.Weights"
    )
    assert all(check.remedy for check in found.values())


def test_a_hook_that_hangs_is_named_and_the_parts_wait(guest):
    checks = list(check_plugin(guest("acme_green_hangs", "observers:hang", seconds=8)))
    (told,) = [check for check in checks if check.status == "broken"]
    assert told.promise == "hooks answer"
    assert told.fault == "stylize_observers is not done after 8 s"
    skipped = [check for check in checks if check.promise == "all promises"]
    assert {check.fault for check in skipped} == {"a hook that every run calls does not return"}
    assert len(skipped) == 4


def test_a_taken_command_and_a_part_that_cannot_be_built_are_a_line_each(guest, tmp_path):
    contract = guest("acme_green_taken")
    for name, old, new in (
        ("__init__", 'app, "acme",', 'app, "video",'),
        ("parts", "class Curve:", "class Other:"),
    ):
        path = tmp_path / "acme_green_taken" / f"{name}.py"
        path.write_text(path.read_text().replace(old, new))
    checks = list(check_plugin(contract))
    taken, lost = [c for c in checks if c.status == "broken" and c.part.startswith("plugin")]
    assert (taken.promise, taken.remedy) == ("commands are its own", "choose a unique name")
    assert "command 'video' exists" in taken.fault
    assert lost.promise == "factories load"
    assert "smoothing acme_curve" in lost.fault
    (skipped,) = [check for check in checks if check.part == "smoothing acme_curve"]
    assert (skipped.status, skipped.fault) == ("skipped", "reported above: factories load")
    others = [c.fault for c in checks if c.status == "broken" and c.part.startswith("loss")]
    assert len(others) == len({*others})


STATES = {
    "torch's default dtype": "torch.set_default_dtype(torch.float64)",
    "torch's number of threads": "torch.set_num_threads(torch.get_num_threads() + 1)",
    "torch's random seed": "torch.manual_seed(7)",
    "the random seed": "import random; random.seed(7)",
    "the locale": "import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8')",
    "the warning filters": "import warnings; warnings.simplefilter('ignore')",
    "the working folder": "import os; os.chdir('/')",
    "the environment (ACME_CHANGED)": "import os; os.environ['ACME_CHANGED'] = '1'",
    "the threads": "import threading; threading.Thread(target=_WAITS.wait, daemon=True).start()",
}


@pytest.mark.parametrize("what", STATES)
def test_what_belongs_to_the_process_is_watched_and_put_back(what, monkeypatch):
    import threading
    import warnings

    waits = threading.Event()
    before = WorldState()
    try:
        with warnings.catch_warnings(), watch_world() as changed:
            exec(STATES[what], {"torch": torch, "_WAITS": waits})
    finally:
        waits.set()
    assert len(changed) == 1
    assert changed[0].startswith(what)
    assert not [c for c in WorldState().changes(before) if not c.startswith("the threads")]


def test_a_part_that_changes_the_process_is_told(monkeypatch):
    from stylize import SmoothingSpec

    module = plugin_module("acme_green_state", ())
    source = """
        import torch

        class Doubles:
            def __init__(self, settings):
                torch.set_default_dtype(torch.float64)

            def __call__(self, features):
                return features / (1 + features.abs())
    """
    exec(textwrap.dedent(source), vars(module))
    monkeypatch.setitem(sys.modules, "acme_green_state", module)
    spec = SmoothingSpec("doubles", "acme_green_state:Doubles", summary="s", pointwise=True)
    contract = contract_of(plugin_module("acme_green_doubles", [spec]), Kind.SMOOTHING, "doubles")
    first = next(iter(check_contract(contract)))
    assert (first.promise, first.status) == ("leaves the process as it was", "broken")
    assert "torch's default dtype (torch.float32 to torch.float64)" in first.fault
    assert torch.get_default_dtype() == torch.float32


PRESETS = {
    "part": ('smooth = "tahn"', "unknown smoothing 'tahn'"),
    "option": ('smooth = "tanh"\noptions = {tanh = {gian = 1}}', "unknown setting of tanh 'gian'"),
    "layer": ('backbone = "resnet50_thin"\nsmooth_layers = ["layer9.*"]', "'layer9.*'"),
    "run": ("strengh = 2", "unknown setting 'strengh'"),
}


@pytest.mark.parametrize("kind", PRESETS)
def test_a_preset_that_makes_no_run_is_told(tmp_path: Path, monkeypatch, kind):
    settings, message = PRESETS[kind]
    package = tmp_path / f"acme_green_preset_{kind}"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "mine.toml").write_text(f'summary = "s"\ncitation = "c"\n[settings]\n{settings}\n')
    monkeypatch.syspath_prepend(tmp_path)
    spec = PresetSpec("mine", factory=f"{package.name}:mine.toml", summary="s")
    found = broken(plugin_contract_of(plugin_module("acme_green_presets", [spec])))
    assert [*found] == ["presets load"]
    assert message in found["presets load"].fault


def plugin_contract_of(module: Any) -> Any:
    from stylize.testing import PluginContract

    return type("TestGreen", (PluginContract,), {"plugin": module})


def test_weights_whose_header_cannot_be_read_are_told(tmp_path: Path, monkeypatch):
    package = tmp_path / "acme_green_weights"
    package.mkdir()
    (package / "__init__.py").touch()
    file = package / "net.safetensors"
    save_file({"x": torch.zeros(1)}, file, {"mean": "0.485, 0.456"})
    monkeypatch.syspath_prepend(tmp_path)
    spec = BackboneSpec(
        "net",
        factory="planted_parts:TrainMode",
        summary="s",
        weights=(WeightsSpec("mine", embedded="acme_green_weights:net.safetensors"),),
    )
    found = broken(plugin_contract_of(plugin_module("acme_green_net", [spec])))
    assert [*found] == ["embedded weights are there"]
    assert "mean in its header is '0.485, 0.456', not three numbers" in (
        found["embedded weights are there"].fault
    )
    with pytest.raises(WeightsError, match="mean in its header"):
        create_backbone("vgg16", weights=file)


def test_the_doctor_tells_what_makes_every_start_wait(tmp_path: Path, monkeypatch):
    source = "STYLIZE_PLUGIN_API = 1\n@hookimpl\ndef stylize_components(): return []"
    place_distribution(tmp_path, "acme-green-slow", f"import time; time.sleep(1.5)\n{source}")
    place_distribution(tmp_path, "acme-green-torch", f"import torch\n{source}")
    monkeypatch.syspath_prepend(tmp_path)
    found = {finding.about: finding for finding in examine_plugins(120)}
    slow = found["plugin acme-green-slow 1.0 (acme_green_slow)"]
    heavy = found["plugin acme-green-torch 1.0 (acme_green_torch)"]
    assert slow.message.startswith("is slow to load, so that every start of stylize takes 1.")
    assert heavy.message.startswith("imports torch when it is loaded, so that every start")
    assert {slow.level, heavy.level} == {"problem"}
    assert json.dumps(heavy.remedy)
