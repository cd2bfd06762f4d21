"""VGG with torchvision's parameter names, cut at the deepest requested layer.

Built from torch alone: importing torchvision takes longer than a fast method takes for a picture.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from stylize import LayerInfo, Weights
from stylize.errors import UnknownNameError
from stylize_vgg.mirrored import convolve_mirrored
from stylize_vgg.settings import Padding, VGGSettings

# For an image with more pixels than this, the activations of the first blocks are recomputed for
# the gradient instead of being stored: they take three quarters of the memory.
LEAN_PIXELS = 2**19
LEAN_BLOCKS = 2
# The convolutions of each block, and their channels (Simonyan and Zisserman 2014, table 1).
VGG16 = (2, 2, 3, 3, 3)
VGG19 = (2, 2, 4, 4, 4)
CHANNELS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """Features of a VGG: `conv1_1 ... conv5_4` before the ReLU, `relu1_1 ... relu5_4` after it.

    Frozen and in eval mode. Normalises images by the mean and deviation of the weights.
    """

    def __init__(self, blocks: Sequence[int], settings: VGGSettings, weights: Weights) -> None:
        super().__init__()
        features = empty_features(blocks)
        weights.load_into(nn.ModuleDict({"features": features}))
        self.steps, self.layers = _name_layers(features, settings.padding)
        self.pool = F.max_pool2d if settings.pooling == "max" else F.avg_pool2d
        # Not buffers, which would be rounded along with the weights in bfloat16.
        self.mean, self.std = (
            torch.tensor(each).view(1, 3, 1, 1) for each in (weights.mean, weights.std)
        )
        self.eval().requires_grad_(False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move the normalisation with the network, so that no call has to wait for it on a GPU."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        device = next(self.parameters()).device
        self.mean, self.std = self.mean.to(device), self.std.to(device)
        return self

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the features of images (N, 3, H, W) in [0, 1] at the requested layers."""
        wanted = set(layers)
        if unknown := wanted - self.layers.keys():
            raise UnknownNameError("layer of this VGG", min(unknown), self.layers)
        mean, std = self.mean.to(image.dtype), self.std.to(image.dtype)
        x = ((image - mean) / std).to(next(self.parameters()).dtype)
        x = x.contiguous(memory_format=torch.channels_last)
        large = torch.is_grad_enabled() and image.shape[-2] * image.shape[-1] > LEAN_PIXELS
        features: dict[str, Tensor] = {}
        for number, block in enumerate(self._blocks(wanted), start=1):
            # If all activations are requested, they are stored anyway.
            kept = wanted.issuperset(step for step in block if step.startswith("relu"))
            if large and number <= LEAN_BLOCKS and not kept:
                x, found = checkpoint(
                    self._run, block, x, wanted, use_reentrant=False, preserve_rng_state=False
                )
            else:
                x, found = self._run(block, x, wanted)
            features |= found
        return features

    def _blocks(self, wanted: Collection[str]) -> list[list[str]]:
        """Return the steps to the deepest wanted layer, block by block."""
        steps = list(self.steps)
        deepest = max((steps.index(layer) for layer in wanted), default=-1)
        reached = steps[: deepest + 1]
        return [list(block) for _, block in itertools.groupby(reached, key=_block_number)]

    def _run(
        self, block: Sequence[str], x: Tensor, wanted: Collection[str]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run some steps; return their output and the wanted features among them."""
        features: dict[str, Tensor] = {}
        previous = ""
        for name in block:
            step = self.steps[name]
            if isinstance(step, nn.MaxPool2d):
                x = self.pool(x, 2)
            elif isinstance(step, nn.ReLU):
                # In place saves memory, but would overwrite a requested convolution.
                x = F.relu(x, inplace=previous not in wanted)
            elif isinstance(step, nn.Conv2d) and step.padding_mode == "reflect" and x.requires_grad:
                x = convolve_mirrored(x, step.weight, step.bias)
            else:
                x = step(x)
            if name in wanted:
                features[name] = x
            previous = name
        return x, features


def empty_features(blocks: Sequence[int]) -> nn.Sequential:
    """Return torchvision's `features` on the meta device: parameters without values.

    Args:
        blocks: the number of convolutions in each block.
    """
    steps: list[nn.Module] = []
    channels = 3
    for count, width in zip(blocks, CHANNELS, strict=True):
        for _ in range(count):
            steps += [nn.Conv2d(channels, width, 3, padding=1, device="meta"), nn.ReLU()]
            channels = width
        steps.append(nn.MaxPool2d(2))
    return nn.Sequential(*steps)


def _block_number(step: str) -> str:
    return step.removeprefix("conv").removeprefix("relu").removeprefix("pool")[0]


def _name_layers(
    features: Iterable[nn.Module], padding: Padding
) -> tuple[nn.ModuleDict, dict[str, LayerInfo]]:
    """Name the steps of torchvision's `features` in order, set padding and describe the layers."""
    steps = nn.ModuleDict()
    layers: dict[str, LayerInfo] = {}
    block, index, channels = 1, 0, 0
    for step in features:
        stride = 2 ** (block - 1)
        if isinstance(step, nn.MaxPool2d):
            steps[f"pool{block}"] = step
            block, index = block + 1, 0
            continue
        if isinstance(step, nn.Conv2d):
            index, channels = index + 1, step.out_channels
            name = f"conv{block}_{index}"
            if padding == "reflect" or name == "conv1_1":
                step.padding_mode = padding
        else:
            name = f"relu{block}_{index}"
        steps[name] = step
        # Reflection needs two positions.
        layers[name] = LayerInfo(channels, stride, stride * (1 + (padding == "reflect")))
    return steps, layers


def vgg16(settings: VGGSettings, weights: Weights) -> VGG:
    """Make a VGG-16."""
    return VGG(VGG16, settings, weights)


def vgg19(settings: VGGSettings, weights: Weights) -> VGG:
    """Make a VGG-19."""
    return VGG(VGG19, settings, weights)
