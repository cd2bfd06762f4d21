"""Arbitrary style transfer: one pass through a network that takes any painting.

Source: section 4 of the paper (Huang and Belongie 2017).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from stylize import (
    ExportModule,
    ModelFile,
    Parts,
    Run,
    StyleImage,
    divide_size,
    resize,
    to_bytes,
)
from stylize.errors import ModelError, UsageError
from stylize_adain.choosing import create_transform
from stylize_adain.export import export_transfer
from stylize_adain.making import Making
from stylize_adain.network import Decoder
from stylize_adain.palette import Palette
from stylize_adain.settings import NETWORK_SETTINGS, AdainSettings
from stylize_adain.task import AdainTask
from stylize_adain.transfer import Transfer


class Adain:
    """Applies a trained model, and defines the training of new ones."""

    def __init__(self, settings: AdainSettings) -> None:
        self.settings = settings
        self._loaded: tuple[ModelFile, Transfer] | None = None
        self._styles: dict[tuple[str, int], Any] = {}
        self._blended: tuple[tuple[object, ...], dict[int, Any]] = ((), {})

    def network_settings(self) -> Mapping[str, object]:
        """Return the settings that shape the network."""
        return self.settings.model_dump(include=set(NETWORK_SETTINGS))

    def training_task(
        self, styles: Sequence[StyleImage], parts: Parts, strength: float
    ) -> AdainTask:
        """Return the training task of a new decoder; paintings are part of each batch.

        Raises: UsageError, UnknownNameError for a layer that no decoder can be built for.
        """
        del styles
        task = AdainTask(self.settings, parts, strength)
        # The model file names the layer, so that later defaults do not matter.
        self.settings = self.settings.model_copy(update={"layer": task.layer})
        return task

    @torch.inference_mode()
    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Tensor:
        """Return the stylised picture (1, 3, H, W), uint8, of the content's size.

        Alpha is the share of the styles in a blend of features (eq. 15); its default follows from
        the strength, up to 1. The model's transform blends several styles. A frame of a clip uses
        the content's statistics over the last frames.

        Raises: UsageError without content or style, or for a picture that needs tiles but cannot
            be cut into them; ModelError; ImageTooSmallError.
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
        sides = self._sides(styles, transfer, run)
        alpha = self.settings.alpha
        if alpha is None:
            alpha = min(run.strength * transfer.transform.alpha, 1.0)
        palette = None
        if transfer.packing.colors and self.settings.palette:
            several = [Palette.of(style.image) for style in styles]
            palette = Palette.blend(several, [style.weight for style in styles])
        making = Making(transfer, sides, palette, alpha, run, self.settings)
        return resize(making.make(seen), (height, width))

    def export_modules(self, parts: Parts) -> Mapping[str, ExportModule]:
        """Return encoder, transform and decoder; the sides of pictures are multiples of the stride.

        Raises: ModelError.
        """
        return export_transfer(self._transfer(parts))

    def _transfer(self, parts: Parts) -> Transfer:
        """Return the model's network on the device, loaded once.

        Raises: ModelError if the encoder's weights differ from those of training.
        """
        model = parts.model
        assert model is not None
        if self._loaded is None or self._loaded[0] is not model:
            found, needed = parts.weights.fingerprint, model.header.weights
            if found != needed:
                raise ModelError(
                    f"model {model.name} was trained on weights {needed} of "
                    f"{model.header.backbone}, but the available {parts.weights.name} are "
                    f"{found}: give the former with --weights FILE, or train a model on the latter"
                )
            layer = self.settings.layer
            if layer not in parts.features.layers:
                raise ModelError(
                    f"model {model.name}: {parts.features.name} has no layer {layer}: get it again"
                )
            with torch.device("meta"):  # the values are replaced: spend no time or random numbers
                decoder = Decoder(parts.features.layers, layer, self.settings)
            decoder.load_tensors(model.tensors(), model.name)
            decoder.to(parts.device, parts.dtype).to(memory_format=torch.channels_last)
            decoder.eval().requires_grad_(False)
            transform = create_transform(self.settings, decoder.packing, parts.dtype)
            self._loaded = model, Transfer(parts, layer, transform, decoder, self.settings.tile)
            self._styles.clear()
            self._blended = (), {}
        return self._loaded[1]

    def _sides(
        self, styles: Sequence[StyleImage], transfer: Transfer, run: Run
    ) -> Callable[[int], Any]:
        """Return a function from a number of halvings to the style side of the paintings.

        Each painting is measured once. The last blend is kept.
        """
        paintings = [_fit(style, transfer, run) for style in styles]
        keys = [_key(painting) for painting in paintings]
        weights = [style.weight for style in styles]
        if self._blended[0] != (*keys, *weights):
            self._blended = (*keys, *weights), {}
        blended = self._blended[1]

        def side(halved: int) -> Any:
            if halved not in blended:
                several = [
                    self._measure((key, halved), painting, transfer)
                    for key, painting in zip(keys, paintings, strict=True)
                ]
                blended[halved] = transfer.transform.blend(several, weights)
            return blended[halved]

        return side

    def _measure(self, key: tuple[str, int], painting: Tensor, transfer: Transfer) -> Any:
        if key not in self._styles:
            transfer.check_size(painting)
            if len(self._styles) >= transfer.transform.kept:
                del self._styles[next(iter(self._styles))]
            halved = key[1]
            if halved:
                height, width = divide_size(painting.shape[-2], painting.shape[-1], 2**halved)
                painting = resize(
                    painting, (max(height, transfer.least), max(width, transfer.least))
                )
            self._styles[key] = transfer.measure_style(painting)
        return self._styles[key]


def _key(painting: Tensor) -> str:
    """Return a key of a painting's pixels, as a batch reads it again for each picture."""
    pixels = painting.cpu().contiguous().numpy()
    return f"{painting.shape} {hashlib.sha256(pixels.tobytes()).hexdigest()}"


def _fit(style: StyleImage, transfer: Transfer, run: Run) -> Tensor:
    """Return a painting with at most as many positions as the transform keeps; warn if reduced."""
    image, most = style.image, transfer.transform.most
    height, width = image.shape[-2:]
    scale = 1.0 if most is None else (most * transfer.stride**2 / (height * width)) ** 0.5
    if scale >= 1:
        return image
    smaller = int(height * scale), int(width * scale)
    run.warnings.append(
        f"{style.name}: {width}x{height} has more features than can be kept, so it is reduced to "
        f"{smaller[1]}x{smaller[0]}: for larger strokes, use --stroke-size"
    )
    return resize(image, smaller)
