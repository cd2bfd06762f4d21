"""Features of several layers as one tensor: the deepest, and finer ones folded to its size.

AdaIN works channel by channel, so tiles, export and training can treat one tensor as one layer.
If a finer layer has r x r positions for each position of the deepest, its map is folded into r x r
times its channels, all of which share the channel's moments. Positions come before channels, unlike
in torch's pixel_unshuffle: as backbones store channels last, folding copies contiguous runs.

For a transform that takes over whole positions, the tensor may include their mean colours: those of
the pixels that each covers, as luma and two colour differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylize import LayerInfo
from stylize.errors import UsageError
from stylize_adain.statistics import Moments, moments_of

__all__ = ["LUMA", "Packing"]

# A smaller variance belongs to a blank picture.
BLANK = 1e-30
# Rec. 709, for gamma-encoded sRGB: Y, B - Y and R - Y, from RGB and back.
REC_709 = (0.2126, 0.7152, 0.0722)
FROM_RGB = torch.tensor(
    [
        REC_709,
        (-REC_709[0], -REC_709[1], 1 - REC_709[2]),
        (1 - REC_709[0], -REC_709[1], -REC_709[2]),
    ]
)
TO_RGB = torch.linalg.inv(FROM_RGB)
# Index of luma among packed channels with colours.
LUMA = -len(REC_709)


@dataclass(frozen=True)
class _Part:
    """A layer's channels, and its positions per position of the deepest layer, each way."""

    channels: int
    fold: int

    @property
    def width(self) -> int:
        return self.channels * self.fold**2


class Packing:
    """Packs the layers that a decoder sees.

    Args:
        layers: layers of the backbone, shallow to deep.
        layer: the encoder's last layer.
        skips: finer layers, comma-separated; at most one of each stride.
        colors: whether the mean colours of each position's pixels are included.

    Raises: UsageError for a layer that cannot be a skip.
    """

    def __init__(
        self, layers: Mapping[str, LayerInfo], layer: str, skips: str, *, colors: bool = False
    ) -> None:
        stride = layers[layer].stride
        named = [name.strip() for name in skips.split(",") if name.strip()]
        fitting = [name for name, info in layers.items() if stride % info.stride == 0]
        finer = [name for name in fitting if layers[name].stride < stride]
        for name in named:
            if name not in finer:
                raise UsageError(
                    f"adain.skips {name}: is not a layer finer than {layer}: choose among "
                    f"{', '.join(finer) or 'none'}"
                )
        ordered = sorted(named, key=lambda name: layers[name].stride, reverse=True)
        self.strides = tuple(layers[name].stride for name in ordered)
        if len(set(self.strides)) < len(self.strides):
            raise UsageError(
                f"adain.skips {skips}: two layers have the same size: give at most one of each"
            )
        self.names = (layer, *ordered)
        self.parts = tuple(
            _Part(layers[name].channels, stride // layers[name].stride) for name in self.names
        )
        self.stride = stride
        self.colors = _Part(len(REC_709), 1) if colors else None

    @property
    def channels(self) -> int:
        """Number of channels of the packed tensor."""
        return sum(part.width for part in self._all)

    def pack(self, features: Mapping[str, Tensor], pictures: Tensor) -> Tensor:
        """Return the layers (N, C, r H, r W) as one tensor (N, sum of C r r, H, W).

        Args: pictures: the pictures (N, 3, s H, s W) in [0, 1] that the features belong to.
        """
        deepest = features[self.names[0]]
        if len(self._all) == 1:
            return deepest
        height, width = deepest.shape[-2:]
        folded = []
        for name, part in zip(self.names, self.parts, strict=True):
            whole = features[name][..., : part.fold * height, : part.fold * width]
            folded.append(_fold(whole, part.fold).to(deepest.dtype))
        if self.colors:
            means = F.avg_pool2d(pictures, self.stride)[..., :height, :width]
            folded.append(_turn(FROM_RGB, means).to(deepest.dtype))
        # Each position's channels in one run: a transform then reads and takes whole positions.
        return torch.cat([each.permute(0, 2, 3, 1) for each in folded], dim=3).permute(0, 3, 1, 2)

    def unpack(self, packed: Tensor) -> list[Tensor]:
        """Return the layers of a packed tensor, the deepest first."""
        return [
            _unfold(each, part.fold)
            for each, part in zip(self._split(packed), self.parts, strict=False)
        ]

    def colors_of(self, packed: Tensor) -> Tensor:
        """Return the mean colours (N, 3, H, W) in a packed tensor, as RGB in [0, 1]."""
        return _turn(TO_RGB, packed[:, LUMA:])

    def deepest(self, packed: Tensor) -> Tensor:
        """Return the deepest layer of a packed tensor."""
        return packed[:, : self.parts[0].channels]

    def moments(self, mean: Tensor, square: Tensor) -> Moments:
        """Return the moments for raw ones (N, channels), shared by the folds of each channel."""
        found = [
            Moments.from_raw(_share(means, part), _share(squares, part))
            for means, squares, part in zip(
                self._split(mean), self._split(square), self._all, strict=True
            )
        ]
        return Moments(
            torch.cat([each.mean for each in found], dim=1),
            torch.cat([each.deviation for each in found], dim=1),
        )

    def moments_of(self, packed: Tensor) -> Moments:
        """Return the moments of packed features."""
        return self.moments(*moments_of(packed))

    def units(self, moments: Moments) -> Tensor:
        """Return factors (N, channels) that give the features of each layer the same mean length.

        Colours, which are not a layer, get 0.
        """
        lengths = [
            part.square().sum(dim=1, keepdim=True).clamp_min(BLANK).rsqrt().expand_as(part)
            for part in self._split(moments.deviation)
        ]
        if self.colors:
            lengths[-1] = torch.zeros_like(lengths[-1])
        return torch.cat(lengths, dim=1)

    @property
    def _all(self) -> tuple[_Part, ...]:
        return self.parts if self.colors is None else (*self.parts, self.colors)

    def _split(self, packed: Tensor) -> Sequence[Tensor]:
        return torch.split(packed, [part.width for part in self._all], dim=1)


def _turn(matrix: Tensor, colors: Tensor) -> Tensor:
    """Return colours (N, 3, H, W) times a matrix (3, 3)."""
    return torch.einsum("ij,njhw->nihw", matrix.to(colors), colors)


def _fold(features: Tensor, fold: int) -> Tensor:
    """Return features (N, C, r H, r W) as (N, r r C, H, W)."""
    if fold == 1:
        return features
    count, channels, height, width = features.shape
    rows = features.permute(0, 2, 3, 1)
    rows = rows.reshape(count, height // fold, fold, width // fold, fold, channels)
    return rows.transpose(2, 3).flatten(3).permute(0, 3, 1, 2)


def _unfold(features: Tensor, fold: int) -> Tensor:
    """Return features (N, r r C, H, W) as (N, C, r H, r W)."""
    if fold == 1:
        return features
    count, channels, height, width = features.shape
    rows = features.permute(0, 2, 3, 1)
    rows = rows.reshape(count, height, width, fold, fold, channels // fold**2).transpose(2, 3)
    return rows.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)


def _share(values: Tensor, part: _Part) -> Tensor:
    """Return values (N, r r C) with the mean over each channel's r x r."""
    if part.fold == 1:
        return values
    folds = values.view(len(values), part.fold**2, part.channels)
    return folds.mean(dim=1, keepdim=True).expand_as(folds).flatten(1)
