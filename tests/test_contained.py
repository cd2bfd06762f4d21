"""Faults of an installed plugin are contained, reported as its own, and never in the output."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from command import FAST, SMALL, STEPS, Command
from plugin_factory import pip_install

PROJECT = Path(__file__).with_name("guest")
PAIR = ("photo.png", "painting.png")
PARTS = ("--smooth", "acme_curve", "--style-loss", "acme_mean")
NETWORK = ("--backbone", "acme_net.mine")
PICTURE = (*PAIR, *STEPS, *PARTS, *NETWORK)

pytestmark = pytest.mark.install


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the guest."""
    project = tmp_path_factory.mktemp("project") / "guest"
    shutil.copytree(PROJECT, project)
    target = tmp_path_factory.mktemp("target")
    pip_install(target, project)
    return target


@pytest.fixture
def faults(target: Path, monkeypatch: pytest.MonkeyPatch):
    """Lets a test choose the guest's faults, in this process."""
    monkeypatch.syspath_prepend(target)
    monkeypatch.delenv("ACME_FAULTS", raising=False)
    yield lambda *asked: monkeypatch.setenv("ACME_FAULTS", " ".join(asked))
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme_guest"]:
        del sys.modules[name]


def start(
    target: Path, folder: Path, faults: str, *line: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command in its own process, so that extensions can write to its descriptors."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "stylize", *line],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(target), "ACME_FAULTS": faults},
        capture_output=True,
        check=False,
        timeout=300,
    )


def test_an_honest_guest_makes_a_picture(command: Command, faults):
    outcome = command(*PICTURE, "-o", "out.png", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.err == ""
    assert outcome.records[0]["status"] == "made"


# Standard output is ours.

PLACES = (
    "import", "components", "commands", "settings", "check", "weights", "load", "backbone",
    "factory", "smoothing", "loss", "observers", "observer",
)  # fmt: skip
WAYS = ("print", "write", "bytes", "child", "thread")


@pytest.mark.parametrize("output", ["json", "picture"])
def test_nothing_that_a_plugin_writes_is_in_a_picture_or_json(command: Command, target, output):
    faults = " ".join(f"{place}:{way}" for place in PLACES for way in WAYS)
    where = ("-o", "out.png", "--json") if output == "json" else ("-o", "-")
    ended = start(target, command.folder, faults, *PICTURE, *where)
    assert ended.returncode == 0, ended.stderr
    if output == "json":
        assert json.loads(ended.stdout)["status"] == "made"
    else:
        assert ended.stdout.startswith(b"\x89PNG")
        assert ended.stdout.endswith(b"IEND\xaeB`\x82")
    said = ended.stderr.decode()
    for place in PLACES:
        assert f"acme-guest: printed at {place}\n" in said
        for words in ("written", "bytes", "child", "threaded"):
            assert f"{words} at {place}\n" in said, place


def test_what_is_printed_without_json_is_named_too(command: Command, faults):
    faults("import:print", "smoothing:print", "settings:print")
    outcome = command(*PICTURE, "-o", "out.png")
    assert outcome.code == 0, outcome.err
    assert outcome.out == ""
    assert {line for line in outcome.err.splitlines() if "printed" in line} == {
        f"acme-guest: printed at {place}" for place in ("import", "smoothing", "settings")
    }


@pytest.mark.parametrize(
    "line",
    [
        ("plugins", "list"),
        ("plugins", "show", "acme_curve"),
        ("analyze", "activations", "photo.png", "--backbone", "acme_net.mine", "--smooth",
         "acme_curve", "--size", "48"),
        ("calibrate", "acme_net", "photo.png", "--layers", "block*", "--size", "48"),
    ],
)  # fmt: skip
def test_json_of_every_command_is_json_alone(command: Command, faults, line):
    faults(*(f"{place}:print" for place in PLACES))
    outcome = command(*line, "--json")
    assert outcome.code == 0, outcome.err
    json.loads(outcome.out)
    assert "acme-guest: printed at import\n" in outcome.err


def test_a_guest_s_own_command_prints_its_results(command: Command, faults):
    faults("command:print", "command-import:print")
    outcome = command("acme")
    assert outcome.out == "printed at command\n{}\n"
    assert outcome.err == "acme-guest: printed at command-import\n"


# A failing hook is reported.


@pytest.mark.parametrize("how", ["raise", "exit", "panic", "rubbish"])
@pytest.mark.parametrize("hook", ["weights", "observers"])
def test_a_hook_that_fails_in_a_run_is_one_warning_with_its_name(
    command: Command, faults, hook, how
):
    faults(f"{hook}:{how}")
    outcome = command(*PAIR, *FAST, "-o", "out.png")
    assert outcome.code == 0, outcome.err
    warning, made = outcome.err.splitlines()
    assert warning.startswith(f"stylize: warning: plugin acme-guest 1.0 (guest) failed at {hook}: ")
    assert made.startswith("out.png: ")
    listed = command("plugins", "list")
    assert f"acme-guest 1.0 (guest): failed: {warning.partition('warning: ')[2]}" in listed.out


@pytest.mark.parametrize("how", ["raise", "exit", "panic", "rubbish"])
def test_a_veto_that_crashes_stops_the_run(command: Command, faults, how):
    faults(f"check:{how}")
    outcome = command(*PAIR, *FAST, "-o", "out.png")
    assert outcome.code == 2
    assert outcome.complaint.startswith("stylize: plugin acme-guest 1.0 (guest) failed at check: ")
    assert outcome.complaint.endswith("or leave it out with STYLIZE_DISABLE_PLUGINS=guest")
    assert command.files == set()
    assert "acme-guest 1.0 (guest): failed: plugin" in command("plugins", "list").out


@pytest.mark.parametrize("fault", ["raise", "exit", "panic", "callback", "clear"])
def test_commands_that_fail_are_one_warning_and_all_others_work(command: Command, faults, fault):
    faults(f"commands:{fault}")
    outcome = command("presets", "list")
    assert outcome.code == 0
    (warning,) = outcome.err.splitlines()
    assert warning.startswith(
        "stylize: warning: plugin acme-guest 1.0 (guest) failed at commands: "
    )
    assert "gatys_artistic" in outcome.out
    assert command("--version").out.startswith("stylize ")
    assert command("acme").code == 2


# The right one is blamed.

CURVE, MEAN = "smoothing acme_curve of acme-guest", "loss acme_mean of acme-guest"
FADE, NET = "method acme_fade of acme-guest", "backbone acme_net of acme-guest"
BLAMED = {
    "settings": "settings of smoothing acme_curve of acme-guest",
    "load": "weights acme_net.mine of acme-guest",
    "backbone": NET,
    "factory": f"{CURVE} (acme_guest.parts:Curve) failed to build",
    "smoothing": CURVE,
    "loss": MEAN,
    "backward": "plugin acme-guest",
    "method": FADE,
}


@pytest.mark.parametrize(
    ("place", "how"),
    [
        *((place, "raise") for place in BLAMED),
        *(
            (place, how)
            for place in ("settings", "load", "smoothing", "method")
            for how in ("exit", "panic")
        ),
    ],
)
def test_what_a_part_raises_is_told_as_its_own(command: Command, faults, place, how):
    faults(f"{place}:{how}")
    method = ("--method", "acme_fade", *PAIR, "--size", "48") if place == "method" else PICTURE
    settings = ("--set", "acme_curve.gain=2") if place == "settings" else ()
    outcome = command(*method, *settings, "-o", "out.png")
    told = {
        "raise": "" if place == "settings" else f"ValueError: no luck at {place}",
        "exit": "it called sys.exit(7)",
        "panic": f"Panic: panic at {place}",
    }[how]
    if (place, how) == ("settings", "raise"):  # pydantic's way to refuse
        assert f"acme_curve: no luck at {place}" in outcome.complaint
    else:
        assert outcome.complaint == f"stylize: {BLAMED[place]}: {told}"
    assert outcome.code == 2
    assert command.files == set()


@pytest.mark.parametrize("how", ["raise", "exit", "panic"])
def test_an_observer_that_fails_is_dropped_by_name(command: Command, faults, how):
    faults(f"observer:{how}")
    outcome = command(*PAIR, *FAST, "-o", "out.png")
    assert outcome.code == 0
    (warning,) = [line for line in outcome.err.splitlines() if "warning" in line]
    assert warning.startswith(
        "stylize: warning: observer Diary of acme-guest failed and was dropped"
    )


@pytest.mark.parametrize("how", ["raise", "panic"])
def test_a_command_that_fails_is_told_as_its_plugin_s(command: Command, faults, how):
    faults(f"command:{how}")
    outcome = command("acme")
    assert outcome.complaint.startswith("stylize: command acme of acme-guest: ")
    assert outcome.code == 2


def test_a_batch_goes_on_after_a_panic(command: Command, faults, monkeypatch):
    Image.open("photo.png").rotate(90, expand=True).save("other.png")
    faults("method:panic")
    outcome = command("photo.png", "other.png", "-s", "painting.png", "--method", "acme_fade",
                      "--size", "48", "-o", "out", "--json")  # fmt: skip
    assert outcome.code == 1
    assert [record["status"] for record in outcome.records] == ["failed", "failed"]
    assert f"{FADE}: Panic: panic at method" in outcome.records[0]["error"]


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_ctrl_c_while_a_plugin_hangs_at_import_names_it(target, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "stylize", "presets"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target), "ACME_FAULTS": "import:print import:hang"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "acme-guest: printed at import\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip() == (
        "stylize: interrupted, while plugin acme-guest:guest was loading: "
        "STYLIZE_DISABLE_PLUGINS=guest leaves it out"
    )


# First results are checked.

FIRST = {
    "smoothing:crop": (CURVE, "features of shape"),
    "smoothing:double": (CURVE, "come out with torch.float64"),
    "smoothing:none": (CURVE, "gives None, not a tensor"),
    "smoothing:nan": (CURVE, "is not finite, of values that are"),
    "features:crop": (NET, "and it declares"),
    "features:none": (NET, "not a tensor for each"),
    "features:nan": (NET, "gives is not finite"),
    "statistics:none": (MEAN, "not stylize.Statistics"),
    "statistics:nan": (MEAN, "its statistic mean gives is not finite"),
    "distance:sum": (MEAN, "not float (1,)"),
    "distance:none": (MEAN, "distance gives None"),
    "distance:nan": (MEAN, "its distance gives is not finite"),
    "load:rubbish": ("weights acme_net.mine of acme-guest", "load() returns 7"),
    "picture:crop": (FADE, "its picture is 47x36 for one of 48x36"),
    "picture:none": (FADE, "stylize gives None"),
    "picture:nan": (FADE, "not in [0, 1]"),
    "picture:bytes": (FADE, "not in [0, 1]"),
}


@pytest.mark.parametrize(
    ("fault", "method"),
    [
        *((fault, "gatys") for fault in FIRST),
        # Which calls losses by itself.
        *((fault, "neighbors") for fault in FIRST if fault.startswith(("statistics", "distance"))),
    ],
)
def test_what_a_part_gives_first_is_looked_at(command: Command, faults, fault, method):
    faults(fault)
    whose, what = FIRST[fault]
    line = (*PAIR, *SMALL, *PARTS, *NETWORK, "--method", method, "--set", f"{method}.iterations=2")
    if whose == FADE:
        line = (*PAIR, *SMALL, "--method", "acme_fade")
    outcome = command(*line, "-o", "out.png")
    assert outcome.code == 2, outcome.err
    assert outcome.complaint.startswith(f"stylize: {whose}: ")
    assert what in outcome.complaint
    assert command.files == set()
