"""Stylises each frame on its own: stands in for the clip's."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from stylize.images import ImageSource, to_pil
from stylize.pictures import Stylizer
from stylize.video.tensors import to_pixels, to_tensor


class ClipStylizer:
    def __init__(
        self, stylizer: Stylizer, styles: Sequence[ImageSource], temporal: bool = True
    ) -> None:
        self.stylizer = stylizer
        self.styles = list(styles)
        self.cuts: list[int] = []

    def __call__(self, frame: Tensor) -> Tensor:
        result = self.stylizer(to_pil(frame), self.styles)
        return to_tensor(to_pixels(result.pixels))
