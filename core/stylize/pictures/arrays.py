"""Pictures that are arrays or tensors: checked, and converted to the form of all others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from stylize.errors import ImageError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["as_pixels", "is_array", "is_batch"]

# Rounding may leave floats outside [0, 1] by this much: they are clamped.
SLACK = 1e-3


def is_array(source: object) -> bool:
    """Whether something is an array or a tensor, of any library."""
    return hasattr(source, "__array__")


def is_batch(source: object) -> bool:
    """Whether something is an array or a tensor of four dimensions: any number of pictures."""
    return is_array(source) and getattr(source, "ndim", None) == 4


def as_pixels(source: Any, name: str) -> Tensor:
    """Return an array or a tensor as (1, 3, H, W), uint8 or float32 in [0, 1], on its device.

    Args:
        source: one picture, uint8 or floats in [0, 1]: a tensor (3, H, W) or (1, 3, H, W); an
            array (H, W, 3) or (1, H, W, 3).
        name: for messages.

    Raises: ImageError.
    """
    import numpy as np
    import torch

    tensor = isinstance(source, torch.Tensor)
    values: Any = source.detach() if tensor else np.asarray(source)
    kind = str(getattr(values.dtype, "name", values.dtype)).removeprefix("torch.")
    if kind != "uint8" and "float" not in kind:
        raise ImageError(f"{name}: is of {kind}: use uint8, or floats from 0 to 1")
    _check_shape(tuple(values.shape), name, tensor=tensor)
    pixels: Tensor = values
    if not tensor:  # a copy, whatever the strides and byte order
        copy = np.array(values, dtype=np.uint8 if kind == "uint8" else np.float32, order="C")
        pixels = torch.from_numpy(copy).movedim(-1, -3)
    try:
        pixels = pixels if kind == "uint8" else pixels.to(torch.float32)
        low, high = (float(each) for each in pixels.aminmax())
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise ImageError(
            f"{name}: its values cannot be read from device {pixels.device} ({reason}): move it "
            f"to another device while it is there, or make it again"
        ) from error
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ImageError(f"{name}: has NaN or infinite values: use floats from 0 to 1")
    if kind != "uint8" and not (low >= -SLACK and high <= 1 + SLACK):
        raise ImageError(
            f"{name}: has values from {low:g} to {high:g}: use floats from 0 to 1, or uint8 from "
            f"0 to 255"
        )
    pixels = pixels.reshape(1, *pixels.shape[-3:])
    return pixels if kind == "uint8" else pixels.clamp(0, 1).contiguous()


def _check_shape(shape: tuple[int, ...], name: str, *, tensor: bool) -> None:
    """Raise ImageError unless a shape is that of one picture."""
    channels, others = (-3, -1) if tensor else (-1, -3)
    said = f"{name}: has the shape {shape}"
    form = "(3, H, W) for a tensor" if tensor else "(H, W, 3) for an array"
    if len(shape) not in (3, 4):
        raise ImageError(f"{said}: use {form}; for grey, repeat it in all three channels")
    if 0 in shape:
        raise ImageError(f"{said}, and so no pixels: use a picture with some")
    if shape[channels] != 3:
        if shape[others] == 3:
            move = "tensor.movedim(-1, -3)" if tensor else "numpy.moveaxis(array, -3, -1)"
            raise ImageError(f"{said}: use {form}, as by {move}")
        raise ImageError(f"{said}: use {form}; PIL.Image.fromarray takes grey and alpha too")
    if len(shape) == 4 and shape[0] != 1:
        raise ImageError(
            f"{name}: holds {shape[0]} pictures instead of one: use stylize_images for all of them"
        )
