"""Conversion between ComfyUI's images and stylize's.

ComfyUI's IMAGE is (N, H, W, 3), float32 in [0, 1]; its MASK is (N, H, W), 1 where it applies.
stylize takes PIL images, and returns tensors (1, 3, H, W).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylize import fit_size, resize, to_bytes, to_pil


def to_photographs(images: Tensor) -> list[Image.Image]:
    """Return the images of an IMAGE, (N, H, W, 3), as PIL images, without alpha."""
    return [to_pil(image[None, ..., :3].permute(0, 3, 1, 2)) for image in images]


def to_frames(images: Tensor, size: int) -> Iterator[Tensor]:
    """Yield the images of an IMAGE as frames (1, 3, H, W), uint8, with a longer side of `size`."""
    for image in images:
        frame = to_bytes(image[None, ..., :3].permute(0, 3, 1, 2))
        if size:
            width, height = fit_size(frame.shape[-1], frame.shape[-2], size)
            frame = resize(frame, (height, width))
        yield frame


def to_images(pictures: Sequence[Tensor]) -> Tensor:
    """Return pictures (1, 3, H, W) of one size, uint8 or in [0, 1], as an IMAGE (N, H, W, 3)."""
    rows = [picture.permute(0, 2, 3, 1) for picture in pictures]
    return torch.cat([row.float() / 255 if row.dtype == torch.uint8 else row for row in rows])


def blend(images: Tensor, photographs: Tensor, mask: Tensor | None) -> Tensor:
    """Return stylised images where a mask is 1, and the photographs where it is 0.

    Args:
        images: (N, H, W, 3), stylised; photographs (N, h, w, 3) are resized to their size.
        mask: (N, h, w) or (1, h, w), of any size; None for everywhere.
    """
    if mask is None:
        return images
    size = images.shape[1:3]
    before = resize(photographs[..., :3].permute(0, 3, 1, 2), tuple(size)).permute(0, 2, 3, 1)
    masks = mask.reshape(-1, 1, *mask.shape[-2:]).to(images)
    share = F.interpolate(masks, size, mode="bilinear", antialias=True).permute(0, 2, 3, 1)
    return before.to(images).lerp(images, share.clamp(0, 1))
