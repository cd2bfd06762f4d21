"""Applying a trained network: pictures to features and back, in one piece or tile by tile.

The raw moments of the encoder add up over tiles. A first pass measures them for the whole picture;
a second one encodes each tile again, restyles it and decodes it. With a wide enough margin around
each tile, the picture is the same as in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from stylize import Parts, Tile, cut_tiles, read_tile
from stylize.errors import ImageTooSmallError, UsageError
from stylize_adain.network import LEAST, Decoder
from stylize_adain.normalization import measure_pieces
from stylize_adain.packing import Packing
from stylize_adain.reach import measure_reach
from stylize_adain.statistics import Moments
from stylize_adain.transform import Piece, Transform

__all__ = ["Transfer"]


@dataclass(frozen=True)
class Transfer:
    """Encoder, transform and decoder.

    Args:
        parts: hold the backbone and the smoothing that make the encoder.
        layer: the encoder's last layer.
        transform: the step between encoder and decoder.
        decoder: in eval mode, on the device of the parts and in their precision.
        side: side of the tiles, in pixels.
    """

    parts: Parts
    layer: str
    transform: Transform
    decoder: Decoder
    side: int

    @property
    def stride(self) -> int:
        """Pixels per position of the features."""
        return self.decoder.stride

    @property
    def least(self) -> int:
        """The smallest side that the network takes, in pixels."""
        return max(LEAST * self.stride, self.parts.features.least_size([self.layer]))

    @property
    def packing(self) -> Packing:
        """The packing of the layers that the decoder sees."""
        return self.decoder.packing

    def features_of(self, picture: Tensor) -> Tensor:
        """Return packed features of a picture (1, 3, H, W) in [0, 1], on the parts' device."""
        return self.packing.pack(self.parts.features(picture, self.packing.names), picture)

    def check_size(self, picture: Tensor, stroke_size: float = 1.0) -> None:
        """Raise ImageTooSmallError for a picture (1, 3, H, W) that is too small.

        Args:
            stroke_size: the network sees it at 1 / stroke_size of its size.
        """
        height, width = picture.shape[-2:]
        least = self.least
        if round(min(height, width) / stroke_size) < least:
            times = " times the stroke size" * (stroke_size != 1)
            raise ImageTooSmallError(
                f"image is {width}x{height}; adain at {self.layer} needs {least}x{least}{times}: "
                f"use a larger image",
                (width, height),
            )

    def tiles(self, height: int, width: int) -> list[Tile]:
        """Return the tiles of a picture.

        Raises: UsageError if there are several but the network needs the whole picture at once.
        """
        tiles = list(cut_tiles(height, width, self.side, self.stride))
        if len(tiles) > 1 and self._reaches is None:
            features = self.parts.features
            smoothed = f" with {features.smoothing_name}" * (self.layer in features.smooth_layers)
            raise UsageError(
                f"image is {width}x{height}, and {features.name}{smoothed} at {self.layer} needs "
                f"all of it at once, not tiles of {self.side}: use --size {self.side}, larger "
                f"tiles if memory allows (--set adain.tile={max(height, width)}), or a model "
                f"that was trained with a pointwise smoothing"
            )
        return tiles

    def encode(self, picture: Tensor, tile: Tile, margin: int = 0) -> tuple[Tensor, Tile]:
        """Return features of a tile with its margin, and the tile's place in them, in positions.

        Args:
            picture: (1, 3, H, W), uint8 or float.
            margin: width of the margin, in pixels.
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

    def pieces(
        self, picture: Tensor, tiles: list[Tile], go_on: Callable[[int], bool] = lambda _: True
    ) -> Iterator[Piece]:
        """Yield the features of a picture, tile by tile.

        Args:
            go_on: called with the number of tiles done; if it returns false, the rest is skipped.
        """
        margin = self.encoder_reach if len(tiles) > 1 else 0
        for number, tile in enumerate(tiles, 1):
            features, place = self.encode(picture, tile, margin)
            inside = features[..., place.top : place.bottom, place.left : place.right]
            top, left = tile.top // self.stride, tile.left // self.stride
            height, width = inside.shape[-2:]
            yield Piece(inside, Tile(top, top + height, left, left + width))
            if not go_on(number):
                break

    def measure_content(
        self, picture: Tensor, tiles: list[Tile], go_on: Callable[[int], bool]
    ) -> Moments:
        """Return the moments of a photograph; `go_on` as in `pieces`."""
        return measure_pieces(self.pieces(picture, tiles, go_on), self.packing)

    def moments_of(self, features: Tensor) -> Moments:
        """Return the moments of the packed features (1, C, h, w) of a whole picture."""
        height, width = features.shape[-2:]
        return measure_pieces([Piece(features, Tile(0, height, 0, width))], self.packing)

    def measure_style(self, painting: Tensor) -> Any:
        """Return the style side of a painting (1, 3, H, W)."""
        height, width = painting.shape[-2:]
        pieces = self.pieces(painting, self.tiles(height, width))
        return self.transform.measure(pieces, (-(-height // self.stride), -(-width // self.stride)))

    def decode(self, features: Tensor) -> Tensor:
        """Return the picture of restyled features (1, C, h, w), not clamped."""
        picture: Tensor = self.decoder(features)
        return picture.float()

    def make_tile(
        self, picture: Tensor, tile: Tile, content: Moments, style: Any, alpha: float
    ) -> Tensor:
        """Return a tile's pixels (1, 3, h, w), the same as in the whole picture."""
        margin = self.reach + self.transform.margin * self.stride
        features, place = self.encode(picture, tile, margin)
        first = tile.top // self.stride - place.top, tile.left // self.stride - place.left
        made = self.decode(self.transform.apply(features, content, style, alpha, first=first))
        top, left = place.top * self.stride, place.left * self.stride
        return made[..., top : top + tile.bottom - tile.top, left : left + tile.right - tile.left]

    @property
    def encoder_reach(self) -> int:
        """The distance in pixels over which the features of a position depend on the picture."""
        assert self._reaches is not None
        return self._reaches[0]

    @property
    def reach(self) -> int:
        """The distance in pixels over which the pixels of a position depend on the picture."""
        assert self._reaches is not None
        return self._reaches[1]

    @cached_property
    def _reaches(self) -> tuple[int, int] | None:
        """Return the reach of the encoder, and of both; None if it is the whole picture."""

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
