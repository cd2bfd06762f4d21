"""Conversion of decoded frames to upright 8-bit sRGB with square pixels."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from stylize.command import import_extra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stylize_video.frames import Pixels

__all__ = ["Converter", "Turn", "is_hdr", "turn_of", "upright_size"]

# Numbers of ITU-T H.273.
BT709, BT2020_NCL, BT2020_CL = 1, 9, 10
PQ, HLG = 16, 18
UNKNOWN_MATRIX = frozenset({2, 3})
RGB_MATRIX = 0
FULL_RANGE = 2
# Without a matrix of their own, pictures larger than those of DVDs count as BT.709, as in players.
SD = 1280, 576

# ITU-R BT.2408: diffuse white of HDR, in cd/m2, which becomes white here; and the point of the
# range above which highlights are compressed.
WHITE = 203.0
SHOULDER = 0.8
HLG_PEAK = 1000.0
BT2020_TO_BT709 = (
    (1.6605, -0.5876, -0.0728),
    (-0.1246, 1.1329, -0.0083),
    (-0.0182, -0.1006, 1.1187),
)
BT2020_LUMA = 0.2627, 0.6780, 0.0593


class Turn(NamedTuple):
    """Turns a picture upright: swaps its axes, then mirrors them."""

    swap: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    def __call__(self, pixels: Pixels) -> Pixels:
        """Return (H, W, 3) pixels upright."""
        if self.swap:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if self.mirror_y else 1, :: -1 if self.mirror_x else 1]


def turn_of(frame: Any) -> Turn:
    """Return the turn that a decoded frame's display matrix asks for."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return Turn()
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).tolist()
    if abs(a) + abs(d) < abs(b) + abs(c):
        return Turn(swap=True, mirror_x=c < 0, mirror_y=b < 0)
    return Turn(mirror_x=a < 0, mirror_y=d < 0)


def upright_size(width: int, height: int, aspect: Fraction | None, turn: Turn) -> tuple[int, int]:
    """Return (width, height) upright and in square pixels, with no side shorter than before.

    Args:
        aspect: width of a pixel divided by its height; None if unknown.
    """
    if aspect and aspect > 1:
        width = round(width * aspect)
    elif aspect and 0 < aspect < 1:
        height = round(height / aspect)
    return (height, width) if turn.swap else (width, height)


def is_hdr(frame: Any) -> bool:
    """Whether a decoded frame is HDR10 or HLG."""
    return frame.color_trc in (PQ, HLG)


class Converter:
    """Converts decoded frames; keeps its tables between frames.

    Args:
        size: (width, height) of the results, upright.

    Attributes:
        transparent: whether any frame was partly transparent.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.transparent = False
        self._shape: tuple[int, int] | None = None  # of the first frame, upright
        reformatter = import_extra("av.video.reformatter", "video", "reading video")
        flags = reformatter.Interpolation
        self._scaler = reformatter.VideoReformatter()
        self._flags = int(
            flags.LANCZOS | flags.ACCURATE_RND | flags.FULL_CHR_H_INT | flags.FULL_CHR_H_INP
        )
        self._full = reformatter.ColorRange.JPEG
        self._spaces = reformatter.Colorspace

    def __call__(self, frame: Any, turn: Turn) -> Pixels:
        """Return the upright (H, W, 3) pixels of a frame, uint8."""
        width, height = self._inner_size(frame, turn)
        hdr = is_hdr(frame)
        transparent = any(component.is_alpha for component in frame.format.components) or (
            frame.format.has_palette
        )
        layout = "rgb48le" if hdr else "rgba" if transparent else "rgb24"
        scaled = self._scaler.reformat(
            frame,
            width=width,
            height=height,
            format=layout,
            src_colorspace=self._matrix(frame),
            src_color_range=frame.color_range or None,
            dst_color_range=self._full,
            interpolation=self._flags,
        ).to_ndarray()
        if hdr:
            pixels = to_sdr(scaled, hlg=frame.color_trc == HLG)
        else:
            self.transparent |= transparent and bool(scaled[..., 3].min() < 255)
            pixels = _over_white(scaled) if transparent else scaled
        return np.ascontiguousarray(self._pad(turn(pixels)))

    def _inner_size(self, frame: Any, turn: Turn) -> tuple[int, int]:
        """Return the (width, height), not yet upright, at which a frame fits into `size`.

        For frames with the proportions of the first, this is `size` itself.
        """
        width, height = self.size[::-1] if turn.swap else self.size
        shape = (frame.height, frame.width) if turn.swap else (frame.width, frame.height)
        if self._shape is None:
            self._shape = shape
        if shape == self._shape:
            return width, height
        # The pixels have the same shape as those of the first frame.
        across, down = (self.size[i] / self._shape[i] * shape[i] for i in (0, 1))
        scale = min(self.size[0] / across, self.size[1] / down)
        inner = max(1, round(across * scale)), max(1, round(down * scale))
        return inner[::-1] if turn.swap else inner

    def _pad(self, pixels: Pixels) -> Pixels:
        """Add black edges to pixels (H, W, 3) that are smaller than `size`."""
        right, below = (self.size[1 - i] - pixels.shape[i] for i in (1, 0))
        if not (right or below):
            return pixels
        edges = ((below // 2, below - below // 2), (right // 2, right - right // 2), (0, 0))
        padded: Pixels = np.pad(pixels, edges)
        return padded

    def _matrix(self, frame: Any) -> int | None:
        """Return swscale's number of the matrix between RGB and YCbCr; None if there is none."""
        if frame.format.is_rgb or frame.colorspace == RGB_MATRIX:
            return None
        if frame.colorspace in UNKNOWN_MATRIX:
            large = frame.width >= SD[0] or frame.height > SD[1]
            return int(self._spaces.ITU709 if large else self._spaces.ITU601)
        if frame.colorspace in (BT2020_NCL, BT2020_CL):
            return int(self._spaces.BT2020)
        return int(frame.colorspace)


def to_sdr(pixels: NDArray[np.uint16], *, hlg: bool) -> Pixels:
    """Map HDR to SDR: (H, W, 3) BT.2020 in PQ or HLG, 16 bits, to BT.709 in 8 bits.

    HDR white (203 cd/m2, ITU-R BT.2408) becomes white. Brighter colours are compressed into the
    last fifth of the linear range, by their largest channel, so that hues stay.
    """
    light = _light_of_codes(hlg)[pixels]
    if hlg:
        # The OOTF of BT.2100, for a display of 1000 cd/m2.
        luma = light @ np.array(BT2020_LUMA, np.float32)
        light *= (np.maximum(luma, 1e-6) ** 0.2)[..., None] * np.float32(HLG_PEAK / WHITE)
    light = np.maximum(light @ np.array(BT2020_TO_BT709, np.float32).T, np.float32(0))
    peak = light.max(axis=-1, keepdims=True)
    room = 1 - SHOULDER
    squeezed = SHOULDER + room * (1 - np.exp(-np.maximum(peak - SHOULDER, 0) / room))
    light *= np.where(peak > SHOULDER, squeezed / np.maximum(peak, 1e-6), 1)
    # sRGB's transfer function, which all pictures here are assumed to have.
    codes = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    levels: Pixels = (codes.clip(0, 1) * 255).round().astype(np.uint8)
    return levels


@cache
def _light_of_codes(hlg: bool) -> NDArray[np.float32]:
    """Return the linear light of each 16-bit code.

    For PQ (SMPTE ST 2084), the light of the display, 1 for white; for HLG, that of the scene,
    0 to 1.
    """
    code = np.linspace(0, 1, 65_536)
    if hlg:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
        table: NDArray[np.float32] = scene.astype(np.float32)
        return table
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = code ** (1 / m2)
    display = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) * (10_000 / WHITE)
    return display.astype(np.float32)


def _over_white(pixels: NDArray[np.uint8]) -> Pixels:
    """Return (H, W, 4) pixels over white."""
    alpha = pixels[..., 3:].astype(np.float32) / 255
    levels: Pixels = (pixels[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    return levels
