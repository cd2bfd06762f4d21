"""Fast style transfer: one pass through a network trained for one painting.

Source: section 3 of the paper (Johnson et al. 2016). Large pictures: thumbnail instance
normalisation, Chen et al. 2021.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from stylize import (
    Axis,
    ExportModule,
    ModelFile,
    Parts,
    Run,
    StyleImage,
    Tile,
    cut_tiles,
    divide_size,
    empty_picture,
    fit_size,
    make_in_tiles,
    read_tile,
    resize,
    to_bytes,
)
from stylize.errors import ImageTooSmallError, ModelError, UsageError
from stylize_johnson.network import CompleteNetwork, TransformationNetwork
from stylize_johnson.settings import LARGEST_STROKES, NETWORK_SETTINGS, JohnsonSettings
from stylize_johnson.task import JohnsonTask

# A larger picture takes its statistics from a copy scaled down to this longer side.
THUMBNAIL = 1024
# Strokes of the included models suit a picture of this longer side.
SUITED = 1024


class Johnson:
    """Applies a trained model, and defines the training of new ones."""

    def __init__(self, settings: JohnsonSettings) -> None:
        self.settings = settings
        self._loaded: tuple[ModelFile, TransformationNetwork] | None = None
        self._hinted = False

    def network_settings(self) -> Mapping[str, object]:
        """Return the settings that shape the network."""
        return self.settings.model_dump(include=set(NETWORK_SETTINGS))

    def training_task(
        self, styles: Sequence[StyleImage], parts: Parts, strength: float
    ) -> JohnsonTask:
        """Return the training task of a new network for paintings, blended by their weights.

        Raises: UsageError without a painting.
        """
        if not styles:
            raise UsageError("johnson learns one painting or a blend: give --style FILE")
        return JohnsonTask(self.settings, styles, parts, strength)

    def export_modules(self, parts: Parts) -> Mapping[str, ExportModule]:
        """Return the network that turns photographs into pictures, both (1, 3, H, W) in [0, 1].

        H and W are multiples of the network's stride. The picture is made in one piece, with its
        own statistics at any size. Raises: ModelError.
        """
        assert parts.model is not None
        network = self._load(parts.model)
        stride = network.stride
        complete = CompleteNetwork(network).eval()
        height, width = (Axis(name, stride, complete.least) for name in ("height", "width"))
        return {
            "network": ExportModule(
                complete,
                {"photograph": torch.rand(1, 3, 16 * stride, 24 * stride)},
                "picture",
                {"photograph": {2: height, 3: width}},
            )
        }

    @torch.inference_mode()
    def stylize(
        self, content: Tensor | None, styles: Sequence[StyleImage], parts: Parts, run: Run
    ) -> Tensor:
        """Return the stylised picture (1, 3, H, W), uint8, of the content's size.

        Strength is the share of the result in a blend with the photograph, 0 to 1. Stroke size is
        relative to the network's own: the network sees the picture at 1 / stroke_size of its size.

        Raises: UsageError for a strength above 1, or without content; ModelError;
            ImageTooSmallError.
        """
        del styles  # learnt
        if content is None:
            raise UsageError("johnson restyles a photograph: give one")
        if run.strength > 1:
            raise UsageError(
                f"strength is {run.strength:g}: for a trained model it is the share of the style "
                f"in a blend with the photograph, 0 to 1; for a stronger style, train a model "
                f"with --strength {run.strength:g}"
            )
        height, width = content.shape[-2:]
        stroke_size = self.settings.stroke_size
        size = divide_size(height, width, stroke_size)
        network = self._network(parts)
        if min(size) < network.least:
            least = math.ceil(network.least * stroke_size)
            raise ImageTooSmallError(
                f"image is {width}x{height}; johnson needs {least}x{least} at stroke size "
                f"{stroke_size:g}: use a larger image, or a smaller --stroke-size",
                (width, height),
            )
        self._hint(max(height, width), run)
        photograph = to_bytes(content)
        seen = resize(photograph, size)
        picture = self._make(network, seen, parts, run)
        picture = resize(picture, (height, width))
        return _blend(photograph, picture, run.strength)

    def _hint(self, longest: int, run: Run) -> None:
        """Tell once of strokes that are small on a large picture, unless their size was chosen."""
        suiting = min(round(2 * longest / SUITED) / 2, LARGEST_STROKES)
        if suiting > 1 and "stroke_size" not in self.settings.model_fields_set and not self._hinted:
            self._hinted = True
            run.tell(
                "hinted",
                f"a trained network's strokes are small on a picture of {longest} px: "
                f"--stroke-size {suiting:g} enlarges them",
            )

    def _network(self, parts: Parts) -> TransformationNetwork:
        """Return the model's network on the device, loaded once."""
        model = parts.model
        assert model is not None
        if self._loaded is None or self._loaded[0] is not model:
            network = self._load(model)
            network.to(parts.device, parts.dtype).to(memory_format=torch.channels_last)
            self._loaded = model, network
        return self._loaded[1]

    def _load(self, model: ModelFile) -> TransformationNetwork:
        """Return a model's network, in float32 on the CPU. Raises: ModelError."""
        with torch.device("meta"):  # the values are replaced: spend no time or random numbers
            network = TransformationNetwork(self.settings)
        try:
            network.load_tensors(model.tensors())
        except RuntimeError as error:
            raise ModelError(
                f"model {model.name}: its tensors do not fit the network in its "
                f"header ({str(error).splitlines()[-1].strip()}): get it again"
            ) from error
        return network.eval().requires_grad_(False)

    def _make(
        self, network: TransformationNetwork, photograph: Tensor, parts: Parts, run: Run
    ) -> Tensor:
        """Return the network's picture for a photograph (1, 3, H, W), both uint8 on the CPU."""
        height, width = photograph.shape[-2:]
        stride, beyond = network.stride, network.beyond
        tiles = list(cut_tiles(height, width, self.settings.tile, stride))
        thumbnail = None
        network.forget_moments()
        if len(tiles) > 1 or max(height, width) > THUMBNAIL:
            thumbnail = self._fix_moments(network, photograph, parts)

        def make_tile(tile: Tile) -> Tensor:
            seen, place = read_tile(photograph, tile, network.reach, stride, beyond=beyond)
            network.place(tile.top - place.top, tile.left - place.left)
            made: Tensor = network(seen.to(parts.device))
            return made[..., place.top : place.bottom, place.left : place.right]

        picture = empty_picture(height, width)
        make_in_tiles(picture, tiles, make_tile, run, thumbnail=thumbnail)
        return picture

    def _fix_moments(
        self, network: TransformationNetwork, photograph: Tensor, parts: Parts
    ) -> Tensor:
        """Fix the norms' statistics to the thumbnail's, and return its picture."""
        height, width = photograph.shape[-2:]
        width, height = fit_size(width, height, THUMBNAIL)
        small = resize(photograph, (max(height, network.least), max(width, network.least)))
        whole = Tile(0, small.shape[-2], 0, small.shape[-1])
        beyond, stride = network.beyond, network.stride
        seen, place = read_tile(small, whole, beyond + stride, stride, beyond=beyond)
        network.place(-place.top, -place.left)
        made = network.keep_moments(seen.to(parts.device))
        return made[..., place.top : place.bottom, place.left : place.right]


def _blend(photograph: Tensor, picture: Tensor, strength: float) -> Tensor:
    if strength == 1:
        return picture
    for rows in range(0, picture.shape[-2], 512):
        part = slice(rows, rows + 512)
        before, after = photograph[..., part, :].float(), picture[..., part, :].float()
        picture[..., part, :] = before.lerp(after, strength).round().to(torch.uint8)
    return picture
