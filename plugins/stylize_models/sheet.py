"""A sheet of labelled tiles: one photograph in every trained style."""

from __future__ import annotations

import json
import math
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from PIL import Image, ImageDraw, ImageFont, ImageOps

from stylize import ModelFile, Stylizer, make_settings

if TYPE_CHECKING:
    from stylize import PluginHost

__all__ = ["Styles", "Tile", "demo_file", "draw_tiles"]

PAPER, INK, FAINT = "white", "#1a1a1a", "#6b6b6b"
COLUMNS = 4
GAP = 12


@dataclass(frozen=True)
class Tile:
    """A picture with its title and a line of text."""

    image: Image.Image
    title: str
    text: str = ""


class Styles:
    """Applies models to photographs; models with the same network share it.

    Args:
        size: longer side of the pictures, in pixels.
    """

    def __init__(self, host: PluginHost, size: int, device: str = "auto") -> None:
        self._host = host
        self._given = {"size": size, "device": device}
        self._stylizers: dict[tuple[Path, str], Stylizer] = {}

    def apply(self, model: ModelFile, photograph: Path) -> tuple[Image.Image, float]:
        """Return a photograph in a model's style, and the seconds it took, without loading.

        A model that takes any painting gets that of the demo.

        Raises: StylizeError for a photograph or a model that cannot be used.
        """
        stylizer = self._stylizer(model)
        paintings: Sequence[BinaryIO | Path] = model.paintings() or (
            [demo_file("starry_night.jpg")] if stylizer.plan.needs_style else []
        )
        began = time.monotonic()
        image = stylizer(photograph, paintings).image
        return image.convert("RGB"), time.monotonic() - began

    def _stylizer(self, model: ModelFile) -> Stylizer:
        """Return the stylizer of a model, or of its base with the settings that suit the model."""
        network, usual = model.base or model, model.header.usual
        key = network.path, json.dumps(usual, sort_keys=True)
        if key not in self._stylizers:
            settings = {"model": str(network.path), "options": {"method": usual}, **self._given}
            self._stylizers[key] = Stylizer(make_settings(settings, self._host), self._host)
        return self._stylizers[key]


def demo_file(name: str) -> Path:
    """Return a picture of the demo."""
    return Path(str(resources.files("stylize") / "demo" / name))


def draw_tiles(tiles: Sequence[Tile], side: int) -> Image.Image:
    """Draw tiles in rows, each picture fitted into a square; rows are as high as the tallest."""
    fitted = [ImageOps.contain(tile.image, (side, side)) for tile in tiles]
    height = max(image.height for image in fitted)
    title, text = (_font(max(least, side // share)) for share, least in ((20, 13), (26, 11)))
    below = round((title.size + text.size) * 1.4)
    columns = min(COLUMNS, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    pitch = side + GAP, height + below + 2 * GAP
    sheet = Image.new("RGB", (GAP + columns * pitch[0], GAP + rows * pitch[1]), PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, (tile, image) in enumerate(zip(tiles, fitted, strict=True)):
        left, top = GAP + number % columns * pitch[0], GAP + number // columns * pitch[1]
        sheet.paste(image, (left + (side - image.width) // 2, top + height - image.height))
        line = top + height + GAP // 2
        pen.text((left, line), _cut(tile.title, title, side), fill=INK, font=title)
        line += round(title.size * 1.4)
        pen.text((left, line), _cut(tile.text, text, side), fill=FAINT, font=text)
    return sheet


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # as a size was given
    return font


def _cut(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Return text cut to a width, without accents, which Pillow's font lacks."""
    plain = unicodedata.normalize("NFKD", text.encode(errors="replace").decode())
    text = "".join(letter for letter in plain if not unicodedata.combining(letter))
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."
