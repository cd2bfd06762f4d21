"""Train every network that the package ships, in one go, within a given time.

    python examples/train_models.py PHOTOGRAPHS PAINTINGS OUT [--minutes 10] [--only NAME]
        [--device auto] [-- OPTIONS OF stylize train]

PHOTOGRAPHS and PAINTINGS are folders. `RECIPES` says how the name of each model's painting begins
(great_wave.jpg); The Starry Night is in the package. `any` learns from all paintings, and, if
SciPy is installed, from textures that paint_textures.py makes from the photographs.

`any` gets a third of the time, and the others share the rest. A trial at the start measures the
speed, which decides the number of steps. If the script is stopped or killed, the same command
resumes it; it leaves alone what is done. OUT gets the models, their trainings' folders, and
previews.jpg of all of them. Exits 1 if a training failed.
"""

from __future__ import annotations

import argparse
import csv
import json
import runpy
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from stylize import list_pictures, stylize_image
from stylize.building.device import choose_device
from stylize.command.app import run
from stylize.errors import UsageError


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Args:
        painting: the start of its file's name; None for all paintings.
        options: of `stylize train`, besides the preset.
        share: of the time, relative to the others'.
    """

    method: str
    preset: str
    painting: str | None
    options: str = ""
    share: float = 1.0


# The first one starts from nothing, and the others from it, with their own mean colours.
FIRST = "starry_night"
RECIPES = {
    FIRST: Recipe("johnson", "johnson_quick", FIRST, share=2.0),
    **{
        name: Recipe("johnson", "johnson_quick", painting)
        for name, painting in {
            "great_wave": "great_wave",
            "wheat_field": "wheat_field",
            "signac": "signac",
            "mosaic_fast": "mosaic",
            "composition_vii": "composition_vii",
            "water_lilies": "water_lilies",
            "mondrian": "mondrian",
            "kandinsky_fast": "kandinsky_lines",
            "tahiti": "gauguin_tahiti",
            "watercolour": "watercolour",
            "red_chalk": "chalk_drawing",
        }.items()
    },
    "any": Recipe("adain", "adain_swap", None),
}
# What a GPU takes in one step; presets have what suits a CPU.
ON_GPU = {"johnson": "--batch 8 --crop 256 --workers 10", "adain": "--batch 12 --workers 4"}
# The model that gets a third of the time; the others share two thirds.
THIRD = "any"
# In the folder of styles: copies of each painting, and the number of textures.
TIMES, TEXTURES = 12, 128
# Seconds of a trial, of which a GPU spends ten on its first step; the share of its steps that
# counts, and the share that is taken of those that would fit.
TRIAL, COUNTED, CAREFUL = 28.0, 0.5, 0.86
INTERRUPTED = 130
PREVIEWED, SIDE = 3, 256


@dataclass(frozen=True)
class Trainer:
    """Trains models with `stylize train`.

    Args:
        options: of the user, for each training.
        on_gpu: whether steps are those for a GPU.
    """

    photographs: Path
    paintings: Path
    out: Path
    options: Sequence[str]
    on_gpu: bool

    def model(self, name: str, seconds: float, speeds: dict[str, float]) -> int:
        """Train a model for a time, or resume it, and return the exit code.

        Args:
            speeds: steps per second of methods; one that is missing is measured.
        """
        recipe, path = RECIPES[name], self.path(name)
        started = time.monotonic()
        state = path.with_suffix(".json")  # the steps that were decided, for a resumption
        line = self._line(name)
        if state.exists() and path.with_suffix(".training").joinpath("checkpoint.pt").exists():
            line += ["--steps", json.loads(state.read_text("utf-8")), "--resume"]
        else:
            if recipe.method not in speeds:
                speeds[recipe.method] = self._measure(name)
            seconds -= time.monotonic() - started
            steps = str(max(2, round(CAREFUL * seconds * speeds[recipe.method])))
            state.write_text(json.dumps(steps), "utf-8")
            line += ["--steps", steps, "--force"]
        print(f"{name}: {seconds:.0f} s", flush=True)
        return run([*line, "--time", f"{max(1.0, seconds):.1f}s", *self.options, "-o", str(path)])

    def is_done(self, name: str) -> bool:
        """Whether a model's training is at its last step."""
        return self.path(name).exists() and not self.path(name).with_suffix(".json").exists()

    def finish(self, name: str) -> None:
        """Note that a model is done."""
        self.path(name).with_suffix(".json").unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """Return the file of a model."""
        return self.out / f"{name}.safetensors"

    def _line(self, name: str) -> list[str]:
        recipe = RECIPES[name]
        line = ["train", recipe.method, "--preset", recipe.preset, "--data", str(self.photographs)]
        if recipe.painting is None:
            line += ["--styles", str(self._styles())]
        else:
            line += ["--style", str(find_painting(self.paintings, recipe.painting))]
            if name != FIRST and self.path(FIRST).exists():
                line += ["--init", str(self.path(FIRST))]
        return [*line, *shlex.split(f"{ON_GPU[recipe.method] * self.on_gpu} {recipe.options}")]

    def _measure(self, name: str) -> float:
        """Return the steps per second of a model's training."""
        path = self.out / "trial.safetensors"
        trial = f"--steps 1000000 --schedule constant --log-every 1 --time {TRIAL}s --force"
        if run([*self._line(name), *self.options, *shlex.split(trial), "-o", str(path)]):
            return 1.0
        folder = path.with_suffix(".training")
        with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["kind"] == "training"]
        first, last = rows[int(COUNTED * len(rows))], rows[-1]
        shutil.rmtree(folder)
        path.unlink()
        elapsed = float(last["seconds"]) - float(first["seconds"])
        taken = int(last["step"]) - int(first["step"])
        return taken / elapsed if taken else int(last["step"]) / TRIAL

    def _styles(self) -> Path:
        """Return a folder with many copies of each painting, and textures; made once."""
        folder = self.out / "styles"
        if folder.exists():
            return folder
        making = self.out / "styles.tmp"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        for number, path in enumerate(list_pictures(self.paintings)):
            for again in range(TIMES):
                shutil.copyfile(path, making / f"{number:04}_{again:02}{Path(path).suffix}")
        try:
            painter = runpy.run_path(str(Path(__file__).with_name("paint_textures.py")))
            painter["main"](self.photographs, making, TEXTURES)
        except (ImportError, SystemExit) as error:
            print(f"no textures: {error}", flush=True)
        making.rename(folder)
        return folder


def find_painting(folder: Path, start: str) -> Path:
    """Return the painting whose file name starts like this. Raises: UsageError."""
    for path in map(Path, list_pictures(folder)):
        if path.name.startswith(start):
            return path
    packaged = Path(str(resources.files("stylize") / "demo" / f"{start}.jpg"))
    if packaged.exists():
        return packaged
    raise UsageError(f"{folder}: no painting {start}.*: add it, or leave out its models")


def draw_previews(out: Path, photographs: Path, paintings: Path, device: str) -> Path | None:
    """Write a sheet, a row per photograph and a column per model; None without any model."""
    from PIL import Image, ImageDraw

    names = [name for name in RECIPES if (out / f"{name}.safetensors").exists()]
    if not names:
        return None
    photos = list_pictures(photographs)[:PREVIEWED]
    painting = list_pictures(paintings)[0]
    sheet = Image.new("RGB", (SIDE * (len(names) + 1), (SIDE + 16) * len(photos)), "white")
    draw = ImageDraw.Draw(sheet)
    for row, photo in enumerate(photos):
        top = row * (SIDE + 16)
        with Image.open(photo) as opened:
            original = opened.convert("RGB")
            original.thumbnail((SIDE, SIDE))
        sheet.paste(original, (0, top + 16))
        for column, name in enumerate(names, 1):
            recipe, model = RECIPES[name], str(out / f"{name}.safetensors")
            made = stylize_image(
                photo,
                [painting] if recipe.painting is None else [],
                method=recipe.method,
                model=model,
                size=SIDE,
                device=device,
            )
            sheet.paste(made.image.convert("RGB"), (column * SIDE, top + 16))
            draw.text((column * SIDE + 2, top + 2), name, fill="black")
    path = out / "previews.jpg"
    sheet.save(path, quality=90)
    return path


def train_all(trainer: Trainer, names: Sequence[str], seconds: float) -> list[int]:
    """Train models that are not done, and return the exit codes that are not 0.

    If the user interrupts it, it ends at once and returns that code alone.
    """
    began = time.monotonic()
    todo = [name for name in names if not trainer.is_done(name)]
    others = sum(RECIPES[name].share for name in todo if name != THIRD)
    weights = {name: RECIPES[name].share if name != THIRD else others / 2 or 1.0 for name in todo}
    codes = []
    speeds: dict[str, float] = {}
    for name in todo:
        left = seconds - (time.monotonic() - began)
        share = left * weights[name] / sum(weights.values())
        del weights[name]
        code = trainer.model(name, share, speeds)
        if code == INTERRUPTED:
            return [INTERRUPTED]
        if code:
            codes.append(code)
        else:
            trainer.finish(name)
    return codes


def main(arguments: Sequence[str]) -> int:
    """Train what is left, draw the sheet, and return the exit code."""
    own = list(arguments)
    passed = own[own.index("--") + 1 :] if "--" in own else []
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photographs", type=Path)
    parser.add_argument("paintings", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0, help="for all models")
    parser.add_argument("--only", action="append", choices=RECIPES, metavar="NAME")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args(own[: own.index("--")] if "--" in own else own)
    try:
        for folder in (options.photographs, options.paintings):
            if not folder.is_dir() or not list_pictures(folder):
                raise UsageError(f"{folder}: not a folder with pictures: give one")
        names = options.only or list(RECIPES)
        for painting in {RECIPES[name].painting for name in names} - {None}:
            find_painting(options.paintings, painting)
    except UsageError as error:
        print(f"train_models: {error}", file=sys.stderr)
        return error.exit_code
    options.out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(
        options.photographs,
        options.paintings,
        options.out,
        ["--device", options.device, *passed],
        choose_device(options.device).type == "cuda",
    )
    failed = train_all(trainer, names, 60 * options.minutes)
    if failed == [INTERRUPTED]:
        return INTERRUPTED
    sheet = draw_previews(options.out, options.photographs, options.paintings, options.device)
    print(f"{sheet or 'no model was made'}", flush=True)
    return 1 if failed or sheet is None else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
