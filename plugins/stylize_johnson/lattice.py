"""How much of a picture repeats with the grid of the network that made it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

__all__ = ["measure_lattice"]

# Side of the parts of a picture in which a pattern is looked for, in periods; even.
PART = 8


def measure_lattice(pictures: Tensor, period: int) -> Tensor:
    """Return the (N,) energy of the detail of pictures (N, 3, H, W) that repeats every `period`.

    Photograph and noise put a stroke anywhere. So in the mean over many squares of this many
    pixels strokes cancel out, and only the network's own grid is left: weave in skies, rows of
    dots. To measure neither chance nor long straight lines, means over squares that share no row
    and no column are multiplied. Pictures smaller than eight periods have no energy.
    """
    around = F.avg_pool2d(pictures, period + 1, 1, period // 2, count_include_pad=False)
    side = PART * period
    height, width = (size // side * side for size in pictures.shape[-2:])
    if not height or not width:
        return pictures.new_zeros(len(pictures))
    detail = (pictures - around)[..., :height, :width]
    # (N, 3, parts down, PART / 2, 2, period, parts across, PART / 2, 2, period)
    squares = detail.reshape(
        *detail.shape[:2], height // side, PART // 2, 2, period, width // side, PART // 2, 2, period
    )
    even, odd = squares.mean(dim=(3, 7)).unbind(dim=3)  # in rows; columns are at 5
    products = even.select(5, 0) * odd.select(5, 1) + even.select(5, 1) * odd.select(5, 0)
    energy = products.mean(dim=(1, 3, 5)) / 2  # (N, parts down, parts across)
    found: Tensor = energy.clamp_min(0).flatten(1).mean(dim=1)
    return found
