"""Previews of a training: the network's pictures of held-out photographs."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from stylize import to_pil

__all__ = ["tile_preview"]


def tile_preview(columns: Tensor) -> Image.Image:
    """Lay (N, R, 3, S, S) out as R rows: photographs, maybe paintings, the network's pictures."""
    rows = [torch.cat(list(row), dim=2) for row in columns.unbind(dim=1)]
    return to_pil(torch.cat(rows, dim=1).unsqueeze(0))
