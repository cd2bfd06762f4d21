"""A method is called: its picture is looked at, and what is wrong is told of the right part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stylize.errors import NonFiniteError
from stylize.making.blame import blaming
from stylize.vetting.pictures import vet_picture

if TYPE_CHECKING:
    from torch import Tensor

    from stylize.building.parts import BuiltParts
    from stylize.contract.parts import StyleImage
    from stylize.contract.plan import Plan
    from stylize.contract.run import Run
    from stylize.discovery.host import PluginHost

__all__ = ["call_method"]


def call_method(
    host: PluginHost,
    plan: Plan,
    parts: BuiltParts,
    content: Tensor | None,
    styles: Sequence[StyleImage],
    run: Run,
) -> Tensor:
    """Return the method's picture (1, 3, H, W), on its device; `parts.looks` is not settled yet.

    Raises: PluginError where a part of a plugin fails, or a picture is of another size or kind.
    """
    try:
        with blaming(host):
            picture = parts.method.stylize(content, styles, parts, run)
    except NonFiniteError:
        parts.looks.settle()  # which knows where it began
        raise
    method = plan.method
    vet_picture(host.title(method), picture, content, as_bytes=method.streams, looks=parts.looks)
    return picture
