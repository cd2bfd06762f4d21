"""The layers of the image transformation network: norms, convolutions, noise.

Source: Johnson et al. 2016, section 3.1 and its supplement, with the instance norm of Ulyanov et
al. 2016, reflection padding, and resize convolutions instead of transposed ones (Odena et al.
2016), which leave no checkerboard.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "COARSER",
    "OCTAVES",
    "Coarser",
    "Convolution",
    "InstanceNorm",
    "Noise",
    "NormalisedConvolution",
    "ResidualBlock",
    "SubpixelConvolution",
]

EPSILON = 1e-5
# How much coarser the blocks of `Coarser` are than its input.
COARSER = 2
# Side and octaves of the noise, in cells, and how many cells around a place bicubic values need.
NOISE, OCTAVES, AROUND = 128, 4, 2

Moments = tuple[Tensor, Tensor]


class InstanceNorm(nn.Module):
    """Normalises each channel of each sample, then scales and shifts it.

    It uses the statistics of its input, or fixed ones: for a part of a picture, those of the whole.
    """

    def __init__(self, channels: int, epsilon: float = EPSILON) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.moments: Moments | None = None
        self.keeps = False

    def forward(self, x: Tensor) -> Tensor:
        """Return normalised features of the same shape (N, C, H, W)."""
        channels = x.shape[1]
        if self.moments is None and channels > 3 and not (self.keeps or torch.is_grad_enabled()):
            # By far torch's fastest kernel for many channels on a CPU, but its gradient is slow.
            weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
            return F.group_norm(x, channels, weight, bias, self.epsilon)
        mean, variance = _moments(x) if self.moments is None else self.moments
        if self.keeps:
            self.moments = mean, variance
        scale = self.weight * (variance + self.epsilon).rsqrt()
        shift = self.bias - mean * scale
        return torch.addcmul(_spread(shift, x), x, _spread(scale, x))


def _moments(x: Tensor) -> Moments:
    """Return (N, C) mean and variance in float32.

    From the mean of squares: torch's own variance is many times slower for channels_last features.
    """
    rows = x.permute(0, 2, 3, 1).flatten(1, 2)
    mean = rows.mean(dim=1, dtype=torch.float32)
    square = rows.square().mean(dim=1, dtype=torch.float32)
    return mean, (square - mean.square()).clamp_min(0)


def _spread(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like.dtype)[:, :, None, None]


class Convolution(nn.Sequential):
    """A convolution of odd size with reflection padding."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__(
            nn.ReflectionPad2d(size // 2), nn.Conv2d(inputs, outputs, size, stride=stride)
        )


class NormalisedConvolution(nn.Sequential):
    """Convolution, instance norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__(
            Convolution(inputs, outputs, size, stride), InstanceNorm(outputs), nn.ReLU(inplace=True)
        )


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            NormalisedConvolution(channels, channels, 3),
            Convolution(channels, channels, 3),
            InstanceNorm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape (N, C, H, W)."""
        result: Tensor = x + self.change(x)
        return result


class SubpixelConvolution(nn.Module):
    """A convolution to four times as many pixels, then a mean over 2 x 2 pixels.

    This mean is zero for every pattern with a period of two pixels, so no weights can produce a
    checkerboard (Sugawara et al. 2018).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = Convolution(inputs, 4 * outputs, 3)
        _even_out(self.convolution[1])
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, 2 H, 2 W) for features (N, inputs, H, W)."""
        fine = F.pad(self.shuffle(self.convolution(x)), (0, 1, 0, 1), mode="reflect")
        rows = fine[..., :-1, :] + fine[..., 1:, :]  # torch's own pooling is several times slower
        mean: Tensor = (rows[..., :-1] + rows[..., 1:]) / 4
        return mean


class Noise(nn.Module):
    """Adds planes of noise to features, so that plain areas get free strokes, not a pattern.

    Source: the noise of Ulyanov et al. 2016, Texture Networks. Here it is the same for every
    picture, and a part of a picture sees its part of it. In training, its place is random.

    Each octave is half as fine as the one before, and its period twice as long: what is large in a
    picture does not return in it.
    """

    grids: Tensor

    def __init__(self) -> None:
        super().__init__()
        with torch.device("cpu"):  # it is in no file
            grids = torch.stack(
                [_measured(_hashed(octave, NOISE), octave) for octave in range(OCTAVES)]
            )
            self.register_buffer("grids", grids, persistent=False)
        self.first = 0, 0

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C + OCTAVES, H, W) for features (N, C, H, W)."""
        # Numbers stay on the device: a GPU would wait for them.
        period = NOISE << (OCTAVES - 1)
        top, left = torch.randint(period, (2, 1), device=x.device) if self.training else self.first
        planes = []
        for octave, grid in enumerate(self.grids):
            (rows, down), (columns, across) = (
                _cells(first, size, octave, x.device)
                for first, size in zip((top, left), x.shape[-2:], strict=True)
            )
            fine = _enlarge(grid[rows][:, columns].float(), octave)
            planes.append(fine[down][:, across].to(x.dtype))
        return torch.cat([x, torch.stack(planes).expand(len(x), -1, -1, -1)], dim=1)


def _cells(
    first: int | Tensor, size: int, octave: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return the cells of an octave that some positions lie in, and the positions among theirs."""
    step = 2**octave
    count = size // step + 2 + 2 * AROUND
    cells = torch.arange(count, device=device) + first // step - AROUND
    places = torch.arange(size, device=device) + first % step + AROUND * step
    return cells % NOISE, places


def _enlarge(grid: Tensor, octave: int) -> Tensor:
    """Return a grid (H, W) with 2^octave values per cell, each way."""
    if not octave:
        return grid
    return F.interpolate(grid[None, None], scale_factor=2.0**octave, mode="bicubic")[0, 0]


def _measured(grid: Tensor, octave: int) -> Tensor:
    """Return a periodic grid (S, S) whose values, once enlarged, have mean 0 and deviation 1."""
    around = F.pad(grid[None, None], (AROUND,) * 4, mode="circular")[0, 0]
    edge = AROUND << octave
    fine = _enlarge(around, octave)[edge:-edge, edge:-edge]
    deviation, mean = torch.std_mean(fine)
    return (grid - mean) / deviation


def _hashed(octave: int, side: int) -> Tensor:
    """Return (side, side) numbers in [0, 1) that look random, the same in every version of torch.

    Source: PCG hash, Jarzynski and Olano 2020, "Hash Functions for GPU Rendering".
    """
    bits = 2**32 - 1
    number = torch.arange(side * side) + (octave << 16)
    state = (number * 747796405 + 2891336453) & bits
    word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) & bits
    return (((word >> 22) ^ word).double() / 2**32).float().view(side, side)


class Coarser(nn.Sequential):
    """Residual blocks at half the size, whose result is added to their input."""

    def __init__(self, channels: int, inner: int, blocks: int) -> None:
        super().__init__(
            NormalisedConvolution(channels, inner, 3, stride=COARSER),
            *(ResidualBlock(inner) for _ in range(blocks)),
            nn.Upsample(scale_factor=COARSER, mode="bilinear"),
            Convolution(inner, channels, 3),
            InstanceNorm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape (N, C, H, W)."""
        result: Tensor = x + super().forward(x)  # type: ignore[no-untyped-call]
        return result


@torch.no_grad()
def _even_out(convolution: nn.Module) -> None:
    """Initialise the four pixels of a position identically.

    Source: Aitken et al. 2017, ICNR.
    """
    assert isinstance(convolution, nn.Conv2d)
    for tensor in (convolution.weight, convolution.bias):
        assert tensor is not None
        tensor.copy_(tensor[::4].repeat_interleave(4, dim=0))
