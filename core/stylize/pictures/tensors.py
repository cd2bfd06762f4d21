"""Conversion of Pillow's pictures to tensors and back, and sizes. Torch is imported on use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from stylize.errors import NonFiniteError, UsageError
from stylize.pictures.decoding import GREY_DEEP, Decoded

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "bytes_of",
    "divide_size",
    "fit_size",
    "resize",
    "to_byte_tensors",
    "to_pil",
    "to_tensors",
]


def fit_size(width: int, height: int, longest: int) -> tuple[int, int]:
    """Return (width, height) shrunk so that the longer side is `longest`; never enlarged.

    Raises:
        UsageError: `longest` is less than 1.
    """
    if longest < 1:
        raise UsageError(f"size is {longest}: use at least 1 pixel")
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def divide_size(height: int, width: int, divisor: float) -> tuple[int, int]:
    """Return (height, width) divided, at least 1 each: the network's input at a stroke size."""
    return max(1, round(height / divisor)), max(1, round(width / divisor))


def resize(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (N, C, H, W) in [0, 1] to `size`, (height, width), by Lanczos with antialiasing.

    It uses Pillow's filter in float32 on the CPU; the result has the pixels' device and dtype, is
    clamped to [0, 1], and carries no gradient. Pixels of that size already are returned as is.
    One uint8 picture (1, 3, H, W) is resized in 8 bits, at a quarter of the memory.
    """
    import torch

    if tuple(pixels.shape[-2:]) == tuple(size):
        return pixels
    height, width = size
    if pixels.dtype == torch.uint8:
        resized = to_pil(pixels).resize((width, height), Image.Resampling.LANCZOS)
        return bytes_of(resized).to(pixels.device)
    planes = pixels.detach().to("cpu", torch.float32).flatten(0, 1)
    floats = [_plane(Image.fromarray(plane.numpy()), (width, height)) for plane in planes]
    return torch.stack(floats).view(*pixels.shape[:2], height, width).clamp(0, 1).to(pixels)


def to_pil(pixels: Tensor, alpha: Tensor | None = None) -> Image.Image:
    """Return (1, 3, H, W) pixels, and (1, 1, H, W) alpha, as an 8-bit RGB or RGBA image.

    Values are clamped to [0, 1] and rounded; pixels may be uint8 already.

    Raises:
        NonFiniteError: a value is NaN or infinite.
    """
    import torch

    if pixels.dtype == torch.uint8:
        colour = Image.fromarray(pixels[0].permute(1, 2, 0).cpu().numpy())
        if alpha is not None:
            colour.putalpha(Image.fromarray((alpha[0, 0] * 255).round().byte().cpu().numpy()))
        return colour
    layers = pixels if alpha is None else torch.cat((pixels, alpha.to(pixels)), dim=1)
    if not layers.isfinite().all():
        raise NonFiniteError(
            "the picture has NaN or infinite values: use float32 precision or a lower strength"
        )
    levels = (layers.detach().squeeze(0).float().clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().cpu().numpy())


def to_tensors(decoded: Decoded, size: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
    """Return pixels (1, 3, H, W) and alpha (1, 1, H, W), resized to `size`, (width, height).

    Lanczos overshoots: pixels may be a little outside [0, 1], and infinite if the file's are.
    """
    import torch

    colour, alpha = decoded.colour, decoded.alpha
    pixels = _tensor(colour, decoded.white, size)
    if alpha is None:
        return pixels.expand(-1, 3, -1, -1).contiguous(), None
    opacity = _tensor(alpha, 255, size).clamp(0, 1)
    if size != colour.size and colour.mode not in GREY_DEEP:
        # Weighted by alpha; otherwise colours hidden under transparent pixels bleed into a fringe.
        black = Image.new(colour.mode, colour.size)
        weighted = _tensor(Image.composite(colour, black, alpha), decoded.white, size)
        visible = opacity > 1 / 255
        pixels = torch.where(visible, weighted / opacity, pixels)
    return pixels.expand(-1, 3, -1, -1).contiguous(), opacity


def to_byte_tensors(decoded: Decoded, size: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
    """Return the same as `to_tensors`, with pixels as uint8; only alpha is float."""
    import torch

    colour, _, alpha, _ = decoded
    resized = size != colour.size
    if colour.mode in GREY_DEEP or (alpha is not None and resized):
        pixels, opacity = to_tensors(decoded, size)
        return (pixels.clamp(0, 1) * 255).round().to(torch.uint8), opacity
    rgb = colour.convert("RGB")
    if resized:
        rgb = rgb.resize(size, Image.Resampling.LANCZOS)
    return bytes_of(rgb), None if alpha is None else _tensor(alpha, 255, size)


def bytes_of(rgb: Image.Image) -> Tensor:
    """Return an 8-bit RGB image as (1, 3, H, W), uint8, channels last."""
    import torch

    flat = torch.frombuffer(bytearray(rgb.tobytes()), dtype=torch.uint8)
    return flat.view(1, rgb.height, rgb.width, 3).permute(0, 3, 1, 2)


def _tensor(image: Image.Image, white: int, size: tuple[int, int]) -> Tensor:
    """Return (1, bands, H, W), 1 for white, resized to `size`, (width, height).

    Bands are converted to float one by one: all of a 128 megapixel picture would take 1.5 GB.
    """
    import torch

    planes = [_plane(band.convert("F"), size) for band in image.split()]
    return torch.stack(planes).unsqueeze(0) / white


def _plane(band: Image.Image, size: tuple[int, int]) -> Tensor:
    """Return a float band as (H, W), resized to `size`, (width, height)."""
    import torch

    resized = band.resize(size, Image.Resampling.LANCZOS)
    flat = torch.frombuffer(bytearray(resized.tobytes()), dtype=torch.float32)
    return flat.view(resized.height, resized.width)
