"""From files to a finished picture: how `stylize_image` and the command carry out a plan."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import torch

from stylize.building.parts import BuiltParts
from stylize.contract.parts import StyleImage
from stylize.contract.plan import Plan, RunSettings
from stylize.contract.run import Clip, Observer, Run
from stylize.discovery.host import PluginHost
from stylize.errors import ImageTooSmallError, PluginError, UsageError
from stylize.making.blame import blaming
from stylize.making.calling import call_method, name_small
from stylize.making.following import FollowedRun, ProgressFunction, follower
from stylize.making.keywords import SettingsKeywords
from stylize.making.planned import plan_run
from stylize.making.recorded import record_input, record_setup
from stylize.making.result import Result, check_early
from stylize.making.shares import style_shares
from stylize.pictures.color import keep_luminance, match_colors
from stylize.pictures.reading import (
    MAX_PIXELS,
    ImageSource,
    OpenedPicture,
    Picture,
    open_picture,
    read_image,
)
from stylize.pictures.several import as_sources
from stylize.recording.parts import describe_parts, tell_changes

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Stylizer", "deadline_of"]

# Reserve of a time limit for finishing and saving the picture: a share of it, and seconds.
RESERVE = 0.03, 0.2


class Stylizer:
    """A plan with its parts built: makes any number of pictures with one loaded network.

    It reads paintings from files only once. Several threads may share one stylizer, which then
    makes their pictures one after another.

    Args:
        plan: a plan, or settings to make one from; None uses the keywords in `settings`.
        host: the plugins; all that are installed by default.
        preset: name of a preset, which `settings` override.
        max_pixels: the largest image to read, in pixels.
        started: `time.monotonic()` from which the first picture's time limit counts; by default
            its own start, as for all others.
        cancelled: an event that you may set to end pictures early, as `cancel` does.
        settings: the keywords of `stylize_image`: `Stylizer(model="starry_night")`.

    Raises: StylizeError for anything that the caller can fix.
    """

    def __init__(
        self,
        plan: Plan | RunSettings | None = None,
        host: PluginHost | None = None,
        *,
        preset: str | None = None,
        max_pixels: int = MAX_PIXELS,
        started: float | None = None,
        cancelled: threading.Event | None = None,
        **settings: Unpack[SettingsKeywords],
    ) -> None:
        self._started = started
        self._lock = threading.RLock()
        self.host, self.plan = plan_run(plan, host, preset, settings)
        with blaming(self.host):
            self.parts: BuiltParts = BuiltParts(self.host, self.plan)
        self._parts = describe_parts(self.host, self.plan)  # now: of the code that is loaded
        if self.plan.model is not None:
            tell_changes(self.plan.model, self._parts)
        self.max_pixels = max_pixels
        self.cancelled = cancelled or threading.Event()
        self._paintings: dict[str, OpenedPicture] = {}

    def __call__(
        self,
        content: ImageSource | None,
        styles: ImageSource | Sequence[ImageSource] | None = (),
        observers: Sequence[Observer] = (),
        *,
        progress: ProgressFunction | bool | None = None,
        output: str | Path | None = None,
        force: bool = False,
    ) -> Result:
        """Make one picture from a content and any number of styles; you may leave out either.

        Args:
            content, styles, progress, output, force: as for `stylize_image`.
            observers: for this picture, besides those of plugins.

        Raises: StylizeError for anything that the user can fix; any error of `progress`.
        """
        sources = as_sources(styles)
        check_early(output, [content, *sources], force=force)
        with self._lock:
            result = self._make(content, sources, observers, progress)
        if output is not None:
            result.save(output, force=force)
        return result

    def _make(
        self,
        content: ImageSource | None,
        styles: Sequence[ImageSource],
        observers: Sequence[Observer],
        progress: ProgressFunction | bool | None,
    ) -> Result:
        started = time.monotonic()
        limit_from = started if self._started is None else self._started
        self._started = None
        size = self.plan.settings.size
        longest = None if size == "full" else size
        photo = None
        if content is not None:
            photo = read_image(
                content, size=longest, max_pixels=self.max_pixels, as_bytes=self._takes_bytes
            )
            longest = max(photo.pixels.shape[-2:])
        paintings = self.read_paintings(styles, longest)
        run = self.new_run(observers, deadline_of(limit_from, self.plan.settings.time))
        pictures = [*([photo] if photo else []), *paintings]
        pixels = None if photo is None else self.as_content(photo.pixels)
        name = pictures[0].name if pictures else "picture"
        record: dict[str, Any] | None = None
        run.tell("picture_started", name)
        try:
            with follower(progress, name) as run.follow:
                made = self.stylize(pixels, self.as_styles(paintings, pixels), run)
            given = paintings if styles else []  # a model's own painting is not an input
            record = self._record(photo, given, run, made, time.monotonic() - started)
        except ImageTooSmallError as error:
            raise name_small(error, pictures, size) from error
        except PluginError:
            if run.raised is not None:  # through a plugin's method, which is then blamed
                raise run.raised from None
            raise
        finally:
            run.tell("picture_finished", name, record)
        return Result(
            made,
            photo.alpha if photo else None,
            record,
            (*(w for picture in pictures for w in picture.warnings), *run.warnings),
            tuple(picture.path for picture in pictures if picture.path),
            content.device if isinstance(content, torch.Tensor) else "cpu",
        )

    def cancel(self) -> None:
        """End the current picture with the best image so far; safe from any thread.

        Later pictures end just as early, until you call `cancelled.clear()`.
        """
        self.cancelled.set()

    def read_paintings(self, styles: Sequence[ImageSource], longest: int | None) -> list[Picture]:
        """Read the style images for a picture, `style_scale` times as large.

        Without style images, it returns the painting in the model, if there is one.

        Args:
            longest: the picture's longer side; None keeps the paintings' own sizes.

        Raises: ImageError; UsageError if `style_weights` has another number.
        """
        style_shares(self.plan.settings, len(styles))
        if longest is not None:
            longest = max(1, round(longest * self.plan.settings.style_scale))
        held = self.plan.model.paintings() if self.plan.model else []
        if held and styles:
            raise UsageError("the model paints with a painting of its own: leave styles out")
        return [self._open_painting(source).at(longest) for source in held or styles]

    def new_run(
        self,
        observers: Sequence[Observer] = (),
        deadline: float | None = None,
        clip: Clip | None = None,
    ) -> FollowedRun:
        """Return the run of one picture, or of one frame of a clip."""
        settings = self.plan.settings
        return FollowedRun(
            seed=settings.seed,
            strength=settings.strength,
            quality=settings.quality,
            deadline=deadline,
            observers=[*observers, *self.host.observers(self.plan)],
            cancelled=self.cancelled,
            clip=clip,
        )

    def as_content(self, pixels: Tensor) -> Tensor:
        """Return pixels (1, 3, H, W), uint8 or float in [0, 1], as the method takes its content."""
        if pixels.dtype == torch.uint8 and not self._takes_bytes:
            pixels = pixels.float() / 255
        # A method that streams moves parts of its pictures to the device by itself.
        return pixels.to("cpu" if self.plan.method.streams else self.parts.device)

    def as_styles(self, paintings: Sequence[Picture], content: Tensor | None) -> list[StyleImage]:
        """Return paintings as the method takes them; with the content's colours, if requested.

        Raises: UsageError for `keep_color` without what it needs.
        """
        keep_color = self.plan.settings.keep_color
        images = [painting.pixels.to(self.parts.device) for painting in paintings]
        if keep_color != "none" and content is None:
            raise UsageError(f"--keep-color {keep_color} needs a photograph: give a content image")
        if keep_color == "histogram" and not images:
            raise UsageError(
                "--keep-color histogram gives paintings the photograph's colours, and there is no "
                "painting: use --keep-color luminance"
            )
        if keep_color == "histogram" and content is not None:
            images = [match_colors(image, content) for image in images]
        shares = style_shares(self.plan.settings, len(paintings))
        return [
            StyleImage(image, share, painting.name)
            for image, share, painting in zip(images, shares, paintings, strict=True)
        ]

    def stylize(self, content: Tensor | None, styles: Sequence[StyleImage], run: Run) -> Tensor:
        """Return the method's picture, (1, 3, H, W) on the CPU, uint8 or float in [0, 1].

        Args:
            content, styles: from `as_content` and `as_styles`.

        Raises: StylizeError.
        """
        pixels = call_method(self.host, self.plan, self.parts, content, styles, run)
        if self.plan.settings.keep_color == "luminance" and content is not None:
            if pixels.dtype == torch.uint8:
                pixels = pixels.to(content) / 255
            pixels = keep_luminance(pixels, content)
        pixels = pixels.detach().cpu()
        self.parts.looks.settle()
        return pixels if pixels.dtype == torch.uint8 else pixels.float()

    @property
    def _takes_bytes(self) -> bool:
        """Whether the method takes content as uint8."""
        return self.plan.method.streams and self.plan.settings.keep_color == "none"

    def _open(self, source: ImageSource) -> OpenedPicture:
        return open_picture(source, max_pixels=self.max_pixels)

    def _open_painting(self, source: ImageSource) -> OpenedPicture:
        """Return a painting; a file is opened only once."""
        if not isinstance(source, str | Path) or str(source) == "-":
            return self._open(source)
        if str(source) not in self._paintings:
            self._paintings[str(source)] = self._open(source)
        return self._paintings[str(source)]

    def _record(
        self,
        photo: Picture | None,
        paintings: Sequence[Picture],
        run: Run,
        pixels: Tensor,
        seconds: float,
    ) -> dict[str, Any]:
        return {
            **self.setup_record(),
            "replay": {self.plan.method.name: run.replay},
            "content": record_input(photo) if photo else None,
            "styles": [record_input(painting) for painting in paintings],
            "width": pixels.shape[-1],
            "height": pixels.shape[-2],
            "steps": run.steps_done,
            "seconds": round(seconds, 2),
            "losses": run.losses,
            "stopped": run.stop_reason,
        }

    def setup_record(self) -> dict[str, Any]:
        """Return the common part of all pictures' records: versions, settings, parts."""
        return record_setup(self.plan, self.parts, self._parts)


def deadline_of(started: float, limit: float | None) -> float | None:
    """Return when to stop, on the clock of `time.monotonic()`, to finish within a limit."""
    if limit is None:
        return None
    share, seconds = RESERVE
    return started + max(limit * (1 - share) - seconds, 0.0)
