"""Checks of a method's picture: it has its content's size, and is in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stylize.errors import PluginError
from stylize.vetting.looks import FirstLooks, require_tensor

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["vet_picture"]

# How far a picture may leave [0, 1]: half a level of 8 bits, which no file shows.
ROUNDING = 0.5 / 255


def vet_picture(
    title: str, picture: Any, content: Tensor | None, *, as_bytes: bool, looks: FirstLooks
) -> None:
    """Check a method's picture. Raises: PluginError; `looks` keeps whether it is in [0, 1].

    Args:
        content: the picture must have its size; None if there is none.
        as_bytes: whether the method streams, and returns uint8.
    """
    import torch

    require_tensor(title, "stylize", picture)
    shape = tuple(picture.shape)
    size = shape[-2:] if content is None else tuple(content.shape[-2:])
    if shape != (1, 3, *size):
        raise PluginError(
            f"{title}: its picture is {_size(shape)} for one of {_size((1, 3, *size))}: nothing "
            f"is saved; report it to its author"
        )
    if (picture.dtype == torch.uint8) != as_bytes or picture.is_complex():
        raise PluginError(
            f"{title}: its picture is {picture.dtype}, not "
            f"{'uint8, as it streams' if as_bytes else 'float in [0, 1]'}"
        )
    if not as_bytes:
        least, most = picture.detach().aminmax()
        looks.note(
            f"{title}: its picture has values that are not in [0, 1]: nothing is saved; report it "
            f"to its author",
            (least >= -ROUNDING) & (most <= 1 + ROUNDING),  # false for NaN, too
        )


def _size(shape: Sequence[int]) -> str:
    """Return a picture's size as WIDTHxHEIGHT, or the whole shape of any other tensor."""
    if len(shape) == 4 and tuple(shape[:2]) == (1, 3):
        return f"{shape[-1]}x{shape[-2]}"
    return str(tuple(shape))
