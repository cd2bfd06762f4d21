"""Commands that do not need torch do not import it, and so answer at once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from command import Command

HEAVY = ("torch", "torchvision", "numpy", "matplotlib", "gradio", "pytest")
# torch's compiler, with its algebra, takes as long to import as torch.
COMPILER = ("torch._dynamo", "torch._inductor", "sympy")
SCRIPT = """
import sys
from stylize.command.app import run
heavy, *line = sys.argv[1:]
code = run(line)
print("heavy:", *(name for name in heavy.split(",") if name in sys.modules), file=sys.stderr)
sys.exit(code)
"""


ANSWERED = (
    "--help",
    "--version",
    "rerun --help",
    "plugins",
    "plugins list --json",
    "plugins show gatys",
    "plugins check --help",
    "plugins doctor --help",
    "plugins new --help",
    "plugins new stylize-fog --kind method",
    "presets list",
    "presets show gatys_artistic",
    "presets diff defaults gatys_wasserstein",
    "train --help",
    "models list",
    "models list --json",
    "models export --help",
    "video --help",
    "web --help",
)
REFUSED = (
    "--strengh 2 photo.png painting.png",
    "--size 1 photo.png painting.png",
    "--size huge photo.png painting.png",
    "--smooth tan photo.png painting.png",
    "--backbone vgg20 photo.png painting.png",
    "--method gatys --set gatys.optimiser=adam photo.png painting.png",
    "--set neighbors.history=0 photo.png painting.png",
    "photo.png painting.png --style-weights 1,2",
    "photo.png painting.png -o picture.gif",
    "photo.png painting.png -o painting.png --force",
    "photo.png missing.png",
    "missing.png --model mosaic_fast",
    "photo.png painting.png --weights missing.safetensors",
    "photo.png painting.png --weights photo.png",
    "learn missing.png",
    "learn .",
    "evaluate missing.png --content photo.png --style painting.png",
    "evaluate photo.png --content photo.png --style missing.png",
    "analyze activations missing.png",
    "calibrate vgg16 missing.png",
    "rerun photo.png",
    "--model none photo.png",
    "--model photo.png photo.png",
    "--model photo.png painting.png --method gatys",
    "models show photo.png",
    "train gatys --data . --style painting.png -o model.safetensors",
    "train johnson --data . --style painting.png -o model.safetensors --crop 3",
    "train johnson --data . --style missing.png -o model.safetensors",
    "train johnson --data missing --style painting.png -o model.safetensors",
    "plugins new json --kind method",
    "video photo.png",
    "video photo.png painting.png --start 2 --end 1",
    "video photo.png --model none",
    "web --port 1 --host 203.0.113.1",
)


def start(command: Command, line: str, heavy: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a line in a new Python; its last output names the heavy modules that it imported."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, ",".join(heavy), *line.split()],
        cwd=command.folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("line", [*ANSWERED, *REFUSED])
def test_what_makes_no_picture_imports_no_torch(command: Command, line):
    ended = start(command, line, HEAVY)
    assert ended.returncode == (0 if line in ANSWERED else 2), ended.stderr
    assert ended.stderr.endswith("heavy:\n")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("line", "heavy"),
    [
        ("--backbone vgg16 --set neighbors.iterations=1", ("torchvision", *COMPILER)),
        ("--method gatys --set gatys.iterations=1", ("torchvision", *COMPILER)),
        ("--method adain", ("torchvision", *COMPILER)),
        ("--model starry_night", ("torchvision", *COMPILER)),
    ],
)
def test_a_picture_imports_nothing_that_takes_longer_than_making_it(command: Command, line, heavy):
    painting = "" if "--model" in line else "painting.png"
    ended = start(command, f"photo.png {painting} {line} --size 48 -q -o made.png", heavy)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == "heavy:\n"
    assert command.files == {"made.png"}


def test_help_answers_at_once(record_property):
    """0.2 s on an idle core of 2025; torch alone would take 2 s."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "stylize", "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    record_property("seconds", round(min(seconds), 3))
    assert min(seconds) < 1
