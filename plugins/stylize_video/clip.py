"""Stylising the frames of one clip in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from stylize import Clip, ImageSource, Stylizer, to_bytes
from stylize.errors import ImageTooSmallError
from stylize_video.history import Follower, Moved
from stylize_video.temporal import TemporalSettings
from stylize_video.tensors import to_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stylize import Observer, StyleImage

__all__ = ["ClipStylizer"]


class ClipStylizer:
    """Stylises the frames of one clip in order.

    Paintings are read once. With `keep_color` "histogram", they take the colours of the first
    frame.

    Args:
        stylizer: made once, for any number of clips.
        styles: the paintings; none for a method that has learnt its style.
        temporal: whether, or how, strokes are kept stable; if not, each frame is on its own.

    Attributes:
        cuts: indices of the frames that begin a new scene; found only with `temporal`.

    Raises: ExtraMissingError for `temporal` without OpenCV.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        styles: Sequence[ImageSource],
        temporal: bool | TemporalSettings = True,
    ) -> None:
        if isinstance(temporal, bool):
            settings = TemporalSettings() if temporal else None
        else:
            settings = temporal
        self.stylizer = stylizer
        self.cuts: list[int] = []
        self._follower = None if settings is None else Follower(settings)
        self._sources = tuple(styles)
        self._styles: list[StyleImage] | None = None
        self._memory: dict[str, Any] = {}
        self._frames = 0

    def __call__(self, frame: Tensor, observers: Sequence[Observer] = ()) -> Tensor:
        """Return the stylised frame.

        Args:
            frame: (1, 3, H, W), sRGB, uint8 on the CPU. A change of size begins a new scene.
            observers: observers of this frame, besides those of plugins.

        Returns:
            (1, 3, H, W), uint8 on the CPU.

        Raises: StylizeError.
        """
        if self._follower is None:
            picture = to_bytes(self._stylize(frame, None, observers))
        else:
            picture = self._continue(self._follower, frame, observers)
        self._frames += 1
        return picture

    def _continue(self, follower: Follower, frame: Tensor, observers: Sequence[Observer]) -> Tensor:
        """Return the next picture of a clip with stable strokes."""
        moved = follower.follow(to_pixels(frame))
        if moved is None:
            self._memory = {}
            if self._frames:
                self.cuts.append(self._frames)
        clip = _as_clip(moved, self._memory)
        made = self._stylize(frame, clip, observers)
        pixels = _as_floats(made)
        if moved is not None and not clip.held:
            pixels = follower.blend(pixels, moved)
            made = torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0)
        follower.keep(pixels)
        return to_bytes(made)

    def _stylize(self, frame: Tensor, clip: Clip | None, observers: Sequence[Observer]) -> Tensor:
        stylizer = self.stylizer
        content = stylizer.as_content(frame)
        if self._styles is None:
            paintings = stylizer.read_paintings(self._sources, max(frame.shape[-2:]))
            self._styles = stylizer.as_styles(paintings, content)
        try:
            return stylizer.stylize(content, self._styles, stylizer.new_run(observers, clip=clip))
        except ImageTooSmallError as error:
            where = f"a frame or a painting at --size {stylizer.plan.settings.size}"
            raise ImageTooSmallError(f"{where}: {error}", error.size) from error


def _as_clip(moved: Moved | None, memory: dict[str, Any]) -> Clip:
    if moved is None:
        return Clip(memory=memory)
    return Clip(
        torch.from_numpy(moved.picture).permute(2, 0, 1).unsqueeze(0),
        torch.from_numpy(moved.trust)[None, None],
        memory,
    )


def _as_floats(picture: Tensor) -> NDArray[np.float32]:
    """Return a picture (1, 3, H, W), uint8 or float, as (H, W, 3) in [0, 1], float32."""
    pixels = picture[0].permute(1, 2, 0).contiguous().numpy()
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32) / np.float32(255)
    return pixels.astype(np.float32).clip(0, 1)
