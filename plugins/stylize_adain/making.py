"""Making a picture with the network: in one pass, or from coarse to fine.

Swapped features give strokes as large as the receptive field of a position. So a small copy of the
photograph is painted first, and the result shows through in each larger one: large gestures come
from the coarse sizes, and fine lines from the last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from stylize import (
    Progress,
    Run,
    Tile,
    divide_size,
    empty_picture,
    fit_size,
    make_in_tiles,
    put_tile,
    resize,
)
from stylize_adain.palette import ColorMap, Palette
from stylize_adain.settings import AdainSettings
from stylize_adain.statistics import Moments, blend_moments
from stylize_adain.transfer import Transfer

__all__ = ["Making"]

# If time runs out during the tiles, a picture of this size fills the rest.
THUMBNAIL = 512
# Keys in a clip's memory: the content's moments and the style side, each with a size; the colours.
MOMENTS, STYLE, COLORS = "adain.content", "adain.style", "adain.colors"
# Number of rows mixed at a time.
BAND = 256


@dataclass
class Making:
    """Turns a photograph into a picture.

    Args:
        styles: returns the style side of the paintings for a number of halvings.
        palette: that of the paintings, for the finished picture; None to leave its colours.
        alpha: share of the style in a blend of features.
    """

    transfer: Transfer
    styles: Callable[[int], Any]
    palette: Palette | None
    alpha: float
    run: Run
    settings: AdainSettings

    def make(self, photograph: Tensor) -> Tensor:
        """Return the network's picture for a photograph (1, 3, H, W), both uint8 on the CPU."""
        height, width = photograph.shape[-2:]
        halvings = range(self._count_halvings(height, width), -1, -1)
        sizes = [divide_size(height, width, 2**halved) for halved in halvings]
        steps = [self._count_steps(size) for size in sizes]
        picture = None
        for number, (halved, size) in enumerate(zip(halvings, sizes, strict=True)):
            if picture is not None and self.run.should_stop():
                self.run.warnings.append(
                    f"stopped before the last {len(sizes) - number} of {len(sizes)} sizes: the "
                    f"picture is enlarged from {picture.shape[-1]}x{picture.shape[-2]}"
                )
                picture = resize(picture, (height, width))
                break
            seen = self._show_through(resize(photograph, size), picture)
            done, after = sum(steps[:number]), sum(steps[number + 1 :])
            picture = self._paint(seen, self.styles(halved), picture, done, after)
        assert picture is not None
        if self.palette is not None:
            self._color(picture, self.palette)
        return picture

    def _color(self, picture: Tensor, palette: Palette) -> None:
        """Give a picture the palette, by its share; in a clip, as the previous frames had it."""
        usual = self.transfer.transform.alpha
        share = self.settings.palette * min(self.alpha / usual, 1.0)
        colors = ColorMap.between(Palette.of(picture), palette, share)
        clip = self.run.clip
        if clip is not None:
            before = clip.memory.get(COLORS)
            if before is not None:
                colors = colors.blend(before, self.settings.clip_memory)
            clip.memory[COLORS] = colors
        colors.apply(picture, BAND)

    def _count_halvings(self, height: int, width: int) -> int:
        coarsest, least = self.settings.coarsest, self.transfer.least
        if not (coarsest and self.transfer.transform.coarse_to_fine):
            return 0
        count = 0
        while max(height, width) >= coarsest * 2 ** (count + 1) and (
            min(height, width) >= least * 2 ** (count + 1)
        ):
            count += 1
        return count

    def _count_steps(self, size: tuple[int, int]) -> int:
        tiles = len(self.transfer.tiles(*size))
        return 1 if tiles == 1 else 2 * tiles

    def _show_through(self, photograph: Tensor, before: Tensor | None) -> Tensor:
        """Return a photograph mixed with the previous size's picture, held still in a clip."""
        if before is None:
            return photograph
        size = photograph.shape[-2], photograph.shape[-1]
        before = resize(before, size)
        clip, share = self.run.clip, self.settings.photograph_share
        held: tuple[Tensor, Tensor] | None = None
        if clip is not None and clip.warped is not None and clip.trust is not None:
            held = resize(clip.warped, size), resize(clip.trust, size)
        mixed = torch.empty_like(photograph)
        for top in range(0, size[0], BAND):
            rows = slice(top, top + BAND)
            other = before[..., rows, :].float()
            if held:
                warped, trust = (each[..., rows, :].to(other) for each in held)
                other = other.lerp(255 * warped, trust)
            seen = other.lerp(photograph[..., rows, :].float(), share)
            mixed[..., rows, :] = seen.round().to(torch.uint8)
        return mixed

    def _paint(
        self, photograph: Tensor, side: Any, before: Tensor | None, done: int, after: int
    ) -> Tensor:
        """Return the picture of a photograph at one size.

        Args:
            before: the picture of the previous size, which fills the rest if time runs out.
            done, after: number of steps in the run before and after this size.
        """
        transfer, run = self.transfer, self.run
        height, width = photograph.shape[-2:]
        tiles = transfer.tiles(height, width)
        style = self._settle(photograph, side)
        picture = empty_picture(height, width)
        if len(tiles) == 1:
            made = self._make_whole(photograph, style, self._remember)
            put_tile(picture, tiles[0], made)
            steps = done + 1 + after
            run.report(Progress((done + 1) / steps, done + 1, steps, {}))
            return picture
        if before is None:
            thumbnail = self._make_whole(self._reduce(photograph), style)
        else:
            thumbnail = before.float() / 255
        steps = done + 2 * len(tiles) + after

        def go_on(step: int) -> bool:
            run.report(Progress((done + step) / steps, done + step, steps, {}, "tile"))
            return not run.should_stop()

        content = self._remember(transfer.measure_content(photograph, tiles, go_on), photograph)

        def make_tile(tile: Tile) -> Tensor:
            return transfer.make_tile(photograph, tile, content, style, self.alpha)

        done += len(tiles)
        make_in_tiles(picture, tiles, make_tile, run, thumbnail=thumbnail, done=done, after=after)
        return picture

    def _reduce(self, photograph: Tensor) -> Tensor:
        """Return a copy of a photograph that is small enough for one piece."""
        height, width = photograph.shape[-2:]
        width, height = fit_size(width, height, min(THUMBNAIL, self.transfer.side))
        least = 2 * self.transfer.stride
        return resize(photograph, (max(height, least), max(width, least)))

    def _settle(self, photograph: Tensor, side: Any) -> Any:
        """Return the style side for a photograph, or for the scene of a clip."""
        clip, key = self.run.clip, f"{STYLE} {tuple(photograph.shape)}"
        if clip is not None and key in clip.memory:
            return clip.memory[key]

        def look() -> tuple[Tensor, Moments]:
            features = self._encode(self._reduce(photograph))
            return features, self.transfer.moments_of(features)

        style = self.transfer.transform.settle(side, look)
        if clip is not None:
            clip.memory[key] = style
        return style

    def _encode(self, photograph: Tensor) -> Tensor:
        return self.transfer.encode(photograph, _whole(photograph))[0]

    def _make_whole(
        self,
        photograph: Tensor,
        style: Any,
        remember: Callable[[Moments, Tensor], Moments] = lambda own, _: own,
    ) -> Tensor:
        """Return the pixels (1, 3, H, W) of the picture, made in one piece and encoded once."""
        height, width = photograph.shape[-2:]
        transfer = self.transfer
        features = self._encode(photograph)
        content = remember(transfer.moments_of(features), photograph)
        restyled = transfer.transform.apply(features, content, style, self.alpha)
        return transfer.decode(restyled)[..., :height, :width]

    def _remember(self, own: Moments, photograph: Tensor) -> Moments:
        """Return a content's moments; in a clip, blended with those of the previous frames."""
        clip, key = self.run.clip, f"{MOMENTS} {tuple(photograph.shape)}"
        if clip is None:
            return own
        before, memory = clip.memory.get(key), self.settings.clip_memory
        if before is not None:
            own = blend_moments([before, own], [memory, 1 - memory])
        clip.memory[key] = own
        return own


def _whole(picture: Tensor) -> Tile:
    height, width = picture.shape[-2:]
    return Tile(0, height, 0, width)
