"""A trained network at work: pictures to features and back, in one piece or tile by tile.

The encoder's raw moments add up over tiles: a first pass takes those of the whole picture, a
second one encodes each tile again, exchanges the moments and decodes. With enough of its
surroundings around each tile, the picture is that of one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from stylize import Parts, Tile, cut_tiles, read_tile
from stylize.errors import ImageTooSmallError, UsageError
from stylize_adain.network import LEAST, Decoder
from stylize_adain.packing import Packing
from stylize_adain.reach import measure_reach
from stylize_adain.statistics import Moments, adain, moments_of

__all__ = ["Transfer"]

# Elements of features that are worked on in float32 at a time: a megabyte stays in the cache.
BAND = 2**18


@dataclass(frozen=True)
class Transfer:
    """Encoder, AdaIN and decoder.

    Args:
        parts: backbone and smoothing, of which the encoder is made.
        layer: its last.
        decoder: in eval mode, on the parts' device and in their precision.
        side: of tiles, in pixels.
    """

    parts: Parts
    layer: str
    decoder: Decoder
    side: int

    @property
    def stride(self) -> int:
        """Pixels a position of the features."""
        return self.decoder.stride

    @property
    def packing(self) -> Packing:
        """How the layers that the decoder sees are one tensor."""
        return self.decoder.packing

    def features_of(self, picture: Tensor) -> Tensor:
        """Return packed features of a picture (1, 3, H, W) in [0, 1], on the parts' device."""
        return self.packing.pack(self.parts.features(picture, self.packing.names))

    def check_size(self, picture: Tensor, stroke_size: float = 1.0) -> None:
        """Raise ImageTooSmallError for a picture (1, 3, H, W) that is too small.

        Args:
            stroke_size: the network sees it at 1 / stroke_size of its size.
        """
        height, width = picture.shape[-2:]
        least = max(LEAST * self.stride, self.parts.features.least_size([self.layer]))
        if round(min(height, width) / stroke_size) < least:
            times = " times the stroke size" * (stroke_size != 1)
            raise ImageTooSmallError(
                f"image is {width}x{height}; adain at {self.layer} needs {least}x{least}{times}: "
                f"use a larger image",
                (width, height),
            )

    def tiles(self, picture: Tensor) -> list[Tile]:
        """Return the tiles of a picture (1, 3, H, W).

        Raises: UsageError where there are several, and the network needs all of it at once.
        """
        height, width = picture.shape[-2:]
        tiles = list(cut_tiles(height, width, self.side, self.stride))
        if len(tiles) > 1 and self._reaches is None:
            features = self.parts.features
            smoothed = f" with {features.smoothing_name}" * (self.layer in features.smooth_layers)
            raise UsageError(
                f"image is {width}x{height}, and {features.name}{smoothed} at {self.layer} needs "
                f"all of it at once, not tiles of {self.side}: use --size {self.side}, larger "
                f"tiles where memory allows (--set adain.tile={max(height, width)}), or a model "
                f"that was trained with a pointwise smoothing"
            )
        return tiles

    def encode(self, picture: Tensor, tile: Tile, margin: int = 0) -> tuple[Tensor, Tile]:
        """Return features of a tile with what lies around it, and its place in them, in positions.

        Args:
            picture: (1, 3, H, W), uint8 or float.
            margin: in pixels.
        """
        seen, place = read_tile(picture, tile, margin, self.stride)
        features = self.features_of(seen.to(self.parts.device))
        stride = self.stride
        return features, Tile(
            place.top // stride,
            -(-place.bottom // stride),
            place.left // stride,
            -(-place.right // stride),
        )

    def measure(
        self, picture: Tensor, tiles: list[Tile], go_on: Callable[[int], bool] = lambda _: True
    ) -> Moments:
        """Return the moments of a picture.

        Args:
            go_on: told how many tiles are done; where it says no, the rest is left out.
        """
        margin = self.encoder_reach if len(tiles) > 1 else 0
        total = torch.zeros(2, 1, self.packing.channels, dtype=torch.float64)
        positions = 0
        for number, tile in enumerate(tiles, 1):
            features, place = self.encode(picture, tile, margin)
            inside = features[..., place.top : place.bottom, place.left : place.right]
            count = inside.shape[-2] * inside.shape[-1]
            total += self._raw_moments(inside) * count
            positions += count
            if not go_on(number):
                break
        return self.packing.moments(*(total / positions))

    def moments_of(self, features: Tensor) -> Moments:
        """Return the moments of the packed features (1, C, h, w) of a whole picture."""
        return self.packing.moments(*self._raw_moments(features))

    def _raw_moments(self, features: Tensor) -> Tensor:
        """Return mean and mean square, (2, 1, C), in float64 on the CPU."""
        height = features.shape[-2]
        total = torch.zeros(2, 1, self.packing.channels, dtype=torch.float64)
        for band in _bands(features):
            total += torch.stack(moments_of(band)).cpu().double() * (band.shape[-2] / height)
        return total

    def decode(self, features: Tensor, content: Moments, style: Moments, alpha: float) -> Tensor:
        """Return the picture of features (1, C, h, w) with the style's moments, not clamped."""
        content, style = content.to(features), style.to(features)
        limit = self.decoder.gain_limit
        bands = [
            adain(band, content, style, alpha, limit).to(features.dtype)
            for band in _bands(features)
        ]
        picture: Tensor = self.decoder(torch.cat(bands, dim=2))
        return picture.float()

    def make_tile(
        self, picture: Tensor, tile: Tile, content: Moments, style: Moments, alpha: float
    ) -> Tensor:
        """Return a tile's pixels (1, 3, h, w), as those of the whole picture."""
        features, place = self.encode(picture, tile, self.reach)
        made = self.decode(features, content, style, alpha)
        top, left = place.top * self.stride, place.left * self.stride
        return made[..., top : top + tile.bottom - tile.top, left : left + tile.right - tile.left]

    @property
    def encoder_reach(self) -> int:
        """How many pixels around a position its features depend on."""
        assert self._reaches is not None
        return self._reaches[0]

    @property
    def reach(self) -> int:
        """How many pixels around a position its pixels depend on."""
        assert self._reaches is not None
        return self._reaches[1]

    @cached_property
    def _reaches(self) -> tuple[int, int] | None:
        """Return the reach of the encoder, and of both; None where it is all of the picture."""

        def encode_and_decode(picture: Tensor) -> Tensor:
            decoded: Tensor = self.decoder(self.features_of(picture))
            return decoded

        reaches = [
            measure_reach(step, self.stride, self.parts.device)
            for step in (self.features_of, encode_and_decode)
        ]
        if reaches[0] is None or reaches[1] is None:
            return None
        return reaches[0], reaches[1]


def _bands(features: Tensor) -> Sequence[Tensor]:
    """Return features (1, C, h, w) in bands of rows."""
    _, channels, _, width = features.shape
    return torch.split(features, max(1, BAND // (channels * width)), dim=2)
