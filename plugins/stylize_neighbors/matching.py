"""Matching: which position of the paintings each position of the picture takes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stylize import Grids, balance_shares, make_coherent, nearest, principal_axes
from stylize_neighbors.hypercolumns import Hypercolumns

__all__ = ["Paintings"]


class Paintings:
    """All paintings at one scale, in all their turns, ready to be searched.

    Only the searched components of the turns are kept. Hypercolumns are computed again for turns
    that are taken: keeping all would need gigabytes.

    Args:
        turns: the images (1, 3, H, W) of each painting: first the painting itself, then its turns.
        shares: the share of the picture that each painting gets, positive.
        components: number of principal components to search.
        turn_cost: how much nearer a turn must be, in cosine, to be taken.
        dtype: in which the components are multiplied.
    """

    def __init__(
        self,
        columns: Hypercolumns,
        turns: Sequence[Sequence[Tensor]],
        shares: Sequence[float],
        components: int,
        turn_cost: float,
        dtype: torch.dtype,
    ) -> None:
        self.columns = columns
        self.images = [image for images in turns for image in images]
        self.shares = shares
        rows = columns.rows(turns[0][0])
        self.mean = rows.mean(dim=0)
        self.axes = principal_axes(rows, components)
        self.dtype = dtype
        self.grids = Grids([columns.size(image) for image in self.images], rows.device)
        seen = itertools.chain([rows], (columns.rows(image) for image in self.images[1:]))
        # They are kept for the next picture of a batch, and are many: float16 is enough.
        kept = torch.float16 if dtype == torch.float32 else dtype
        self.keys = torch.cat([self._project(each, self.mean).to(kept) for each in seen])
        self.counts = [len(images) for images in turns]
        costs = [turn_cost if turn else 0.0 for images in turns for turn in range(len(images))]
        self.costs = torch.tensor(costs, device=rows.device)

    def match(self, rows: Tensor, size: tuple[int, int], coherence: float) -> Tensor:
        """Return the (M,) positions, among all keys, that hypercolumns (M, C) take.

        Args:
            size: of the rows' grid.
            coherence: bonus of a match, in cosine, if all eight neighbours continue it.
        """
        queries = self._project(rows, rows.mean(dim=0))
        starts = self.grids.start
        keys = self.keys.to(self.dtype)
        found = [nearest(queries, keys[start:end]) for start, end in itertools.pairwise(starts)]
        worth = torch.stack([matches.cosine for matches in found]) - self.costs[:, None]
        best = torch.stack([turns.amax(dim=0) for turns in torch.split(worth, self.counts)])
        bias = balance_shares(best, self.shares).repeat_interleave(
            torch.tensor(self.counts, device=rows.device)
        )
        winner = (worth + bias[:, None]).argmax(dim=0)
        index = torch.stack(
            [matches.index + start for matches, start in zip(found, starts[:-1], strict=True)]
        )
        index = index.gather(0, winner[None])[0]
        if not coherence:
            return index
        each = (bias - self.costs)[self.grids.of]
        return make_coherent(index, queries, keys, each, self.grids, size, coherence)

    def take(self, index: Tensor) -> Tensor:
        """Return the hypercolumns (M, C) at positions (M,)."""
        taken: Tensor | None = None
        for image, start, end in zip(
            self.images, self.grids.start[:-1], self.grids.start[1:], strict=True
        ):
            here = (index >= start) & (index < end)
            if not here.any():
                continue
            rows = self.columns.rows(image).to(self.dtype)
            if taken is None:
                taken = rows.new_empty(len(index), rows.shape[1])
            taken[here] = rows[index[here] - start]
        assert taken is not None
        return taken

    def _project(self, rows: Tensor, mean: Tensor) -> Tensor:
        """Return rows less a mean, in the principal components, with length 1 or 0."""
        return F.normalize(rows @ self.axes - mean @ self.axes, dim=1).to(self.dtype)
