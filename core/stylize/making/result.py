"""A finished picture, with its inputs and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from stylize.pictures.record import RecordKind, limit_record
from stylize.pictures.tensors import to_pil
from stylize.pictures.writing import check_output, write_image

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
    from torch import Tensor

__all__ = ["Result", "check_early"]


def check_early(output: str | Path | None, sources: Sequence[object], *, force: bool) -> None:
    """Raise OutputError, before a picture is made, if it could not be saved there.

    Args:
        sources: the inputs, which are never overwritten.
    """
    if output is not None:
        inputs = [source for source in sources if isinstance(source, str | Path)]
        check_output(output, force=force, inputs=inputs)


@dataclass(frozen=True, repr=False)
class Result:
    """A finished picture. A notebook shows it.

    Args:
        pixels: (1, 3, H, W), on the CPU: float in [0, 1], or uint8 from a method that streams.
        alpha: (1, 1, H, W) of the content, or None.
        record: the full settings, inputs, steps, seconds and losses; saved in the file.
        warnings: about the inputs.
        inputs: the input files, which `save` never overwrites.
        device: the device of `tensor`: the content's, if that is a tensor; otherwise the CPU.
    """

    pixels: Tensor
    alpha: Tensor | None
    record: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    inputs: tuple[Path, ...] = ()
    device: torch.device | str = "cpu"

    def __repr__(self) -> str:
        height, width = self.pixels.shape[-2:]
        return f"<Result {width}x{height}, {self.stopped}>"

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        self.image.save(file, "PNG")
        return file.getvalue()

    @property
    def image(self) -> Image.Image:
        """The picture as an 8-bit PIL image."""
        return to_pil(self.pixels, self.alpha)

    @property
    def array(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The picture as an array (H, W, 3), uint8, without alpha."""
        import numpy as np

        return np.array(to_pil(self.pixels))

    @property
    def tensor(self) -> Tensor:
        """The picture as a tensor (1, 3, H, W), float32 in [0, 1], on `device`."""
        floats = self.pixels / 255 if self.pixels.dtype == torch.uint8 else self.pixels
        return floats.to(self.device)

    @property
    def shown(self) -> Tensor:
        """Pixels (1, 3, H, W) in [0, 1] as a file holds them, with 8 bits per colour."""
        if self.pixels.dtype == torch.uint8:
            return self.pixels.float() / 255
        return self.pixels.mul(255).round().div(255)

    @property
    def stopped(self) -> str:
        """Why it ended: "done", "time" or "interrupted"."""
        return str(self.record["stopped"])

    def save(self, path: str | Path, *, force: bool = False, record: RecordKind = "names") -> None:
        """Write the picture with its record; the format is the path's extension.

        Args:
            record: how much of the record the file holds: "names" leaves out the folders of
                files, "full" keeps them, "none" leaves out the record.

        Raises: OutputError if the path exists (without `force`) or cannot be written.
        """
        write_image(
            self.pixels,
            path,
            alpha=self.alpha,
            record=limit_record(self.record, record),
            force=force,
            inputs=self.inputs,
        )
