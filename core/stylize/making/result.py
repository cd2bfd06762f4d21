"""A finished picture, with what it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from stylize.pictures.tensors import to_pil
from stylize.pictures.writing import write_image

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

__all__ = ["Result"]


@dataclass(frozen=True)
class Result:
    """A finished picture.

    Args:
        pixels: (1, 3, H, W), on the CPU: float in [0, 1], or uint8 of a method that streams.
        alpha: (1, 1, H, W) of the content, or None.
        record: the full settings, inputs, steps, seconds and losses; goes into the file.
        warnings: about the inputs.
        inputs: the input files, which `save` never overwrites.
    """

    pixels: Tensor
    alpha: Tensor | None
    record: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    inputs: tuple[Path, ...] = field(default=(), repr=False)

    @property
    def image(self) -> Image.Image:
        """The picture as an 8-bit PIL image."""
        return to_pil(self.pixels, self.alpha)

    @property
    def shown(self) -> Tensor:
        """Pixels (1, 3, H, W) in [0, 1] as a file holds them, in 8 bits a colour."""
        if self.pixels.dtype == torch.uint8:
            return self.pixels.float() / 255
        return self.pixels.mul(255).round().div(255)

    @property
    def stopped(self) -> str:
        """Why it ended: "done", "time" or "interrupted"."""
        return str(self.record["stopped"])

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the picture with its record; the format is the path's extension.

        Raises: OutputError where the path exists (without `force`) or cannot be written.
        """
        write_image(
            self.pixels,
            path,
            alpha=self.alpha,
            record=self.record,
            force=force,
            inputs=self.inputs,
        )
