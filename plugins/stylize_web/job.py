"""The job of one picture or clip, with its state and progress."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from PIL import Image

from stylize import (
    PluginHost,
    Progress,
    Result,
    Stylizer,
    bytes_of,
    fit_size,
    make_plan,
    read_bytes,
    read_image,
    to_pil,
)
from stylize.command import explain, format_seconds
from stylize_web.recipe import MASK_NAME, Recipe

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TILE_SIDE", "Job", "as_jpeg", "shrunk"]

State = Literal["waiting", "running", "done", "failed", "dropped"]
# Seconds between previews, each of which costs a copy, and longer sides of shown pictures.
PREVIEW_EVERY = 0.7
PREVIEW_SIDE, VIEW_SIDE, TILE_SIDE = 640, 1600, 160


@dataclass(eq=False)
class Job:
    """A picture to make, and an observer of its run.

    Args:
        recipe: its inputs and settings.
        folder: its own folder, for the finished picture.
        cancelled: ends it early, with the best picture so far.
        preview: the picture so far, as JPEG.
        error: why it failed, to show to users.
        before, after, tile: the photograph, the picture and its thumbnail, to show, as JPEG.
        file: the finished picture, with its record.
        mask_file: its mask, if it has one.
    """

    recipe: Recipe
    folder: Path
    state: State = "waiting"
    cancelled: threading.Event = field(default_factory=threading.Event)
    progress: Progress | None = None
    began: float = 0.0
    previewed: float = 0.0
    preview: bytes = b""
    error: str = ""
    told: str = ""
    before: bytes = b""
    after: bytes = b""
    tile: bytes = b""
    file: Path | None = None
    mask_file: Path | None = None

    kept: ClassVar[str] = "the best"

    def make(self, host: PluginHost, device: str, max_pixels: int) -> None:
        """Make the picture and save it; `error` describes a failure."""
        if self.cancelled.is_set():
            self.state = "dropped"
            return
        self.state, self.began = "running", time.monotonic()
        try:
            self._make(host, device, max_pixels)
            self.state = "done"
        except Exception as error:
            self.error = self._in_their_words(explain(error)[0])
            self.state = "failed"

    def progressed(self, progress: Progress) -> None:
        """Note the progress, and from time to time the picture so far."""
        self.progress = progress
        now = time.monotonic()
        if progress.image is not None and now - self.previewed > PREVIEW_EVERY:
            self.keep_preview(to_pil(progress.image()))
            self.previewed = now

    def keep_preview(self, picture: Image.Image) -> None:
        """Keep the picture so far for the preview."""
        self.preview = as_jpeg(shrunk(picture, PREVIEW_SIDE))

    @property
    def status(self) -> str:
        """The progress to show to users, with the time left as soon as it is known."""
        if self.cancelled.is_set():
            return f"Stopping: {self.kept} so far is kept"
        if self.progress is None:
            return "Loading the network"
        done, taken = self.progress.fraction, time.monotonic() - self.began
        left = f", {format_seconds(taken * (1 - done) / done)} left" if done > 0.02 else ""
        return self._count(self.progress) + left

    def _count(self, progress: Progress) -> str:
        steps = f"step {progress.step} of {progress.steps}"
        return ", ".join(filter(None, [progress.stage, steps]))

    def _make(self, host: PluginHost, device: str, max_pixels: int) -> None:
        recipe = self.recipe
        self.before = as_jpeg(shrunk(read_bytes(recipe.photo.path), VIEW_SIDE))
        plan = make_plan(host, recipe.run_settings(host, device))
        stylizer = Stylizer(plan, host, max_pixels=max_pixels, cancelled=self.cancelled)
        paintings = [recipe.painting.path] if recipe.painting else []
        result = self._finished(stylizer(recipe.photo.path, paintings, [self]))
        self.folder.mkdir()
        file = self.folder / recipe.output
        result.save(file)
        # Over white, like the file if it were a JPEG.
        seen = result.image.convert("RGBA")
        seen = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
        self.after, self.tile = (as_jpeg(shrunk(seen, side)) for side in (VIEW_SIDE, TILE_SIDE))
        record = result.record
        ending = ", stopped" if result.stopped != "done" else ""
        self.told = (
            f"{record['width']} x {record['height']} px in "
            f"{format_seconds(record['seconds'])}{ending}"
        )
        if recipe.mask:
            self.mask_file = self.folder / MASK_NAME
            recipe.mask.save(self.mask_file)
        self.file = file

    def _finished(self, result: Result) -> Result:
        """Return the result with the users' names for its inputs, blended by the mask."""
        recipe = self.recipe
        record = dict(result.record)
        given = recipe.photo.given
        record["content"] |= {"name": given, "path": given}
        if recipe.painting:
            given = recipe.painting.given
            record["styles"][0] |= {"name": given, "path": given}
        if result.stopped != "done":
            self.recipe = replace(recipe, steps=result.record["replay"])
        if recipe.mask is None:
            return replace(result, record=record)
        record["masked"] = True
        return replace(result, record=record, pixels=self._blend(result, recipe.mask))

    def _blend(self, result: Result, mask: Image.Image) -> Tensor:
        """Return the picture inside the mask and the photograph outside it, as uint8."""
        size = result.record["settings"]["size"]
        photo = to_pil(
            read_image(self.recipe.photo.path, size=None if size == "full" else size).pixels
        )
        styled = to_pil(result.pixels)
        return bytes_of(Image.composite(styled, photo, mask.resize(photo.size)))

    def _in_their_words(self, message: str) -> str:
        for upload in filter(None, (self.recipe.photo, self.recipe.painting)):
            message = message.replace(str(upload.path), upload.name)
        return message


def as_jpeg(picture: Image.Image) -> bytes:
    """Return an RGB picture as a JPEG to show."""
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def shrunk(picture: Image.Image, longest: int) -> Image.Image:
    """Return a picture with a longer side of at most `longest`."""
    size = fit_size(*picture.size, longest)
    return picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)
