"""Arbitrary style transfer: one pass of a network that takes any painting.

Source: section 4 of the paper (Huang and Belongie 2017).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from stylize import (
    ExportModule,
    ModelFile,
    Parts,
    Progress,
    Run,
    StyleImage,
    Tile,
    divide_size,
    empty_picture,
    fit_size,
    make_in_tiles,
    put_tile,
    resize,
    to_bytes,
)
from stylize.errors import ModelError, UsageError
from stylize_adain.choosing import create_transform
from stylize_adain.export import export_transfer
from stylize_adain.network import Decoder
from stylize_adain.settings import NETWORK_SETTINGS, AdainSettings
from stylize_adain.statistics import Moments, blend_moments
from stylize_adain.task import AdainTask
from stylize_adain.transfer import Transfer

# Where time runs out in the midst of tiles, the rest is taken from a picture of this size.
THUMBNAIL = 512
# In a clip's memory: the content's moments, and what the paintings' style side is for it.
MOMENTS, STYLE = "adain.content", "adain.style"


class Adain:
    """Applies a trained model, and says what training one minimises."""

    def __init__(self, settings: AdainSettings) -> None:
        self.settings = settings
        self._loaded: tuple[ModelFile, Transfer] | None = None
        self._styles: dict[str, Any] = {}
        self._blended: tuple[tuple[object, ...], Any] = ((), None)

    def network_settings(self) -> Mapping[str, object]:
        """Return the settings that shape the network."""
        return self.settings.model_dump(include=set(NETWORK_SETTINGS))

    def training_task(
        self, styles: Sequence[StyleImage], parts: Parts, strength: float
    ) -> AdainTask:
        """Return the training of a new decoder; paintings come with each batch.

        Raises: UsageError, UnknownNameError for a layer that no decoder can be built for.
        """
        del styles
        task = AdainTask(self.settings, parts, strength)
        # The model file names the layer, whatever the default is then.
        self.settings = self.settings.model_copy(update={"layer": task.layer})
        return task

    @torch.inference_mode()
    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Tensor:
        """Return the stylised picture (1, 3, H, W), uint8, of the content's size.

        Alpha is the share of the styles in a blend of features (eq. 15); without it the strength
        is, up to 1. Several styles are blended as the model's transform does. A frame of a clip
        takes the content's statistics as they are over the last frames.

        Raises: UsageError without content or style, or for a picture that needs tiles and cannot
            have them; ModelError; ImageTooSmallError.
        """
        if content is None or not styles:
            raise UsageError("adain restyles a photograph by a painting: give both")
        transfer = self._transfer(parts)
        photograph = to_bytes(content)
        height, width = photograph.shape[-2:]
        stroke_size = self.settings.stroke_size
        size = divide_size(height, width, stroke_size)
        transfer.check_size(photograph, stroke_size)
        seen = resize(photograph, size)
        style = self._blend(styles, transfer, run)
        alpha = self.settings.alpha
        if alpha is None:
            alpha = min(run.strength, 1.0)
        work = _Work(transfer, style, alpha, run, self.settings.clip_memory)
        return resize(work.make(seen), (height, width))

    def export_modules(self, parts: Parts) -> Mapping[str, ExportModule]:
        """Return encoder, transform and decoder; pictures' sides are in steps of the stride.

        Raises: ModelError.
        """
        return export_transfer(self._transfer(parts))

    def _transfer(self, parts: Parts) -> Transfer:
        """Return the model's network on the device, loaded once.

        Raises: ModelError where the encoder's weights are others than in training.
        """
        model = parts.model
        assert model is not None
        if self._loaded is None or self._loaded[0] is not model:
            found, needed = parts.weights.fingerprint, model.header.weights
            if found != needed:
                raise ModelError(
                    f"model {model.name} was trained on weights {needed} of "
                    f"{model.header.backbone}, and those of {parts.weights.name} at hand are "
                    f"{found}: give the former with --weights FILE, or train a model on the latter"
                )
            layer = self.settings.layer
            if layer not in parts.features.layers:
                raise ModelError(
                    f"model {model.name}: {parts.features.name} has no layer {layer}: get it again"
                )
            with torch.device("meta"):  # no time, and no random numbers, for what is replaced
                decoder = Decoder(parts.features.layers, layer, self.settings)
            decoder.load_tensors(model.tensors(), model.name)
            decoder.to(parts.device, parts.dtype).to(memory_format=torch.channels_last)
            decoder.eval().requires_grad_(False)
            transform = create_transform(self.settings, decoder.packing, parts.dtype)
            self._loaded = model, Transfer(parts, layer, transform, decoder, self.settings.tile)
            self._styles.clear()
            self._blended = (), None
        return self._loaded[1]

    def _blend(self, styles: Sequence[StyleImage], transfer: Transfer, run: Run) -> Any:
        """Return the style side of paintings, measured once each, and blended once in a row."""
        paintings = [_fit(style, transfer, run) for style in styles]
        keys = [_key(painting) for painting in paintings]
        weights = [style.weight for style in styles]
        if self._blended[0] != (*keys, *weights):
            several = [
                self._measure(key, painting, transfer)
                for key, painting in zip(keys, paintings, strict=True)
            ]
            self._blended = (*keys, *weights), transfer.transform.blend(several, weights)
        return self._blended[1]

    def _measure(self, key: str, painting: Tensor, transfer: Transfer) -> Any:
        if key not in self._styles:
            transfer.check_size(painting)
            if len(self._styles) >= transfer.transform.kept:
                del self._styles[next(iter(self._styles))]
            self._styles[key] = transfer.measure_style(painting)
        return self._styles[key]


def _key(painting: Tensor) -> str:
    """Return what a painting is known by: its pixels, for a batch reads it anew each time."""
    pixels = painting.cpu().contiguous().numpy()
    return f"{painting.shape} {hashlib.sha256(pixels.tobytes()).hexdigest()}"


def _fit(style: StyleImage, transfer: Transfer, run: Run) -> Tensor:
    """Return a painting of no more positions than the transform keeps; smaller with a warning."""
    image, most = style.image, transfer.transform.most
    height, width = image.shape[-2:]
    scale = 1.0 if most is None else (most * transfer.stride**2 / (height * width)) ** 0.5
    if scale >= 1:
        return image
    smaller = int(height * scale), int(width * scale)
    run.warnings.append(
        f"{style.name}: {width}x{height} is more than the features that are kept, and it is taken "
        f"at {smaller[1]}x{smaller[0]}: --stroke-size gives larger strokes"
    )
    return resize(image, smaller)


@dataclass(frozen=True)
class _Work:
    """One photograph's way through the network.

    Args:
        style: the style side of the paintings.
        alpha: share of the style in a blend of features.
        memory: share of a content's moments that a clip's next frame takes over.
    """

    transfer: Transfer
    style: Any
    alpha: float
    run: Run
    memory: float

    def make(self, photograph: Tensor) -> Tensor:
        """Return the network's picture of a photograph (1, 3, H, W), both uint8 on the CPU."""
        transfer, run = self.transfer, self.run
        height, width = photograph.shape[-2:]
        tiles = transfer.tiles(photograph)
        style = self._settle(photograph)
        picture = empty_picture(height, width)
        if len(tiles) == 1:
            made = self._make_whole(photograph, style, self._remember)
            put_tile(picture, tiles[0], made)
            run.report(Progress(1, 1, 1, {}))
            return picture
        thumbnail = self._make_whole(self._reduce(photograph), style)
        steps = 2 * len(tiles)

        def go_on(step: int) -> bool:
            run.report(Progress(step / steps, step, steps, {}, "tile"))
            return not run.should_stop()

        content = self._remember(transfer.measure_content(photograph, tiles, go_on))

        def make_tile(tile: Tile) -> Tensor:
            return transfer.make_tile(photograph, tile, content, style, self.alpha)

        make_in_tiles(picture, tiles, make_tile, run, thumbnail=thumbnail, done=len(tiles))
        return picture

    def _reduce(self, photograph: Tensor) -> Tensor:
        """Return a small copy of a photograph, in one piece."""
        height, width = photograph.shape[-2:]
        width, height = fit_size(width, height, min(THUMBNAIL, self.transfer.side))
        least = 2 * self.transfer.stride
        return resize(photograph, (max(height, least), max(width, least)))

    def _settle(self, photograph: Tensor) -> Any:
        """Return the style side for a photograph, of a clip for its scene."""
        clip = self.run.clip
        if clip is not None and STYLE in clip.memory:
            return clip.memory[STYLE]

        def look() -> tuple[Tensor, Moments]:
            features = self._encode(self._reduce(photograph))
            return features, self.transfer.moments_of(features)

        style = self.transfer.transform.settle(self.style, look)
        if clip is not None:
            clip.memory[STYLE] = style
        return style

    def _encode(self, photograph: Tensor) -> Tensor:
        return self.transfer.encode(photograph, _whole(photograph))[0]

    def _make_whole(
        self,
        photograph: Tensor,
        style: Any,
        remember: Callable[[Moments], Moments] = lambda own: own,
    ) -> Tensor:
        """Return the pixels (1, 3, H, W) of a photograph in one piece, encoded once."""
        height, width = photograph.shape[-2:]
        transfer = self.transfer
        features = self._encode(photograph)
        content = remember(transfer.moments_of(features))
        restyled = transfer.transform.apply(features, content, style, self.alpha)
        return transfer.decode(restyled)[..., :height, :width]

    def _remember(self, own: Moments) -> Moments:
        """Return a content's moments, of a clip those over its last frames too."""
        clip = self.run.clip
        if clip is None:
            return own
        before = clip.memory.get(MOMENTS)
        if before is not None:
            own = blend_moments([before, own], [self.memory, 1 - self.memory])
        clip.memory[MOMENTS] = own
        return own


def _whole(picture: Tensor) -> Tile:
    height, width = picture.shape[-2:]
    return Tile(0, height, 0, width)
