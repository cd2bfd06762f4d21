"""Calling a method: checks its picture, and reports errors for the right part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stylize.errors import ImageTooSmallError, NonFiniteError
from stylize.making.blame import blaming
from stylize.vetting.pictures import vet_picture

if TYPE_CHECKING:
    from torch import Tensor

    from stylize.building.parts import BuiltParts
    from stylize.contract.parts import StyleImage
    from stylize.contract.plan import Plan
    from stylize.contract.run import Run
    from stylize.discovery.host import PluginHost
    from stylize.pictures.reading import Picture

__all__ = ["call_method", "name_small"]


def call_method(
    host: PluginHost,
    plan: Plan,
    parts: BuiltParts,
    content: Tensor | None,
    styles: Sequence[StyleImage],
    run: Run,
) -> Tensor:
    """Return the method's picture (1, 3, H, W), on its device; `parts.looks` is not settled yet.

    Raises: PluginError if a plugin's part fails, or a picture has a wrong size or type.
    """
    try:
        with blaming(host):
            picture = parts.method.stylize(content, styles, parts, run)
    except NonFiniteError:
        parts.looks.settle()  # names the layer where it began
        raise
    method = plan.method
    vet_picture(host.title(method), picture, content, as_bytes=method.streams, looks=parts.looks)
    return picture


def name_small(
    error: ImageTooSmallError, pictures: Sequence[Picture], size: int | str
) -> ImageTooSmallError:
    """Return an error about a picture's size that names the picture.

    If --size made it so small, that is the remedy.
    """
    small = [p for p in pictures if tuple(p.pixels.shape[:1:-1]) == error.size]
    message = str(error)
    if small and max(small[0].original_size) > max(error.size):
        message = f"{message.rpartition(': ')[0]}: use a --size above {size}"
    return ImageTooSmallError(f"{small[0].name if small else 'a picture'}: {message}", error.size)
