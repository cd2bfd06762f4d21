"""Keeping the photograph's colours (Gatys et al. 2016, "Preserving Color in Neural Artistic Style
Transfer")."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from stylize.precision import has_float64

__all__ = ["KeepColor", "keep_luminance", "match_colors"]

KeepColor = Literal["none", "luminance", "histogram"]

# Rec. 709 weights of gamma-encoded sRGB: luma, as the field uses it.
LUMA = (0.2126, 0.7152, 0.0722)


def keep_luminance(output: Tensor, content: Tensor) -> Tensor:
    """Give the content the luma of the output; its colour differences stay.

    Args: output, content: (N, 3, H, W) in [0, 1], of one size.
    Source: section 3.2 there, with Rec. 709 luma for the Y of YIQ.
    """
    weights = torch.tensor(LUMA, device=output.device).view(1, 3, 1, 1)
    luma_change = ((output - content) * weights).sum(dim=1, keepdim=True)
    return (content + luma_change).clamp(0, 1)


def match_colors(image: Tensor, reference: Tensor) -> Tensor:
    """Give an image the mean and covariance of the reference's colours, by a linear map of RGB.

    Apply it to the style image before the transfer, so that the style has the photograph's colours.
    Colours that the map takes out of the reference's range are compressed into it, where the paper
    has them cut off: a fifth of a painting may become one black, and an eye a black disc.

    Args: image, reference: (1, 3, H, W) in [0, 1]; sizes may differ.
    Source: section 3.1 there, with the symmetric ("image analogies") square roots.
    """
    pixels, mean, _, inverse_root = _color_statistics(image)
    targets, target_mean, target_root, _ = _color_statistics(reference)
    matched = target_root @ inverse_root @ (pixels - mean) + target_mean
    for end in (targets.amin(dim=1, keepdim=True), targets.amax(dim=1, keepdim=True)):
        matched = _compress(matched, target_mean, end)
    return matched.view_as(image).to(image.dtype).clamp(0, 1)


def _compress(values: Tensor, mean: Tensor, end: Tensor) -> Tensor:
    """Compress values (3, M) beyond halfway from the mean to an end (3, 1), if some pass the end.

    The furthest value is then the end. The curve is smooth and keeps the order of values.
    Source: Reinhard et al. 2002, "Photographic Tone Reproduction for Digital Images", eq. 4.
    """
    side = torch.where(end < mean, -1.0, 1.0)
    room = ((end - mean).abs() / 2).clamp_min(1e-6)
    beyond = (values - mean) * side - room
    furthest = beyond.amax(dim=1, keepdim=True)
    compressed = beyond / (1 + beyond * (1 / room - 1 / furthest))
    curved = mean + side * (room + compressed)
    return torch.where((beyond > 0) & (furthest > room), curved, values)


def _color_statistics(image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return pixels (3, M), mean (3, 1), and the covariance's root and inverse root (3, 3)."""
    pixels = image[0].flatten(1).to("cpu", torch.float64)
    mean = pixels.mean(dim=1, keepdim=True)
    centred = pixels - mean
    covariance = centred @ centred.mT / pixels.shape[1]
    values, vectors = torch.linalg.eigh(covariance)
    # A grey or single-coloured image has directions without variance: they stay as they are.
    roots = values.clamp_min(1e-8).sqrt()
    parts = pixels, mean, vectors * roots @ vectors.mT, vectors / roots @ vectors.mT
    form = torch.float64 if has_float64(image.device) else torch.float32
    return tuple(part.to(form).to(image.device) for part in parts)  # type: ignore[return-value]
