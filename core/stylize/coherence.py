"""Coherent matches: neighbours that take neighbours, as a stroke goes on.

The nearest features alone leave a grain: what lies side by side is taken from all over the
painting. So each position is offered what its neighbours' matches go on to, and takes it where the
features agree about as well.

Source: the coherence of Ashikhmin 2001, "Synthesizing natural textures", and Hertzmann et al.
2001, "Image analogies", as an energy that is lowered position by position.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["Grids", "make_coherent"]

NEIGHBORS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]


class Grids:
    """Several grids of positions, numbered through: row by row, one grid after another.

    Args: sizes: height and width of each.
    """

    def __init__(self, sizes: Sequence[tuple[int, int]], device: torch.device) -> None:
        counts = [height * width for height, width in sizes]
        # Where each grid starts, and where the last one ends.
        self.start = [0, *torch.tensor(counts).cumsum(dim=0).tolist()]
        self.of = torch.arange(len(sizes), device=device).repeat_interleave(
            torch.tensor(counts, device=device)
        )
        self.height, self.width = torch.tensor(sizes, device=device).unbind(dim=1)
        self._starts = torch.tensor(self.start[:-1], device=device)

    def move(self, positions: Tensor, dy: int, dx: int) -> tuple[Tensor, Tensor]:
        """Return positions moved within their grids, and whether they are still inside."""
        grid = self.of[positions]
        width = self.width[grid]
        place = positions - self._starts[grid]
        y, x = place // width + dy, place % width + dx
        inside = (y >= 0) & (y < self.height[grid]) & (x >= 0) & (x < width)
        moved = self._starts[grid] + y * width + x
        return torch.where(inside, moved, positions), inside


@torch.no_grad()
def make_coherent(
    index: Tensor,
    queries: Tensor,
    keys: Tensor,
    bias: Tensor,
    grids: Grids,
    size: tuple[int, int],
    gain: float,
    *,
    repetition: float = 0.0,
    sweeps: int = 6,
    first: tuple[int, int] = (0, 0),
) -> Tensor:
    """Return matches (M,) that agree with their neighbours where the features nearly do.

    A match is worth its cosine, its bias, and `gain` times the share of its eight neighbours whose
    matches lie just so in the painting as they lie in the picture.

    Args:
        index: (M,) of the keys; the nearest ones.
        queries, keys: (M, C) and (K, C), of length 1.
        bias: (K,) of the keys.
        grids: where the keys lie.
        size: height and width of the grid of the queries.
        repetition: what a match loses, in cosine, where all eight neighbours take the very same.
        sweeps: how often; each half of the positions is decided in turn. A match depends on what
            is at most as many positions away.
        first: row and column of the first query, where they are a part of a larger grid.
    """
    own = Grids([size], index.device)
    places = torch.arange(len(index), device=index.device)
    odd = (places // size[1] + places % size[1] + sum(first)) % 2 == 1
    around = [own.move(places, dy, dx) for dy, dx in NEIGHBORS]
    for sweep in range(sweeps):
        offers, valid = [], []
        for (dy, dx), (neighbor, inside) in zip(NEIGHBORS, around, strict=True):
            offer, within = grids.move(index[neighbor], -dy, -dx)
            offers.append(offer)
            valid.append(inside & within)
        votes = [(gain, offers, valid)]
        if repetition:
            taken = [index[neighbor] for neighbor, _ in around]
            votes.append((-repetition, taken, [inside for _, inside in around]))
        best, worth = index, _worth(index, votes, queries, keys, bias)
        for offer, allowed in zip(offers, valid, strict=True):
            other = _worth(offer, votes, queries, keys, bias)
            better = allowed & (other > worth)
            best = torch.where(better, offer, best)
            worth = torch.where(better, other, worth)
        # Half of the positions at a time: neighbours that changed together would miss each other.
        index = torch.where(odd == bool(sweep % 2), best, index)
    return index


def _worth(
    match: Tensor,
    votes: Sequence[tuple[float, Sequence[Tensor], Sequence[Tensor]]],
    queries: Tensor,
    keys: Tensor,
    bias: Tensor,
) -> Tensor:
    """Return what matches are worth; votes are what each says, of which neighbours, where valid."""
    cosine = (queries * keys[match]).sum(dim=1, dtype=torch.float32)
    worth = cosine + bias[match]
    for weight, named, valid in votes:
        agree = torch.stack(
            [allowed & (name == match) for name, allowed in zip(named, valid, strict=True)]
        )
        worth = worth + weight * agree.float().mean(dim=0)
    return worth
