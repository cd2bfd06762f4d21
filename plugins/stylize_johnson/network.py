"""The image transformation network, in three versions.

Source: Johnson et al. 2016, section 3.1 and its supplement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylize_johnson.layers import (
    COARSER,
    OCTAVES,
    Coarser,
    Convolution,
    InstanceNorm,
    Noise,
    NormalisedConvolution,
    ResidualBlock,
    SubpixelConvolution,
)
from stylize_johnson.settings import JohnsonSettings

# How much the last convolution adds to the photograph per unit of its output. Adam moves all
# weights by equal amounts, and thousands act on each pixel: with 1, the first steps overshoot.
OUTPUT_GAIN = 1 / 16
# For colours in [0, 1]: an almost blank photograph is not amplified to noise.
COLOUR_EPSILON = 1e-3
# Input pixels per position in the blocks of classic and light, and in all but those of deep, which
# are coarser.
STRIDE = 4
# How far the network sees the photograph beyond its edges, by reflection, in pixels, a multiple of
# every stride. A network recognises an edge by its padding, and many paint a rim along it.
BEYOND = 48


class TransformationNetwork(nn.Module):
    """Turns pictures (N, 3, H, W) in [0, 1] into stylised ones of that size, roughly in [0, 1].

    The output of the layers is added to the photograph, whose colours are given the painting's
    mean and deviation: training starts from there, not from grey. H and W are multiples of
    `stride`, and at least `least`.

    Args:
        settings: the version, the width and the number of blocks.
    """

    def __init__(self, settings: JohnsonSettings) -> None:
        super().__init__()
        build = {"classic": _classic, "light": _light, "deep": _deep}[settings.network]
        self.colours = InstanceNorm(3, COLOUR_EPSILON)
        self.layers = build(settings.width, settings.blocks)
        self.stride = STRIDE * (COARSER if settings.network == "deep" else 1)
        # How far away an input pixel can affect an output pixel, rounded up to whole positions.
        self.reach = self.stride * (2 * settings.blocks + 4)
        self.beyond = min(BEYOND, self.reach - self.stride)
        self.least = 2 * self.stride  # reflection needs two positions in each direction

    def forward(self, image: Tensor) -> Tensor:
        """Return the stylised pictures, not clamped."""
        dtype = next(self.layers.parameters()).dtype
        base = self.colours(image.contiguous(memory_format=torch.channels_last))
        change = self.layers(base.to(dtype))
        stylised: Tensor = base + OUTPUT_GAIN * change.to(base.dtype)
        return stylised

    @torch.no_grad()
    def start_from_colours(self, paintings: Sequence[Tensor], weights: Sequence[float]) -> None:
        """Set the initial colours to the mean and deviation of paintings (1, 3, H, W)."""
        total = sum(weights)
        for name, measure in (("weight", Tensor.std), ("bias", Tensor.mean)):
            several = [measure(painting, dim=(0, 2, 3)) for painting in paintings]
            blended = sum(w / total * each for w, each in zip(weights, several, strict=True))
            getattr(self.colours, name).copy_(blended)

    def place(self, top: int, left: int) -> None:
        """Say where in the picture its next input is, in pixels: a multiple of `stride`."""
        for module in self.modules():
            if isinstance(module, Noise):
                module.first = top // STRIDE, left // STRIDE

    def norms(self) -> Iterator[InstanceNorm]:
        """Yield the instance norms, first to last."""
        for module in self.modules():
            if isinstance(module, InstanceNorm):
                yield module

    def keep_moments(self, image: Tensor) -> Tensor:
        """Fix every norm's statistics to those of a picture (1, 3, H, W), and return its result."""
        self.forget_moments()
        for norm in self.norms():
            norm.keeps = True
        try:
            result: Tensor = self(image)
        finally:
            for norm in self.norms():
                norm.keeps = False
        return result

    def forget_moments(self) -> None:
        """Use the statistics of each input again."""
        for norm in self.norms():
            norm.moments = None

    def load_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """Load the tensors of a model file.

        Raises: RuntimeError if names or shapes belong to another network.
        """
        self.load_state_dict(dict(tensors), assign=True)


class CompleteNetwork(nn.Module):
    """A network with what is done before and after it, for other programs.

    Photographs are extended by reflection; pictures are cut out and clamped to [0, 1].
    """

    def __init__(self, network: TransformationNetwork) -> None:
        super().__init__()
        self.network = network
        self.least = network.beyond + network.stride  # reflection needs more than it adds
        network.place(-network.beyond, -network.beyond)

    def forward(self, photograph: Tensor) -> Tensor:
        """Return the stylised picture (N, 3, H, W), for H and W of at least `least`."""
        beyond = self.network.beyond
        seen = F.pad(photograph, [beyond] * 4, mode="reflect")
        picture: Tensor = self.network(seen)[..., beyond:-beyond, beyond:-beyond].clamp(0, 1)
        return picture


def _classic(width: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(
        NormalisedConvolution(3, width, 9),
        NormalisedConvolution(width, 2 * width, 3, stride=2),
        NormalisedConvolution(2 * width, 4 * width, 3, stride=2),
        *(ResidualBlock(4 * width) for _ in range(blocks)),
        nn.Upsample(scale_factor=2),
        NormalisedConvolution(4 * width, 2 * width, 3),
        nn.Upsample(scale_factor=2),
        NormalisedConvolution(2 * width, width, 3),
        Convolution(width, 3, 9),
    )


def _light(width: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(
        nn.PixelUnshuffle(STRIDE),
        NormalisedConvolution(3 * STRIDE**2, width, 3),
        *(ResidualBlock(width) for _ in range(blocks)),
        nn.Upsample(scale_factor=2),
        NormalisedConvolution(width, width // 2, 3),
        SubpixelConvolution(width // 2, 3),
    )


def _deep(width: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(
        nn.PixelUnshuffle(STRIDE),
        Noise(),
        NormalisedConvolution(3 * STRIDE**2 + OCTAVES, width, 3),
        Coarser(width, 3 * width // 2, blocks),
        ResidualBlock(width),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        NormalisedConvolution(width, width // 2, 3),
        SubpixelConvolution(width // 2, 3),
    )
