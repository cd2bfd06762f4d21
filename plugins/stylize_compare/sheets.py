"""Contact sheets: labelled pictures in rows and columns, drawn by Pillow with its own font."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, ImageOps

__all__ = ["Row", "Tile", "draw_sheet", "fit_tile", "inset"]

PAPER, INK, FAINT, EMPTY, ALARM = "white", "#1a1a1a", "#6b6b6b", "#f1f1f1", "#a3221a"
# The size of text as a share of a tile's width, and the smallest readable size in pixels.
LABEL, CAPTION = (1 / 15, 13), (1 / 20, 11)
LABEL_LINES, CAPTION_LINES = 4, 4
INSET = 0.38


@dataclass(frozen=True)
class Tile:
    """A place of the sheet.

    Args:
        image: fitted into the place; None shows `text` instead.
        text: shown if there is no image: an error, or why the place is empty.
        caption: below the image; at most four lines, and the rest is left out.
        failed: whether `text` is an error.
    """

    image: Image.Image | None = None
    text: str = ""
    caption: str = ""
    failed: bool = False


@dataclass(frozen=True)
class Row:
    """A row of tiles; `label` stands between the first, which shows the inputs, and the rest.

    Without an `inputs` tile its place stays blank, as below a tile that several rows share.
    """

    label: str
    inputs: Tile | None
    tiles: Sequence[Tile]


def draw_sheet(
    columns: Sequence[str],
    rows: Sequence[Row],
    size: tuple[int, int],
    *,
    inputs: str = "",
    note: str = "",
) -> Image.Image:
    """Draw rows of tiles under column labels.

    Args:
        columns: labels, one for each of a row's tiles.
        size: (width, height) of a tile's picture, in pixels.
        inputs: label over the tiles that show inputs.
        note: a line below everything.
    """
    return _Sheet(size).draw(columns, rows, inputs, note)


def fit_tile(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a picture as large as fits into (width, height), as RGB; alpha is laid over paper."""
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, PAPER)
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return ImageOps.contain(image.convert("RGB"), size, Image.Resampling.LANCZOS)


def inset(image: Image.Image, small: Image.Image) -> Image.Image:
    """Return the image with a small one in its lower right corner, framed in white."""
    frame = max(1, min(image.size) // 80)
    room = [max(1, round(side * INSET)) for side in image.size]
    framed = ImageOps.expand(fit_tile(small, (room[0], room[1])), frame, PAPER)
    result = image.copy()
    result.paste(framed, (image.width - framed.width, image.height - framed.height))
    return result


class _Sheet:
    """Measures and draws: all lengths follow from the size of a tile."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.width, self.height = size
        self.label = _font(self.width, *LABEL)
        self.caption = _font(self.width, *CAPTION)
        self.gap = max(4, self.width // 32)

    def draw(
        self, columns: Sequence[str], rows: Sequence[Row], inputs: str, note: str
    ) -> Image.Image:
        headers = [_wrap(text, self.label, self.width, LABEL_LINES) for text in (inputs, *columns)]
        # Labels of rows are as wide as their longest line, but wrap at a tile's width.
        room = min(self.width, max(_widest_part(row.label, self.label) for row in rows))
        most = max(1, self.height // _line_height(self.label))
        labels = [_wrap(row.label, self.label, room, most) for row in rows]
        # Each place has its gap on the right; rows without labels have no place for them.
        places = [self.width, *([room] if any(labels) else []), *[self.width] * len(columns)]
        lefts = [self.gap + sum(places[:i]) + i * self.gap for i in range(len(places))]
        first = len(places) - len(columns)
        right = lefts[-1] + self.width + self.gap
        top = self.gap + max(map(len, headers)) * _line_height(self.label) + self.gap
        tiles = [tile for row in rows for tile in (row.inputs, *row.tiles) if tile]
        below = max(len(self._caption(tile)) for tile in tiles) * _line_height(self.caption)
        pitch = self.height + below + 2 * self.gap
        footer = _wrap(note, self.caption, right - 2 * self.gap, LABEL_LINES)
        bottom = top + pitch * len(rows)
        total = bottom + (len(footer) * _line_height(self.caption) + self.gap if footer else 0)
        self.image = Image.new("RGB", (right, total), PAPER)
        self.pen = ImageDraw.Draw(self.image)
        for left, lines in zip([lefts[0], *lefts[first:]], headers, strict=True):
            height = len(lines) * _line_height(self.label)
            self._text(lines, left, top - self.gap - height, self.label, INK, self.width)
        for index, (row, lines) in enumerate(zip(rows, labels, strict=True)):
            y = top + index * pitch
            if row.inputs:
                self._tile(row.inputs, lefts[0], y)
            height = len(lines) * _line_height(self.label)
            self._text(lines, lefts[1], y + (self.height - height) // 2, self.label, INK, room)
            for left, tile in zip(lefts[first:], row.tiles, strict=True):
                self._tile(tile, left, y)
        self._text(footer, self.gap, bottom, self.caption, FAINT)
        return self.image

    def _tile(self, tile: Tile, left: int, top: int) -> None:
        size = self.width, self.height
        if tile.image is not None:
            picture = fit_tile(tile.image, size)
            corner = left + (size[0] - picture.width) // 2, top + (size[1] - picture.height) // 2
            self.image.paste(picture, corner)
        else:
            self.pen.rectangle((left, top, left + size[0] - 1, top + size[1] - 1), fill=EMPTY)
            step = _line_height(self.caption)
            lines = _wrap(
                tile.text,
                self.caption,
                size[0] - 2 * self.gap,
                max(1, (size[1] - 2 * self.gap) // step),
            )
            self._text(
                lines,
                left + self.gap,
                top + (size[1] - len(lines) * step) // 2,
                self.caption,
                ALARM if tile.failed else FAINT,
                size[0] - 2 * self.gap,
            )
        place = top + size[1] + self.gap // 2
        self._text(self._caption(tile), left, place, self.caption, FAINT, size[0])

    def _caption(self, tile: Tile) -> list[str]:
        return _wrap(tile.caption, self.caption, self.width, CAPTION_LINES)

    def _text(
        self,
        lines: Sequence[str],
        left: int,
        top: int,
        font: ImageFont.FreeTypeFont,
        colour: str,
        width: int | None = None,
    ) -> None:
        """Write lines, centred if a width is given."""
        for index, line in enumerate(lines):
            shift = 0.0 if width is None else (width - font.getlength(line)) / 2
            place = left + shift, top + index * _line_height(font)
            self.pen.text(place, line, fill=colour, font=font)


def _font(width: int, share: float, least: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(max(least, round(width * share)))
    assert isinstance(font, ImageFont.FreeTypeFont)  # always so if a size is given
    return font


def _line_height(font: ImageFont.FreeTypeFont) -> int:
    return round(font.size * 1.25)


def _widest_part(text: str, font: ImageFont.FreeTypeFont) -> int:
    return math.ceil(max((font.getlength(part) for part in text.split()), default=0))


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: int, most: int) -> list[str]:
    """Break text into at most so many lines of a width in pixels; "..." marks what is left out."""
    # Pillow's font has no accented letters, and file names may hold bytes that are not text.
    plain = unicodedata.normalize("NFKD", text.encode(errors="replace").decode())
    text = "".join(letter for letter in plain if not unicodedata.combining(letter))
    lines = [piece for line in text.splitlines() for piece in _break(line, font, width)]
    if len(lines) > most:
        lines = lines[:most]
        while lines[-1] and font.getlength(f"{lines[-1]}...") > width:
            lines[-1] = lines[-1][:-1]
        lines[-1] += "..."
    return lines


def _break(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Break one line: between words, or after a mark as in "layers=a,b", or anywhere."""
    lines = [""]
    for part in re.findall(r"\s*[^\s,=/]*[,=/]*", text):
        if font.getlength(lines[-1] + part) <= width:
            lines[-1] += part
            continue
        lines.append("")
        for letter in part.lstrip():
            if lines[-1] and font.getlength(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line]
