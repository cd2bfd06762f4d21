"""The job of one clip, whose frames are shown as soon as they are finished."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from stylize import PluginHost, Progress, first_frame, stylize_video
from stylize.command import count, format_seconds
from stylize_web.job import TILE_SIDE, Job, as_jpeg, shrunk

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ClipJob"]

# Number of latest frames that are shown side by side.
STRIP = 6


@dataclass(eq=False)
class ClipJob(Job):
    """A clip to make.

    Args:
        strip: the latest frames, as JPEG, oldest first.
        warnings: warnings about the clip, to show to users.
    """

    strip: list[bytes] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    kept: ClassVar[str] = "the clip"

    def keep_preview(self, picture: Image.Image) -> None:
        """Keep a finished frame for the preview."""
        super().keep_preview(picture)
        self.strip = [*self.strip, as_jpeg(shrunk(picture, TILE_SIDE))][-STRIP:]

    def _count(self, progress: Progress) -> str:
        return f"frame {progress.step} of {progress.steps}"

    def _make(self, host: PluginHost, device: str, max_pixels: int) -> None:
        recipe = self.recipe
        self.folder.mkdir()
        file = self.folder / recipe.output
        try:
            result = stylize_video(
                recipe.photo.path,
                recipe.painting.path if recipe.painting else None,
                file,
                host=host,
                observers=[self],
                cancelled=self.cancelled,
                max_pixels=max_pixels,
                device=device,
                **recipe.settings,
            )
            self.tile = as_jpeg(first_frame(file, size=TILE_SIDE))
        finally:  # a clip that failed may have its first frames
            self.file = file if file.exists() else None
        self.warnings = [self._in_their_words(warning) for warning in result.warnings]
        record, ending = result.record, ""
        if result.stopped != "done":
            ending = ", stopped"
            # Rounded down to milliseconds, this is still after the start of the last frame.
            end = math.floor(result.duration * 1000) / 1000
            self.recipe = replace(recipe, settings={**recipe.settings, "end": end})
        self.told = (
            f"{record['width']} x {record['height']} px, {count(result.frames, 'frame')} in "
            f"{format_seconds(record['seconds'])}{ending}"
        )

    def _in_their_words(self, message: str) -> str:
        return super()._in_their_words(message).replace(f"{self.folder}/", "")
