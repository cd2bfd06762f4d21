"""Coherent matches: neighbours take neighbours, so that strokes continue.

The nearest features alone give a grainy picture: adjacent positions are taken from all over the
painting. So each position is offered the continuations of its neighbours' matches, and takes one
if its features agree about as well.

Source: the coherence of Ashikhmin 2001, "Synthesizing natural textures", and Hertzmann et al.
2001, "Image analogies", as an energy that is minimised position by position.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["Grids", "make_coherent"]

NEIGHBORS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]


class Grids:
    """Several grids of positions, numbered consecutively: row by row, grid after grid.

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
    """Return matches (M,) that continue their neighbours' if the features agree nearly as well.

    A match is worth its cosine, its bias, and `gain` times the share of its eight neighbours whose
    matches lie at the same offset in the painting as in the picture.

    Args:
        index: (M,) of the keys; the nearest ones.
        queries, keys: (M, C) and (K, C), of length 1.
        bias: (K,) of the keys.
        grids: where the keys lie.
        size: height and width of the grid of the queries.
        repetition: what a match loses, in cosine, if all eight neighbours take the very same.
        sweeps: number of passes; they decide the two halves of the positions in turn. A match
            depends only on positions that are at most this many positions away.
        first: row and column of the first query, if the queries are a part of a larger grid.
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
        # Half of the positions at a time: neighbours that change together would miss each other.
        index = torch.where(odd == bool(sweep % 2), best, index)
    return index


def _worth(
    match: Tensor,
    votes: Sequence[tuple[float, Sequence[Tensor], Sequence[Tensor]]],
    queries: Tensor,
    keys: Tensor,
    bias: Tensor,
) -> Tensor:
    """Return what matches are worth; votes: weight, each neighbour's proposal, and its validity."""
    cosine = (queries * keys[match]).sum(dim=1, dtype=torch.float32)
    worth = cosine + bias[match]
    for weight, named, valid in votes:
        agree = torch.stack(
            [allowed & (name == match) for name, allowed in zip(named, valid, strict=True)]
        )
        worth = worth + weight * agree.float().mean(dim=0)
    return worth
