"""Stylising the frames of one clip in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch import Tensor

from stylize.errors import ImageTooSmallError
from stylize.images import ImageSource
from stylize.pictures import Stylizer
from stylize.tiles import to_bytes
from stylize.video.temporal import TemporalSettings

if TYPE_CHECKING:
    from stylize.protocols import StyleImage

__all__ = ["ClipStylizer"]


class ClipStylizer:
    """Stylises the frames of one clip in order.

    Paintings are read once. With `keep_color` "histogram" they take the colours of the first frame.

    Args:
        stylizer: made once, for any number of clips.
        styles: the paintings; none for a method that has learnt its style.
        temporal: whether, or how, strokes are held still; each frame alone without.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        styles: Sequence[ImageSource],
        temporal: bool | TemporalSettings = True,
    ) -> None:
        self.stylizer = stylizer
        self.temporal = TemporalSettings() if temporal is True else temporal or None
        self.cuts: list[int] = []
        self._sources = tuple(styles)
        self._styles: list[StyleImage] | None = None

    def __call__(self, frame: Tensor) -> Tensor:
        """Return the stylised frame.

        Args:
            frame: (1, 3, H, W), sRGB, uint8 on the CPU; all of one size.

        Returns:
            (1, 3, H, W), uint8 on the CPU.

        Raises: StylizeError.
        """
        content = self.stylizer.as_content(frame)
        if self._styles is None:
            paintings = self.stylizer.read_paintings(self._sources, max(frame.shape[-2:]))
            self._styles = self.stylizer.as_styles(paintings, content)
        try:
            picture = self.stylizer.stylize(content, self._styles, self.stylizer.new_run())
        except ImageTooSmallError as error:
            raise ImageTooSmallError(f"a frame or a painting: {error}", error.size) from error
        return to_bytes(picture)
