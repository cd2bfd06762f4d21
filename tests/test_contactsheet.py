"""Contact sheets: everything in its place, and legible."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from stylize_compare.sheets import EMPTY, PAPER, Row, Tile, draw_sheet, fit_tile, inset

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
LONG = "weights resnet50.imagenet1k_v1 are not embedded " * 20


def plain(color: tuple[int, int, int], size: tuple[int, int] = (30, 20)) -> Image.Image:
    return Image.new("RGB", size, color)


def box(sheet: Image.Image, color: tuple[int, int, int] | str) -> tuple[int, int, int, int]:
    """Return the (left, top, right, bottom) of all pixels of a colour."""
    wanted = np.array(Image.new("RGB", (1, 1), color))[0, 0]
    ys, xs = np.nonzero((np.array(sheet) == wanted).all(axis=2))
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def test_tiles_are_of_one_size_in_rows_and_columns():
    rows = [Row("first", Tile(plain(BLUE)), [Tile(plain(RED)), Tile(plain(GREEN))])]
    sheet = draw_sheet(["a", "b"], rows, (120, 80), inputs="inputs")
    blue, red, green = (box(sheet, color) for color in (BLUE, RED, GREEN))
    for left, top, right, bottom in (blue, red, green):
        assert (right - left, bottom - top) == (120, 80)
        assert top == blue[1]
    assert blue[2] < red[0]
    assert red[2] < green[0] <= sheet.width - 120


def test_without_row_labels_there_is_no_room_for_them():
    def draw(label: str) -> Image.Image:
        return draw_sheet(["a"], [Row(label, Tile(plain(BLUE)), [Tile(plain(RED))])], (96, 64))

    narrow, wide = draw(""), draw("smooth=none")
    assert box(narrow, RED)[0] - box(narrow, BLUE)[2] < 10
    assert box(wide, RED)[0] - box(wide, BLUE)[2] > 50


@pytest.mark.parametrize("size", [(96, 64), (96, 24), (256, 256)])
def test_long_texts_stay_within_their_place(size):
    label = "style_layers=" + ",".join(f"conv{i}_1=0.2" for i in range(40))
    row = Row(label, Tile(plain(BLUE, size)), [Tile(text=LONG, failed=True, caption=LONG)])
    sheet = draw_sheet([label], [row, row], size, inputs=label, note=LONG)
    pixels = np.array(sheet)
    assert (np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]) == 255).all()

    width, height = size
    gap = box(sheet, BLUE)[0]
    left = sheet.width - gap - width
    grey = np.array(Image.new("RGB", (1, 1), EMPTY))[0, 0]
    top = int(np.nonzero((pixels[:, left] == grey).all(axis=1))[0][0])
    tile = pixels[top : top + height, left : left + width]
    for edge in (tile[0], tile[-1], tile[:, 0], tile[:, -1]):
        assert (edge == grey).all()
    assert (pixels[top : top + height, left - gap : left] == 255).all()


def test_texts_that_the_font_or_unicode_lacks_are_drawn_all_the_same():
    names = ["caf\N{LATIN SMALL LETTER E WITH ACUTE}", "\u5199\u771f", "bad \udcff byte", ""]
    rows = [Row(name, None, [Tile(text=name, caption=name)]) for name in names]
    assert draw_sheet(["\udcff"], rows, (96, 64), note="\udcff").height > 4 * 64


def test_transparent_pixels_show_the_paper():
    clear = Image.new("RGBA", (40, 40), (*RED, 0))
    assert fit_tile(clear, (20, 20)).getpixel((10, 10)) == (255, 255, 255)


def test_the_inset_is_in_the_lower_right_corner_with_a_frame():
    pictured = inset(plain(BLUE, (200, 100)), plain(RED, (50, 50)))
    assert pictured.size == (200, 100)
    left, top, right, bottom = box(pictured, RED)
    assert (right, bottom) == (199, 99)
    assert left > 150
    assert top > 50
    assert pictured.getpixel((left - 1, 90)) == Image.new("RGB", (1, 1), PAPER).getpixel((0, 0))
