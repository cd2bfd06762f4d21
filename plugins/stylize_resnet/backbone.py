"""torchvision's ResNets, cut at the deepest requested layer, and a thin one built likewise."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from itertools import pairwise
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.utils.checkpoint import checkpoint
from torchvision import models
from torchvision.models.resnet import Bottleneck

from stylize import LayerInfo, Weights
from stylize.errors import UnknownNameError
from stylize_resnet.settings import ResNetSettings

# If the network sees more pixels than this, the activations inside the stem and inside the blocks
# of the first two stages are computed again for the gradient instead of being stored.
LARGE = 1_500_000
LEAN_STAGES = ("conv1", "layer1", "layer2")


class ResNet(nn.Module):
    """Features of a ResNet: `conv1` (normalised, after the ReLU), then each block: `layer1.0` ...

    Frozen and in eval mode, with the batch norms folded into the convolutions: the same result in
    less time and half the memory. Normalises images by the mean and deviation of the weights.

    If the picture is enlarged twofold (`enlarge`), the stride of each layer is halved.
    """

    def __init__(
        self, make: Callable[[], models.ResNet], settings: ResNetSettings, weights: Weights
    ) -> None:
        super().__init__()
        with torch.device("meta"):  # the weights are replaced: spend no memory or time
            network = make()
            network.fc = nn.Identity()
        weights.load_into(network)
        _fold_batch_norms(network.eval())
        if weights.tensors is None:
            _damp_residuals(network)
        self.enlarge = settings.enlarge
        steps, self.layers = _name_layers(network, self.enlarge)
        self.steps = nn.ModuleList(steps)
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
            raise UnknownNameError("layer of this ResNet", min(unknown), self.layers)
        mean, std = self.mean.to(image.dtype), self.std.to(image.dtype)
        x = ((image - mean) / std).to(next(self.parameters()).dtype)
        if self.enlarge > 1:
            x = F.interpolate(x, scale_factor=self.enlarge, mode="bilinear")
        x = x.contiguous(memory_format=torch.channels_last)
        large = x.requires_grad and x.shape[-2] * x.shape[-1] > LARGE
        features: dict[str, Tensor] = {}
        for name, step in zip(self.layers, self.steps, strict=True):
            if len(features) == len(wanted):
                break
            # torchvision's in-place ReLUs are safe: each overwrites only its own step's output.
            if large and name.startswith(LEAN_STAGES):
                x = checkpoint(step, x, use_reentrant=False, preserve_rng_state=False)
            else:
                x = step(x)
            if name in wanted:
                features[name] = x
        return features


class HalfBottleneck(Bottleneck):  # type: ignore[misc]  # torchvision has no types
    """A bottleneck with an expansion of two, which halves torchvision's widths."""

    expansion = 2


def _make_thin() -> models.ResNet:
    """Build the ResNet-50 v1 of open_nsfw, whose tensors have the batch norms folded in.

    Structure: the header of its file. It differs from torchvision's ResNet-50 by half the
    filters, the stride on the first 1x1 convolution of a stage, biases instead of batch norms, and
    Caffe's pooling.
    """
    network = models.ResNet(
        HalfBottleneck, [3, 4, 6, 3], width_per_group=32, norm_layer=nn.Identity
    )
    network.maxpool = nn.MaxPool2d(3, 2, padding=0, ceil_mode=True)
    for block in network.modules():
        if isinstance(block, HalfBottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
            if block.downsample is not None:
                block.downsample = block.downsample[0]
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.bias = nn.Parameter(torch.empty(layer.out_channels))
    return network


def _fold_batch_norms(network: nn.Module) -> None:
    """Fold every batch norm that follows a convolution into it."""
    for module in list(network.modules()):
        for (conv_name, conv), (norm_name, norm) in pairwise(list(module.named_children())):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
                setattr(module, norm_name, nn.Identity())


def _damp_residuals(network: models.ResNet) -> None:
    """Divide each random residual branch by the square root of the number of blocks in its stage.

    Batch norms that have seen no data leave the branches as they are, and the sums of
    resnet152 would grow to 1e8, beyond float32 in the square of a Gram matrix.
    """
    with torch.no_grad():
        for stage in _stages(network):
            for block in stage:
                last: Any = block.conv3 if isinstance(block, Bottleneck) else block.conv2
                last.weight /= len(stage) ** 0.5


def _name_layers(
    network: models.ResNet, enlarge: int
) -> tuple[list[nn.Module], dict[str, LayerInfo]]:
    """Return the steps from layer to layer, and the layers' descriptions in the same order.

    Args:
        enlarge: factor by which the picture is enlarged for the network.
    """
    stem, pool = network.conv1, network.maxpool
    steps: list[nn.Module] = [nn.Sequential(stem, network.bn1, network.relu)]
    layers = {"conv1": LayerInfo(stem.out_channels, 2 // enlarge, 1)}
    # An unpadded pooling needs two positions of the stem, which has one for every two pixels.
    least = 1 if pool.padding else 2 // enlarge + 1
    for number, stage in enumerate(_stages(network), 1):
        stride = 2 ** (number + 1) // enlarge
        for index, block in enumerate(stage):
            first = number == 1 and index == 0
            steps.append(nn.Sequential(pool, block) if first else block)
            channels = 64 * 2 ** (number - 1) * block.expansion
            layers[f"layer{number}.{index}"] = LayerInfo(channels, stride, least)
    return steps, layers


def _stages(network: models.ResNet) -> tuple[nn.Sequential, ...]:
    return network.layer1, network.layer2, network.layer3, network.layer4


resnet18 = partial(ResNet, models.resnet18)
resnet34 = partial(ResNet, models.resnet34)
resnet50 = partial(ResNet, models.resnet50)
resnet50_thin = partial(ResNet, _make_thin)
resnet101 = partial(ResNet, models.resnet101)
resnet152 = partial(ResNet, models.resnet152)
wide_resnet50_2 = partial(ResNet, models.wide_resnet50_2)
