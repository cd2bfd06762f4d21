"""Makes the gallery's pictures by the commands that its page shows, and the page itself.

    make gallery                                        all pictures
    make gallery ONLY=fig5                              one of them
    make gallery PHOTOS=folder PAINTINGS=folder         with files that no package contains
    python docs/gallery/make.py --page                  only docs/gallery.md

gallery.toml defines everything: the inputs, the commands, and the tiles of the sheets.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from pydantic import BaseModel, ConfigDict

HERE = Path(__file__).parent
PAGE = HERE.with_suffix(".md")
DEMO = HERE.parents[1] / "core" / "stylize" / "demo"
NOTE = "<!-- Made by docs/gallery/make.py from docs/gallery/gallery.toml: do not edit. -->"
QUALITY = 86
PAPER, INK = "white", "#333333"


class Model(BaseModel):
    """A table of gallery.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(Model):
    """A file that commands read.

    Args:
        distribution, path: the package that contains it, and its path in site-packages. Without
            them, it is a demo picture, or you provide it.
    """

    what: str
    license: str
    distribution: str = ""
    path: str = ""


class Tile(Model):
    """A place of a sheet.

    Args:
        crop: left, top, width and height as shares of the picture.
        second: the time of the frame to show, for a video.
    """

    file: str
    caption: str
    crop: tuple[float, float, float, float] | None = None
    second: float | None = None


class Entry(Model):
    """A picture of the gallery: one sheet, and the commands that make what is on it.

    Args:
        tile: width of a place in pixels.
        separate: each tile is its own file, in the folder `name`, and the page has a table of
            them, with their captions as its head if all rows have the same.
        waits: a missing requirement; until it is met, the entry is not on the page.
    """

    title: str
    text: str
    inputs: tuple[str, ...]
    commands: tuple[str, ...]
    rows: tuple[tuple[Tile, ...], ...]
    tile: int = 256
    separate: bool = False
    waits: str = ""


class Gallery(Model):
    """All of gallery.toml."""

    intro: str
    inputs: dict[str, Input]
    pictures: dict[str, Entry]


def load_gallery() -> Gallery:
    """Read gallery.toml."""
    return Gallery.model_validate(tomllib.loads((HERE / "gallery.toml").read_text("utf-8")))


def find_input(name: str, source: Input, folders: Sequence[Path]) -> Path | None:
    """Return where a file is: in a given folder, the demo, or an installed distribution."""
    places = [folder / name for folder in (*folders, DEMO)]
    if source.distribution:
        try:
            found = importlib.metadata.distribution(source.distribution)
            places.append(Path(str(found.locate_file(source.path))))
        except importlib.metadata.PackageNotFoundError:
            pass
    return next((place for place in places if place.is_file()), None)


def make_entry(
    name: str, entry: Entry, files: Sequence[Path], folder: Path, extra: Sequence[str]
) -> dict[str, Image.Image]:
    """Copy an entry's inputs into a folder, and run its commands there.

    Returns: its pictures by their files, relative to this folder: a sheet, or one for each tile.
    Raises: CalledProcessError if a command fails.
    """
    for file, called in zip(files, entry.inputs, strict=True):
        shutil.copyfile(file, folder / called)
    for line in entry.commands:
        print(f"$ {line}", flush=True)
        words = shlex.split(line)
        assert words[0] == "stylize", line
        subprocess.run(
            [sys.executable, "-m", "stylize", *words[1:], *extra], cwd=folder, check=True
        )
    if not entry.separate:
        return {f"{name}.jpg": draw_sheet(entry, folder)}
    tiles = [tile for row in entry.rows for tile in row]
    return {_tile_file(name, tile): _picture(tile, folder, entry.tile) for tile in tiles}


def _tile_file(name: str, tile: Tile) -> str:
    return f"{name}/{Path(tile.file).stem}.jpg"


@contextlib.contextmanager
def work_folder(keep: Path | None, name: str) -> Iterator[Path]:
    """Yield a new folder, which is kept or removed afterwards."""
    if keep:
        (keep / name).mkdir(parents=True)
        yield keep / name
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)


def draw_sheet(entry: Entry, folder: Path) -> Image.Image:
    """Lay an entry's tiles out in rows, each with its caption below."""
    font = ImageFont.load_default(max(12, entry.tile // 19))
    line = round(font.size * 1.6)
    gap = max(4, entry.tile // 40)
    rows = [[_picture(tile, folder, entry.tile) for tile in row] for row in entry.rows]
    heights = [max(picture.height for picture in row) for row in rows]
    width = max(map(len, rows)) * (entry.tile + gap) - gap
    sheet = Image.new("RGB", (width, sum(heights) + len(rows) * line), PAPER)
    pen = ImageDraw.Draw(sheet)
    top = 0
    for tiles, pictures, height in zip(entry.rows, rows, heights, strict=True):
        for index, (tile, picture) in enumerate(zip(tiles, pictures, strict=True)):
            left = index * (entry.tile + gap)
            sheet.paste(picture, (left, top))
            pen.text((left, top + height + line // 8), tile.caption, fill=INK, font=font)
        top += height + line
    return sheet


def _picture(tile: Tile, folder: Path, width: int) -> Image.Image:
    if tile.second is None:
        with Image.open(folder / tile.file) as opened:
            image = opened.convert("RGB")
    else:
        image = read_frame(folder / tile.file, tile.second)
    if tile.crop:
        left, top, wide, high = tile.crop
        box = (left, top, left + wide, top + high)
        image = image.crop([round(v * s) for v, s in zip(box, image.size * 2, strict=True)])
    height = max(1, round(image.height * width / image.width))
    return image.resize((width, height), Image.Resampling.LANCZOS)


def read_frame(path: Path, second: float) -> Image.Image:
    """Return the first frame of a video at or after a time, or else its last frame."""
    import av

    with av.open(str(path)) as video:
        for frame in video.decode(video=0):
            if (frame.time or 0.0) >= second:
                break
        return frame.to_image()


def write_page(gallery: Gallery) -> str:
    """Return the text of docs/gallery.md."""
    parts = ["# Gallery", NOTE, gallery.intro.strip()]
    shown = {name: entry for name, entry in gallery.pictures.items() if not entry.waits}
    for name, entry in shown.items():
        parts += [
            f"## {entry.title}",
            _table(name, entry) if entry.separate else f"![{entry.title}](gallery/{name}.jpg)",
            entry.text.strip(),
            "```sh\n" + "\n".join(entry.commands) + "\n```",
        ]
    parts.append("## Sources")
    used = sorted({file for entry in shown.values() for file in entry.inputs})
    rows = [_input_row(file, gallery.inputs[file]) for file in used]
    parts.append("\n".join(["| file | subject | licence | package |", "|---|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _table(name: str, entry: Entry) -> str:
    first, *others = [[tile.caption for tile in row] for row in entry.rows]
    shared = all(row == first for row in others)
    head = first if shared else [""] * len(first)
    rows = [
        [_tile_cell(name, tile) + ("" if shared else f"<br>{tile.caption}") for tile in row]
        for row in entry.rows
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _tile_cell(name: str, tile: Tile) -> str:
    return f"![{tile.caption}: {tile.file}](gallery/{_tile_file(name, tile)})"


def _input_row(file: str, source: Input) -> str:
    brings = source.distribution or ("stylize-nst" if (DEMO / file).is_file() else "")
    comes = f"`{brings}`" if brings else "none: set `PAINTINGS=` to a folder with it"
    return f"| `{file}` | {source.what} | {source.license} | {comes} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the chosen pictures; the exit code is 1 if one could not be made."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--page", action="store_true", help="write only the page")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="pictures to make")
    parser.add_argument("--photos", type=Path, help="a folder with photographs")
    parser.add_argument("--paintings", type=Path, help="a folder with paintings")
    parser.add_argument("--output", type=Path, default=HERE, help="where pictures go")
    parser.add_argument(
        "--keep", type=Path, help="keep the files of the commands here, a folder each"
    )
    parser.add_argument("--extra", default="", help="options added to every command, for trials")
    options = parser.parse_args(arguments)
    gallery = load_gallery()
    if unknown := set(options.only) - set(gallery.pictures):
        parser.error(
            f"no picture {', '.join(sorted(unknown))}: there are {', '.join(gallery.pictures)}"
        )
    if options.page:
        PAGE.write_text(write_page(gallery), encoding="utf-8")
        return 0
    chosen = {
        name: entry
        for name, entry in gallery.pictures.items()
        if name in options.only or not (options.only or entry.waits)
    }
    folders = [folder for folder in (options.photos, options.paintings) if folder]
    failed = []
    for name, entry in chosen.items():
        found = {file: find_input(file, gallery.inputs[file], folders) for file in entry.inputs}
        if missing := [file for file, place in found.items() if place is None]:
            failed.append(
                f"{name}: there is no {', '.join(missing)}: {how_to_get(gallery, missing)}"
            )
            continue
        files = [place for place in found.values() if place]
        try:
            with work_folder(options.keep, name) as folder:
                pictures = make_entry(name, entry, files, folder, shlex.split(options.extra))
        except subprocess.CalledProcessError as error:
            failed.append(f"{name}: exit code {error.returncode} of {shlex.join(error.cmd[2:])}")
            continue
        for file, picture in pictures.items():
            path = options.output / file
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path, quality=QUALITY, optimize=True, progressive=True)
            size = f"{picture.width}x{picture.height}, {path.stat().st_size // 1024} kB"
            print(f"{path}: {size}", flush=True)
    for message in failed:
        print(textwrap.shorten(message, 500), file=sys.stderr)
    return bool(failed)


def how_to_get(gallery: Gallery, names: Sequence[str]) -> str:
    """Return advice on how to get the missing files."""
    brings = sorted({gallery.inputs[name].distribution for name in names} - {""})
    install = [f"pip install {' '.join(brings)}"] if brings else []
    return " or ".join([*install, "set PHOTOS or PAINTINGS to a folder with it"])


if __name__ == "__main__":
    sys.exit(main())
