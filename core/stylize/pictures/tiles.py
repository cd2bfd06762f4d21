"""Large pictures tile by tile, as if in one piece, for methods whose pixels see their surroundings.

Pictures are uint8 on the CPU, so that one of any size fits in memory; tiles are float.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylize.contract.run import Progress, Run

__all__ = [
    "Tile",
    "cut_tiles",
    "empty_picture",
    "fill_tiles",
    "make_in_tiles",
    "put_tile",
    "read_tile",
    "to_bytes",
]


@dataclass(frozen=True)
class Tile:
    """A part of a picture: rows `top` to `bottom`, columns `left` to `right`, ends excluded."""

    top: int
    bottom: int
    left: int
    right: int


def cut_tiles(height: int, width: int, side: int, stride: int) -> Iterator[Tile]:
    """Yield the tiles of a picture, row by row, of at most `side`, in whole strides."""
    side = max(stride, side // stride * stride)
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Tile(top, min(top + side, height), left, min(left + side, width))


def read_tile(
    picture: Tensor, tile: Tile, margin: int, stride: int, *, beyond: int = 0
) -> tuple[Tensor, Tile]:
    """Return a tile with its surroundings, and its place in them.

    The picture counts as extended by reflection, right and below, to whole positions of the
    network, whatever the tiles: this makes all of them see the same picture.

    Args:
        picture: (1, 3, H, W), uint8 or float.
        margin: width of the surroundings, a multiple of the stride; cut off at the picture's edges.
        stride: pixels per position.
        beyond: how far the extended picture is reflected once more, on all sides: a multiple of
            the stride.

    Returns:
        (1, 3, h, w) float32 in [0, 1], h and w multiples of the stride.
    """
    part = picture
    for axis, start, stop in ((-2, tile.top, tile.bottom), (-1, tile.left, tile.right)):
        part = _read(part, axis, start - margin, stop + margin, stride, beyond)
    part = part.float() / 255 if part.dtype == torch.uint8 else part.float()
    top, left = min(margin, tile.top + beyond), min(margin, tile.left + beyond)
    place = Tile(top, top + tile.bottom - tile.top, left, left + tile.right - tile.left)
    return part, place


def _read(picture: Tensor, axis: int, start: int, stop: int, stride: int, beyond: int) -> Tensor:
    """Return what lies between two places along an axis, in whole positions, as read_tile says."""
    length = picture.shape[axis]
    whole = -(-length // stride) * stride
    start, stop = max(start, -beyond), min(stop, whole + beyond)
    stop += -(stop - start) % stride
    if start >= 0 and stop <= length:
        return picture.narrow(axis, start, stop - start)
    places = torch.arange(start, stop, device=picture.device)
    return picture.index_select(axis, _reflect(_reflect(places, whole), length))


def _reflect(places: Tensor, length: int) -> Tensor:
    """Return places anywhere on a line as places on its part of a length, mirrored at its ends."""
    last = length - 1
    return last - (last - places.abs() % max(1, 2 * last)).abs()


def to_bytes(picture: Tensor) -> Tensor:
    """Return a picture, in [0, 1] or already uint8, as uint8 on the CPU."""
    if picture.dtype == torch.uint8:
        return picture.cpu()
    return (picture.clamp(0, 1) * 255).round().to(torch.uint8).cpu()


def empty_picture(height: int, width: int) -> Tensor:
    """Return a uint8 picture (1, 3, H, W) to be filled, with pixels in rows, as in files."""
    return torch.empty(1, height, width, 3, dtype=torch.uint8).permute(0, 3, 1, 2)


def put_tile(picture: Tensor, tile: Tile, made: Tensor) -> None:
    """Put a tile's pixels (1, 3, h, w), about in [0, 1], into a uint8 picture."""
    picture[..., tile.top : tile.bottom, tile.left : tile.right] = to_bytes(made)


def make_in_tiles(
    picture: Tensor,
    tiles: Sequence[Tile],
    make: Callable[[Tile], Tensor],
    run: Run,
    *,
    thumbnail: Tensor | None = None,
    done: int = 0,
    after: int = 0,
) -> None:
    """Fill a picture tile by tile, and report each; if the run must stop, from a thumbnail.

    Args:
        picture: (1, 3, H, W), uint8, to be filled.
        make: returns a tile's pixels (1, 3, h, w), about in [0, 1].
        thumbnail: a small picture (1, 3, h, w) of the whole, from which the remaining tiles are
            enlarged, with a warning; without one all are made, whatever the time.
        done, after: steps of the run before and after these; each tile is one step.
    """
    steps = done + len(tiles) + after
    for number, tile in enumerate(tiles):
        if thumbnail is not None and run.should_stop():
            fill_tiles(picture, tiles[number:], thumbnail)
            run.warnings.append(
                f"stopped after {number} of {len(tiles)} tiles: the rest is enlarged from a small "
                f"picture"
            )
            return
        put_tile(picture, tile, make(tile))
        step = done + number + 1
        run.report(Progress(step / steps, step, steps, {}, "tile"))


def fill_tiles(picture: Tensor, tiles: Sequence[Tile], small: Tensor) -> None:
    """Fill tiles with a small picture (1, 3, h, w) of the whole, enlarged tile by tile."""
    height, width = picture.shape[-2:]
    for tile in tiles:
        rows = torch.arange(tile.top, tile.bottom, device=small.device)
        columns = torch.arange(tile.left, tile.right, device=small.device)
        y = (rows + 0.5) / height * 2 - 1
        x = (columns + 0.5) / width * 2 - 1
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).unsqueeze(0)
        enlarged = F.grid_sample(
            small, grid, mode="bicubic", padding_mode="border", align_corners=False
        )
        put_tile(picture, tile, enlarged)
