"""Paint procedural pictures for training `adain`, for when paintings are few.

    python examples/paint_textures.py PHOTOGRAPHS OUT [COUNT [SIDE]]

The pictures show strokes, flow lines, cells, dots, hatching and shapes, in the colours of the
photographs (a folder of .jpg files). Picture number k is the same in every run over the same
photographs. Needs SciPy.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps
from scipy import ndimage
from scipy.spatial import cKDTree

Array = NDArray[np.float64]
# Heights of smooth noise at which one colour of a palette changes to the next.
STEPS = [-1.2, -0.5, 0, 0.5, 1.2]


@dataclass
class Painter:
    """Random numbers, photographs as sources of colour, and the side of the picture."""

    rng: np.random.Generator
    photographs: list[Path]
    side: int

    def noise(self, sigma: float) -> Array:
        """Return smooth noise (side, side) of mean 0 and deviation 1; sigma in pixels."""
        white = self.rng.standard_normal((self.side, self.side))
        smooth = ndimage.gaussian_filter(white, sigma, mode="wrap")
        return (smooth - smooth.mean()) / smooth.std()

    def palette(self, count: int = 6) -> Array:
        """Return colours (count, 3) of a photograph, 0 to 255, often livelier or swapped."""
        small = self._open().resize((64, 64))
        pixels = np.asarray(small).reshape(-1, 3)
        colours = pixels[self.rng.integers(len(pixels), size=count)].astype(float)
        if self.rng.random() < 0.7:
            mean = colours.mean()
            colours = np.clip(mean + (colours - mean) * self.rng.uniform(1, 2.2), 0, 255)
        if self.rng.random() < 0.5:
            colours = colours[:, self.rng.permutation(3)]
        return colours

    def photograph(self) -> Array:
        """Return a photograph (side, side, 3), 0 to 255, livelier, often with colours swapped."""
        pixels = np.asarray(ImageOps.fit(self._open(), (self.side, self.side))).astype(float)
        mean = pixels.mean((0, 1))
        pixels = mean + (pixels - mean) * self.rng.uniform(1, 1.8)
        if self.rng.random() < 0.5:
            pixels = pixels[..., self.rng.permutation(3)]
        return np.clip(pixels, 0, 255)

    def patches(self, colours: Array, sigma: float) -> Array:
        """Return patches (side, side, 3) of six colours; sigma in pixels."""
        return colours[np.digitize(self.noise(sigma), STEPS)]

    def angles(self) -> Array:
        """Return slowly turning directions (side, side), in radians."""
        noise = self.noise(self.rng.uniform(30, 90))
        return noise * self.rng.uniform(0.5, 2) + self.rng.uniform(0, math.pi)

    def places(self, count: int) -> NDArray[np.int64]:
        """Return random (row, column) pairs."""
        return self.rng.integers(self.side, size=(count, 2))

    def _open(self) -> Image.Image:
        path = self.photographs[self.rng.integers(len(self.photographs))]
        return Image.open(path).convert("RGB")


def paint_strokes(painter: Painter) -> Array:
    """Curved brush strokes, along a flow or along the edges of the subject."""
    rng, side = painter.rng, painter.side
    if rng.random() < 0.7:
        base = painter.photograph()
    else:
        base = painter.patches(painter.palette(), rng.uniform(15, 60))
    angles = painter.angles()
    if rng.random() < 0.5:
        angles = _along_edges(base)
    image = Image.fromarray(ndimage.gaussian_filter(base, (8, 8, 0)).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    length, width, jitter = rng.uniform(8, 40), rng.uniform(2, 9), rng.uniform(4, 30)
    count = int(min(30000, 4 * side * side / (length * width)))
    for row, column in painter.places(count):
        angle = angles[row, column] + rng.normal() * 0.15
        points, x, y = [(column, row)], float(column), float(row)
        for _ in range(3):
            x += math.cos(angle) * length / 3
            y += math.sin(angle) * length / 3
            if not (0 <= x < side and 0 <= y < side):
                break
            points.append((x, y))
            turned = angles[int(y), int(x)]
            angle = turned if math.cos(turned - angle) > 0 else turned + math.pi
        colour = base[row, column] + rng.normal() * jitter + rng.normal(size=3) * jitter * 0.5
        thick = max(1, int(width * rng.uniform(0.6, 1.4)))
        draw.line(points, fill=_rgb(colour), width=thick, joint="curve")
    return np.asarray(image).astype(float)


def paint_flow(painter: Painter) -> Array:
    """Lines that follow a flow (line integral convolution), over a photograph or a palette."""
    rng, side = painter.rng, painter.side
    angles = painter.angles()
    field = np.stack([np.sin(angles), np.cos(angles)])
    source = painter.noise(rng.uniform(0.8, 3))
    steps = int(rng.uniform(8, 24))
    lines = source.copy()
    for sign in (1, -1):
        at = np.mgrid[:side, :side].astype(float)
        for _ in range(steps):
            at += sign * np.stack([_sample(part, at) for part in field])
            lines += _sample(source, at)
    lines = (lines - lines.mean()) / lines.std()
    if rng.random() < 0.6:
        base = ndimage.gaussian_filter(painter.photograph(), (3, 3, 0))
        return base + lines[..., None] * rng.uniform(15, 45)
    colours = painter.palette()
    colours = colours[np.argsort(colours.sum(1))]
    height = lines * 0.5 + painter.noise(rng.uniform(20, 70))
    place = np.clip((height + 2) / 4 * 5, 0, 4.999)
    lower = place.astype(int)
    share = (place - lower)[..., None]
    return colours[lower] * (1 - share) + colours[lower + 1] * share


def paint_cells(painter: Painter) -> Array:
    """Cells around random points (Voronoi), most of them with seams: mosaics, glass, facets."""
    rng, side = painter.rng, painter.side
    count = int(10 ** rng.uniform(1.8, 3.3))
    points = rng.uniform(0, side, (count, 2))
    grid = np.stack(np.mgrid[:side, :side], -1).reshape(-1, 2)
    distances, nearest = cKDTree(points).query(grid, k=2)
    if rng.random() < 0.6:
        colours = painter.photograph()[points[:, 0].astype(int), points[:, 1].astype(int)]
    else:
        colours = painter.palette()[rng.integers(6, size=count)]
    colours = colours + rng.normal(size=(count, 1)) * rng.uniform(0, 25)
    picture = colours[nearest[:, 0]].reshape(side, side, 3)
    seam = ((distances[:, 1] - distances[:, 0]) < rng.uniform(1, 5)).reshape(side, side)
    if rng.random() < 0.8:
        picture[seam] = painter.palette(1)[0] * rng.uniform(0, 1)
    return ndimage.gaussian_filter(picture, (0.7, 0.7, 0))


def paint_dots(painter: Painter) -> Array:
    """Dots of nearly the picture's colours on a light ground."""
    rng, side = painter.rng, painter.side
    base = painter.photograph() if rng.random() < 0.7 else painter.patches(painter.palette(), 40)
    image, draw = _ground(painter.palette(1)[0] * 0.3 + 170 * 0.7, side)
    radius, jitter = rng.uniform(2, 6), rng.uniform(10, 50)
    for row, column in painter.places(int(2.2 * side * side / (radius * radius * 3))):
        r = radius * rng.uniform(0.6, 1.3)
        colour = base[row, column] + rng.normal(size=3) * jitter
        draw.ellipse((column - r, row - r, column + r, row + r), fill=_rgb(colour))
    return np.asarray(image).astype(float)


def paint_hatching(painter: Painter) -> Array:
    """Pen lines, denser where a photograph is darker, on paper or on a wash of colours."""
    rng, side = painter.rng, painter.side
    grey = ndimage.gaussian_filter(painter.photograph().mean(2), 2)
    image, draw = _ground(painter.palette(1)[0] * 0.2 + 230 * 0.8, side)
    ink = _rgb(painter.palette(1)[0] * rng.uniform(0, 0.5))
    if rng.random() < 0.5:
        wash = ndimage.gaussian_filter(painter.photograph(), (10, 10, 0)).astype(np.uint8)
        image = Image.blend(image, Image.fromarray(wash), rng.uniform(0.3, 0.7))
        draw = ImageDraw.Draw(image)
    direction = rng.uniform(0, math.pi)
    angles = painter.angles() * rng.uniform(0, 0.4)
    length = rng.uniform(6, 22)
    for row, column in painter.places(16000):
        darkness = 1 - grey[row, column] / 255
        if rng.random() < darkness**1.5:
            crossed = math.pi / 2 if rng.random() < 0.25 else 0
            angle = direction + angles[row, column] + crossed
            end = (column + math.cos(angle) * length, row + math.sin(angle) * length)
            draw.line((column, row, *end), fill=ink, width=int(rng.integers(1, 3)))
    return np.asarray(image).astype(float)


def paint_shapes(painter: Painter) -> Array:
    """Discs, polygons, bars and arcs in flat colours, with some grain."""
    rng, side = painter.rng, painter.side
    colours = painter.palette(8)
    image, draw = _ground(colours[0], side)
    for _ in range(int(rng.uniform(60, 260))):
        x, y = rng.integers(side, size=2)
        size = int(10 ** rng.uniform(0.8, 1.9))
        colour = _rgb(colours[rng.integers(8)])
        outline = None if rng.random() < 0.5 else _rgb(colours[1] * 0.2)
        box = (x - size, y - size, x + size, y + size)
        kind = rng.integers(4)
        if kind == 0:
            draw.ellipse(box, fill=colour, outline=outline, width=3)
        elif kind == 1:
            corners = [
                (int(x + rng.normal() * size), int(y + rng.normal() * size))
                for _ in range(int(rng.integers(3, 6)))
            ]
            draw.polygon(corners, fill=colour, outline=outline)
        elif kind == 2:
            end = (int(x + rng.normal() * size * 2), int(y + rng.normal() * size * 2))
            draw.line([(int(x), int(y)), end], fill=colour, width=int(rng.integers(1, 9)))
        else:
            start, stop = int(rng.integers(360)), int(rng.integers(360))
            draw.arc(box, start, stop, fill=outline or colour, width=int(rng.integers(1, 7)))
    grain = painter.noise(rng.uniform(0.5, 8))[..., None]
    return np.asarray(image).astype(float) + grain * rng.uniform(2, 18)


# In this order, in turn. Strokes come more often, since most paintings are made of them.
KINDS: tuple[Callable[[Painter], Array], ...] = (
    paint_strokes,
    paint_strokes,
    paint_flow,
    paint_strokes,
    paint_cells,
    paint_dots,
    paint_hatching,
    paint_shapes,
)


def _along_edges(picture: Array) -> Array:
    """Return directions along the edges of a picture, smoothed as doubled angles."""
    down, across = np.gradient(ndimage.gaussian_filter(picture.mean(2), 4))
    angles = np.arctan2(across, -down)
    doubled = ndimage.gaussian_filter(np.cos(2 * angles), 6) + 1j * ndimage.gaussian_filter(
        np.sin(2 * angles), 6
    )
    return np.angle(doubled) / 2


def _sample(values: Array, at: Array) -> Array:
    sampled: Array = ndimage.map_coordinates(values, at, order=1, mode="wrap")
    return sampled


def _ground(colour: Array, side: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.fromarray(np.full((side, side, 3), colour).astype(np.uint8))
    return image, ImageDraw.Draw(image)


def _rgb(colour: Array) -> tuple[int, int, int]:
    red, green, blue = np.clip(colour, 0, 255).astype(int).tolist()
    return red, green, blue


def main(photographs: Path, out: Path, count: int = 64, side: int = 640) -> None:
    """Write `count` pictures of `side` x `side` pixels."""
    files = sorted(photographs.glob("*.jpg"))
    if not files:
        raise SystemExit(f"{photographs}: no .jpg files in it: give a folder of photographs")
    out.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        painter = Painter(np.random.default_rng(number), files, side)
        picture = KINDS[number % len(KINDS)](painter)
        pixels = np.clip(picture, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(out / f"texture_{number:03d}.jpg", quality=90)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4, 5):
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
