"""Train every model that the package ships, in one go, within a given time.

    python examples/train_models.py PHOTOGRAPHS PAINTINGS OUT [--minutes 10] [--only NAME]
        [--longer 1] [--device auto] [-- OPTIONS OF stylize train]

PHOTOGRAPHS and PAINTINGS are folders. `RECIPES` says how the name of each model's painting begins
(great_wave.jpg); The Starry Night is in the package. `any` learns from all paintings, and, if
SciPy is installed, from textures that paint_textures.py makes from the photographs.

`any` gets a third of the time, and the others share the rest; time that one leaves goes to the
next. If the script is stopped or killed, the same command resumes it with the time that is left.
With more --minutes, it also resumes last stages that were cut short. OUT gets the models,
previews.jpg of all of them, and their stages with checkpoints in stages/. Exits 1 if a training
failed.
"""

from __future__ import annotations

import argparse
import json
import runpy
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from stylize import list_pictures, read_header, stylize_image
from stylize.command.app import run
from stylize.errors import UsageError


@dataclass(frozen=True)
class Stage:
    """A training that starts from the previous one: its steps, and options of `stylize train`.

    Args:
        cost: of one step, in pixels: the batch times the square of the crop.
    """

    steps: int
    options: str
    cost: int


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Args:
        painting: the start of its file's name; None for all paintings.
        start: the model whose first stage this one starts from, if it has been trained.
    """

    method: str
    preset: str
    painting: str | None
    stages: tuple[Stage, ...]
    options: str = ""
    start: str | None = None


def quick(steps: int, options: str) -> Stage:
    return Stage(steps, options, 2 * 192**2)


def fine(steps: int, options: str) -> Stage:
    return Stage(steps, f"--learning-rate 0.002 --crop 256 --batch 1 --zoom 2.5 {options}", 256**2)


FIRST = "--strength 4 --schedule constant --zoom 3"
LARGE = "--style-size 1024"
SMALL = "--style-size 512"
CALM = "--image-loss total_variation"

# The recipes of the cards in docs/reference/model-cards, as far as `stylize train` can follow
# them: `any` learns swapped features from the start; the card's model began as AdaIN's decoder.
STARRY_NIGHT_FAST = (
    quick(680, f"{FIRST} {SMALL}"),
    quick(1000, f"--strength 1.5 --learning-rate 0.002 --zoom 2.5 {SMALL}"),
)
GREAT_WAVE = (
    quick(350, f"{FIRST} {SMALL}"),
    fine(800, f"--strength 1.5 {CALM}=10 {LARGE}"),
    fine(380, f"--strength 0.8 {CALM}=60 {LARGE}"),
)
OTHERS = (
    quick(350, f"{FIRST} {LARGE}"),
    fine(800, f"--strength 2 {LARGE}"),
)
ANY = (
    Stage(4000, "--batch 6 --crop 128 --schedule constant", 6 * 128**2),
    Stage(2000, "--batch 6 --crop 128 --learning-rate 0.0005", 6 * 128**2),
)
NARROW = "--set johnson.width=48"


def johnson(painting: str, stages: tuple[Stage, ...], width: str, start: str | None) -> Recipe:
    return Recipe("johnson", "johnson_quick", painting, stages, width, start)


RECIPES = {
    "starry_night_fast": johnson("starry_night", STARRY_NIGHT_FAST, NARROW, None),
    "great_wave_fast": johnson("great_wave", GREAT_WAVE, NARROW, "starry_night_fast"),
    "composition_vii_fast": johnson("composition_vii", OTHERS, NARROW, "starry_night_fast"),
    "mosaic_fast": johnson("mosaic", OTHERS, NARROW, "starry_night_fast"),
    "any": Recipe("adain", "adain_swap", None, ANY),
}
# The model that gets a third of the time; the others share two thirds.
THIRD = "any"
# In the folder of styles: copies of each painting, and the number of textures.
TIMES, TEXTURES = 12, 128
INTERRUPTED = 130
PREVIEWED, SIDE = 3, 256


@dataclass
class Progress:
    """How far each model is, kept in a file: its current stage, and the seconds spent."""

    path: Path
    stages: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Progress:
        known = json.loads(path.read_text("utf-8")) if path.exists() else {}
        return cls(path, **known)

    def note(self, name: str, stage: int, seconds: float = 0.0) -> None:
        self.stages[name] = stage
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
        text = json.dumps({"stages": self.stages, "seconds": self.seconds}, indent=2)
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(text, "utf-8")
        temporary.replace(self.path)


@dataclass(frozen=True)
class Trainer:
    """Trains models with `stylize train`, one stage after another."""

    photographs: Path
    paintings: Path
    out: Path
    progress: Progress
    longer: float
    options: Sequence[str]

    def model(self, name: str, seconds: float) -> int:
        """Train a model, or resume it, and return the exit code of the last stage.

        The stages share its time in proportion to their cost. If one is cut short, the next
        begins.
        """
        recipe = RECIPES[name]
        code = 0
        for number in range(self.progress.stages.get(name, 0), len(recipe.stages)):
            left = [stage.steps * stage.cost for stage in recipe.stages[number:]]
            started = time.monotonic()
            self.progress.note(name, number)
            code = self._stage(name, number, max(1.0, seconds * left[0] / sum(left)))
            used = time.monotonic() - started
            seconds -= used
            self.progress.note(name, number, used)
            if code:
                return code
        shutil.copyfile(self._path(name, len(recipe.stages) - 1), self.out / f"{name}.safetensors")
        return code

    def is_done(self, name: str) -> bool:
        """Whether a model's last stage has all its steps."""
        recipe = RECIPES[name]
        last = len(recipe.stages) - 1
        if self.progress.stages.get(name) != last or not self._path(name, last).exists():
            return False
        before = self._before(name, last)
        steps = read_header(self._path(name, last)).steps
        return steps - (read_header(before).steps if before else 0) >= self._steps(name, last)

    def _stage(self, name: str, number: int, seconds: float) -> int:
        recipe, path, before = RECIPES[name], self._path(name, number), self._before(name, number)
        path.parent.mkdir(exist_ok=True)
        line = ["train", recipe.method, "--preset", recipe.preset, "--data", str(self.photographs)]
        if recipe.painting is None:
            line += ["--styles", str(self._styles())]
        else:
            line += ["--style", str(find_painting(self.paintings, recipe.painting))]
        line += shlex.split(f"{recipe.options} {recipe.stages[number].options}")
        line += ["--steps", str(self._steps(name, number)), "--time", f"{seconds:.1f}s"]
        if path.with_suffix(".training").joinpath("checkpoint.pt").exists():
            line += ["--resume"]
        elif before is not None:
            line += ["--init", str(before)]
        print(f"{name}, stage {number + 1} of {len(recipe.stages)}: {seconds:.0f} s", flush=True)
        return run([*line, *self.options, "-o", str(path)])

    def _steps(self, name: str, number: int) -> int:
        return max(2, round(RECIPES[name].stages[number].steps * self.longer))

    def _path(self, name: str, number: int) -> Path:
        return self.out / "stages" / f"{name}_{number + 1}.safetensors"

    def _before(self, name: str, number: int) -> Path | None:
        """Return the model that a stage starts from, if there is one."""
        if number:
            return self._path(name, number - 1)
        start = RECIPES[name].start
        path = self._path(start, 0) if start else None
        return path if path and path.exists() else None

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
    parser.add_argument("--longer", type=float, default=1.0, help="factor for the steps")
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
        Progress.read(options.out / "progress.json"),
        options.longer,
        ["--device", options.device, *passed],
    )
    failed = train_all(trainer, names, 60 * options.minutes)
    if failed == [INTERRUPTED]:
        return INTERRUPTED
    sheet = draw_previews(options.out, options.photographs, options.paintings, options.device)
    print(f"{sheet or 'no model was made'}", flush=True)
    return 1 if failed or sheet is None else 0


def train_all(trainer: Trainer, names: Sequence[str], seconds: float) -> list[int]:
    """Train models that are not done, and return the exit codes that are not 0.

    If the user interrupts it, it ends at once and returns that code alone.
    """
    left = seconds - sum(trainer.progress.seconds.get(name, 0.0) for name in names)
    todo = [name for name in names if not trainer.is_done(name)]
    third = (len(names) - 1) / 2 or 1.0  # half of what all the others have
    weights = {name: third if name == THIRD else 1.0 for name in todo}
    codes = []
    for name in todo:
        if left <= 0:
            print(f"{name}: no time is left: resume it by the same command with more --minutes")
            continue
        share = left * weights[name] / sum(weights.values())
        del weights[name]
        started = time.monotonic()
        code = trainer.model(name, share)
        left -= time.monotonic() - started
        if code == INTERRUPTED:
            return [INTERRUPTED]
        if code:
            codes.append(code)
    return codes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
