"""Previews of a training: the network's pictures of a few photographs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from stylize import to_pil, write_picture
from stylize.errors import OutputError

if TYPE_CHECKING:
    from stylize import TrainingTask

__all__ = ["PREVIEW", "PREVIEWED", "Previews", "tile_preview"]

# The newest preview, which a viewer may keep open, and how many photographs it shows.
PREVIEW, PREVIEWED = "preview.jpg", 4
# Height in pixels of the line below the pictures, and of its letters.
CAPTION, LETTERS = 20, 13


class Previews:
    """Writes what a network makes of the same photographs, again and again.

    Args:
        task: what is trained.
        batches: of the photographs, and maybe of paintings; without any, nothing is written.
        folder: that exists when a preview is written.
        tell: called with why a preview cannot be written, which ends no training.
    """

    def __init__(
        self,
        task: TrainingTask,
        batches: Sequence[Mapping[str, Tensor]],
        folder: Path,
        tell: Callable[[str], None],
    ) -> None:
        self._task = task
        self._tell = tell
        self._folder = folder
        # Of the newest preview; None before there is one.
        self.step: int | None = None
        self._batches: list[Mapping[str, Tensor]] = []
        for batch in batches:
            if sum(len(each["content"]) for each in self._batches) < PREVIEWED:
                self._batches.append(batch)

    @torch.no_grad()
    def write(self, step: int, *kept: str) -> None:
        """Replace the newest preview, of a step, and write it under further names too.

        Training goes on as without it: torch's random numbers stay as they were.
        """
        pictures: list[Tensor] = []
        network = self._task.network
        network.eval()
        for batch in self._batches:
            device = batch["content"].device
            with torch.random.fork_rng([device] if device.type == "cuda" else []):
                shown = self._task.preview(network, batch).float().clamp(0, 1)
            pictures.append(torch.stack([*batch.values(), shown], dim=1))
        network.train()
        if pictures:
            sheet = tile_preview(torch.cat(pictures)[:PREVIEWED], f"step {step}")
            try:
                for name in (PREVIEW, *kept):
                    write_picture(sheet, self._folder / name, force=True)
            except OutputError as error:
                self._tell(str(error))
            else:
                self.step = step


def tile_preview(columns: Tensor, caption: str) -> Image.Image:
    """Lay (N, R, 3, S, S) out as R rows: photographs, maybe paintings, the network's pictures."""
    rows = [torch.cat(list(row), dim=2) for row in columns.unbind(dim=1)]
    tiles = to_pil(torch.cat(rows, dim=1).unsqueeze(0))
    sheet = Image.new("RGB", (tiles.width, tiles.height + CAPTION), "white")
    sheet.paste(tiles)
    font = ImageFont.load_default(LETTERS)
    ImageDraw.Draw(sheet).text((4, tiles.height + 2), caption, fill="#1a1a1a", font=font)
    return sheet
