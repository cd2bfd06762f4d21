"""Accelerate's view of a training's processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylize.command import import_extra

if TYPE_CHECKING:
    from accelerate import Accelerator

__all__ = ["make_accelerator"]


def make_accelerator(device: str = "auto") -> Accelerator:
    """Return Accelerate's view of this process: alone, or one of `accelerate launch`.

    Args:
        device: "auto" or "cuda" leave the choice to it; "cpu" forces the CPU.

    Raises: ExtraMissingError.
    """
    accelerate = import_extra("accelerate", "train", "stylize train")
    accelerator: Accelerator = accelerate.Accelerator(cpu=device == "cpu")
    return accelerator
