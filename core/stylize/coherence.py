"""Coherent matches: neighbours take neighbours, so that strokes continue.

The nearest features alone give a grainy picture: adjacent positions are taken from all over the
painting. So each position is offered the continuations of its neighbours' matches, and takes one
if its features agree about as well.

Source: the coherence of Ashikhmin 2001, "Synthesizing natural textures", and Hertzmann et al.
2001, "Image analogies", as an energy that is minimised position by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Grids", "make_coherent"]

NEIGHBORS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
# Numbers in the features that are compared at a time: a processor's cache holds the smaller part,
# and a GPU takes longer to be asked for a small operation than to do it.
PART, LARGE_PART = 2**19, 2**25
# The place of no key.
NOWHERE = -1


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

    def move(self, positions: Tensor, dy: Tensor | int, dx: Tensor | int) -> tuple[Tensor, Tensor]:
        """Return positions moved within their grids, and whether they are still inside."""
        grid = self.of[positions]
        start, width = self._starts[grid], self.width[grid]
        place = positions - start
        y, x = place // width + dy, place % width + dx
        inside = (y >= 0) & (y < self.height[grid]) & (x >= 0) & (x < width)
        moved = start + y * width + x
        return torch.where(inside, moved, positions), inside


@dataclass(frozen=True)
class _Deciding:
    """Positions of the picture that decide at the same time; P of them.

    Args:
        places: (P,).
        around: (8, P), their neighbours.
        inside: (8, P), whether these exist.
        queries: (P, C), the features that they look for.
    """

    places: Tensor
    around: Tensor
    inside: Tensor
    queries: Tensor


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
    # Each operation is on all eight neighbours or all nine choices, of many positions at a time.
    part = PART if index.device.type == "cpu" else LARGE_PART
    # A plain painting's features have no axes.
    count = max(1, part // ((len(NEIGHBORS) + 1) * max(1, queries.shape[1])))
    down, right = torch.tensor(NEIGHBORS, device=index.device).mT[..., None]
    places = torch.arange(len(index), device=index.device)
    around, inside = Grids([size], index.device).move(places, down, right)
    odd = (places // size[1] + places % size[1] + sum(first)) % 2 == 1
    halves = [
        [
            _Deciding(chosen, around[:, chosen], inside[:, chosen], queries[chosen])
            for chosen in torch.split(half.nonzero()[:, 0], count)
        ]
        for half in (~odd, odd)
    ]
    for sweep in range(sweeps):
        # Half of the positions at a time: neighbours that change together would miss each other.
        decided = index.clone()
        for some in halves[sweep % 2]:
            taken = index[some.around]
            offers, within = grids.move(taken, -down, -right)
            allowed = some.inside & within
            choices = torch.cat([index[some.places][None], offers])
            votes = [(gain, offers.where(allowed, NOWHERE))]
            if repetition:
                votes.append((-repetition, taken.where(some.inside, NOWHERE)))
            worth = _worth(choices, votes, some.queries, keys, bias)
            worth[1:].masked_fill_(~allowed, -torch.inf)
            # The first of equal ones: a position keeps its own match unless another is worth more.
            best = worth.max(dim=0, keepdim=True).indices
            decided[some.places] = choices.gather(0, best)[0]
        index = decided
    return index


def _worth(
    choices: Tensor,
    votes: Sequence[tuple[float, Tensor]],
    queries: Tensor,
    keys: Tensor,
    bias: Tensor,
) -> Tensor:
    """Return what choices (9, P) are worth.

    Args: votes: a weight, and the keys (8, P) that the neighbours vote for.
    """
    cosine = (queries * keys[choices]).sum(dim=2, dtype=torch.float32)
    worth = cosine + bias[choices]
    for weight, named in votes:
        agree = named == choices[:, None]
        worth = worth + weight * agree.float().mean(dim=1)
    return worth
