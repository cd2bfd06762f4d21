"""Arbitrary style transfer: one pass of a network that takes any painting.

Source: section 4 of the paper (Huang and Belongie 2017).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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
from stylize_adain.export import export_transfer
from stylize_adain.network import Decoder
from stylize_adain.settings import NETWORK_SETTINGS, AdainSettings
from stylize_adain.statistics import Moments, blend_moments
from stylize_adain.task import AdainTask
from stylize_adain.transfer import Transfer

# Where time runs out in the midst of tiles, the rest is taken from a picture of this size.
THUMBNAIL = 512
# Statistics of how many paintings are kept: a few kilobytes each.
KEPT = 256
# Of the content's moments in a clip's memory.
MOMENTS = "adain.content"


class Adain:
    """Applies a trained model, and says what training one minimises."""

    def __init__(self, settings: AdainSettings) -> None:
        self.settings = settings
        self._loaded: tuple[ModelFile, Transfer] | None = None
        self._styles: dict[str, Moments] = {}

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
        is, up to 1. Several styles are blended by the weighted means of their channels' means and
        deviations: the same as the blend of features that each of them gives, but where the
        model limits the gain. A frame of a clip takes the content's statistics as they are over
        the last frames.

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
        style = self._blend(styles, transfer)
        alpha = self.settings.alpha
        if alpha is None:
            alpha = min(run.strength, 1.0)
        work = _Work(transfer, style, alpha, run, self.settings.clip_memory)
        return resize(work.make(seen), (height, width))

    def export_modules(self, parts: Parts) -> Mapping[str, ExportModule]:
        """Return encoder, AdaIN and decoder; pictures have sides in steps of the layer's stride.

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
            self._loaded = model, Transfer(parts, layer, decoder, self.settings.tile)
            self._styles.clear()
        return self._loaded[1]

    def _blend(self, styles: Sequence[StyleImage], transfer: Transfer) -> Moments:
        """Return the blended moments of paintings, measured once each."""
        several = [self._measure(style.image, transfer) for style in styles]
        return blend_moments(several, [style.weight for style in styles])

    def _measure(self, painting: Tensor, transfer: Transfer) -> Moments:
        # By value: a batch reads its painting anew for each photograph.
        pixels = painting.cpu().contiguous().numpy()
        key = f"{painting.shape} {hashlib.sha256(pixels.tobytes()).hexdigest()}"
        if key not in self._styles:
            transfer.check_size(painting)
            if len(self._styles) == KEPT:
                del self._styles[next(iter(self._styles))]
            self._styles[key] = transfer.measure(painting, transfer.tiles(painting))
        return self._styles[key]


@dataclass(frozen=True)
class _Work:
    """One photograph's way through the network.

    Args:
        style: the blended moments of the paintings.
        alpha: share of the style in a blend of features.
        memory: share of a content's moments that a clip's next frame takes over.
    """

    transfer: Transfer
    style: Moments
    alpha: float
    run: Run
    memory: float

    def make(self, photograph: Tensor) -> Tensor:
        """Return the network's picture of a photograph (1, 3, H, W), both uint8 on the CPU."""
        transfer, run = self.transfer, self.run
        height, width = photograph.shape[-2:]
        tiles = transfer.tiles(photograph)
        picture = empty_picture(height, width)
        if len(tiles) == 1:
            put_tile(picture, tiles[0], self._make_whole(photograph, self._remember))
            run.report(Progress(1, 1, 1, {}))
            return picture
        longest = min(THUMBNAIL, transfer.side)
        width, height = fit_size(width, height, longest)
        least = 2 * transfer.stride
        small = resize(photograph, (max(height, least), max(width, least)))
        thumbnail = self._make_whole(small)
        steps = 2 * len(tiles)

        def go_on(step: int) -> bool:
            run.report(Progress(step / steps, step, steps, {}, "tile"))
            return not run.should_stop()

        content = self._remember(transfer.measure(photograph, tiles, go_on))

        def make_tile(tile: Tile) -> Tensor:
            return transfer.make_tile(photograph, tile, content, self.style, self.alpha)

        make_in_tiles(picture, tiles, make_tile, run, thumbnail=thumbnail, done=len(tiles))
        return picture

    def _make_whole(
        self, photograph: Tensor, remember: Callable[[Moments], Moments] = lambda own: own
    ) -> Tensor:
        """Return the pixels (1, 3, H, W) of a photograph in one piece, encoded once."""
        height, width = photograph.shape[-2:]
        features, _ = self.transfer.encode(photograph, Tile(0, height, 0, width))
        content = remember(self.transfer.moments_of(features))
        made = self.transfer.decode(features, content, self.style, self.alpha)
        return made[..., :height, :width]

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
