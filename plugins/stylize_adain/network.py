"""The decoder: an encoder's layers in reverse, from features back to a picture.

Source: Huang and Belongie 2017, section 6: the mirrored encoder, upsampling instead of pooling,
reflection padding, no normalisation layers. The mirror is built from the layers that a backbone
declares, so it fits a ResNet as well.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylize import Features, LayerInfo, expand_layers
from stylize.errors import ModelError, UsageError
from stylize_adain.packing import Packing
from stylize_adain.settings import AdainSettings

__all__ = ["LEAST", "Decoder", "buildable_layers", "choose_layer"]

DEFAULT_LAYER = "relu4_1"
# Pixels per position beyond which a picture loses its lines: the stride of relu4_1.
FINE = 8
# Largest number of equal layers that are mirrored, and of their channels: VGG-19 has no more,
# ResNet-152 has 36 layers of 1024 channels.
REPEATS = 4
WIDEST = 512
# Positions that reflection needs in each direction.
LEAST = 2


class Decoder(nn.Module):
    """Turns packed features (N, C, H, W) of an encoder into pictures (N, 3, stride H, stride W).

    A finer layer joins as soon as the decoder has reached its size: a 1 x 1 convolution, the
    cheapest possible map, of its features is added. If the features include colours, these become
    the mean colours of the picture at each position, and the layers add lines and strokes.

    Args:
        layers: layers of the backbone, shallow to deep.
        layer: the encoder's last layer.
        settings: the width and the way of enlarging.

    Raises: UsageError if it cannot be built with the strides of the layers.
    """

    exponent: Tensor
    skip_exponents: Tensor

    def __init__(
        self, layers: Mapping[str, LayerInfo], layer: str, settings: AdainSettings
    ) -> None:
        super().__init__()
        self.stride = layers[layer].stride
        self.packing = Packing(layers, layer, settings.skips, colors=settings.transfer == "swap")
        self.gain_limit = settings.gain_limit
        self.layers = nn.Sequential(*_mirror(layers, layer, settings))
        # The indices in `layers` after which finer layers join.
        self.joints = self._joints()
        self.skips = nn.ModuleList(
            nn.Conv2d(part.channels, self._channels_after(joint), 1)
            for joint, part in zip(self.joints, self.packing.parts[1:], strict=True)
        )
        # Features are multiplied by two to this power, which makes them about 1 for any backbone.
        # An integer, as float16 would round it.
        self.register_buffer("exponent", torch.zeros((), dtype=torch.int64))
        if self.skips:
            self.register_buffer("skip_exponents", torch.zeros(len(self.skips), dtype=torch.int64))
        # On the meta device there is nothing to fill, and torch would import its compiler, which
        # takes as long as importing torch itself.
        if not self.exponent.is_meta:
            self._initialise()

    def forward(self, features: Tensor) -> Tensor:
        """Return the pictures, roughly in [0, 1], not clamped."""
        deepest, *finer = self.packing.unpack(features)
        x = self._scaled(deepest, self.exponent)
        joining = dict(zip(self.joints, zip(self.skips, finer, strict=True), strict=True))
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if number in joining:
                skip, found = joining[number]
                exponent = self.skip_exponents[self.joints.index(number)]
                x = x + skip(self._scaled(found, exponent))
        if not self.packing.colors:
            return x
        missing = self.packing.colors_of(features).to(x.dtype) - F.avg_pool2d(x, self.stride)
        return x + F.interpolate(missing, scale_factor=self.stride, mode="bilinear")

    def _scaled(self, features: Tensor, exponent: Tensor) -> Tensor:
        scaled = features * torch.exp2(exponent.to(features.dtype))
        scaled = scaled.contiguous(memory_format=torch.channels_last)
        return scaled.to(next(self.layers.parameters()).dtype)

    def _joints(self) -> list[int]:
        """Return the layers after which the decoder has reached the stride of each skip.

        Raises: UsageError if it never does.
        """
        reached, stride = {}, self.stride
        for number, layer in enumerate(self.layers):
            if isinstance(layer, nn.Upsample):
                stride //= int(layer.scale_factor)  # type: ignore[arg-type]
                reached[stride] = number
        for name, wanted in zip(self.packing.names[1:], self.packing.strides, strict=True):
            if wanted not in reached:
                raise UsageError(
                    f"adain.skips {name}: the decoder never reaches its {wanted} pixels per "
                    f"position: leave it out"
                )
        return [reached[wanted] for wanted in self.packing.strides]

    def _channels_after(self, joint: int) -> int:
        *_, last = (m for m in self.layers[:joint] if isinstance(m, nn.Conv2d))
        return last.out_channels

    def fit_scale(self, features: Tensor) -> None:
        """Fit the scale of features to packed features of some picture."""
        sizes = torch.stack(
            [
                each.float().square().mean().sqrt().clamp_min(1e-30)
                for each in self.packing.unpack(features)
            ]
        )
        exponents = -sizes.log2().round()
        self.exponent.copy_(exponents[0])
        if self.skips:
            self.skip_exponents.copy_(exponents[1:])

    def load_tensors(self, tensors: Mapping[str, Tensor], name: str) -> None:
        """Load the tensors of a model file.

        Raises: ModelError, with the model's name, if they belong to another network.
        """
        try:
            self.load_state_dict(dict(tensors), assign=True)
        except RuntimeError as error:
            raise ModelError(
                f"model {name}: its tensors do not fit the network in its header "
                f"({str(error).splitlines()[-1].strip()}): get it again"
            ) from error

    @torch.no_grad()
    def _initialise(self) -> None:
        """Keep the size of features from layer to layer; start from grey pictures."""
        convolutions = [m for m in self.modules() if isinstance(m, nn.Conv2d)]
        for convolution in convolutions:
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            assert convolution.bias is not None
            convolution.bias.zero_()
        last = self.layers[-1]
        assert isinstance(last, nn.Conv2d)
        last.weight.mul_(0.1)
        assert last.bias is not None
        last.bias.fill_(0.5)


def choose_layer(wanted: str, features: Features, style_layers: Collection[str]) -> str:
    """Return the encoder's last layer.

    Args:
        wanted: the user's choice, or "auto".
        style_layers: the layers of the style loss, which include the default of most backbones.

    Raises: UnknownNameError; UsageError if no decoder can be built for the layer, with a list of
        the possible layers.
    """
    layers = features.layers
    buildable = buildable_layers(layers)
    if wanted != "auto":
        expand_layers([wanted], layers, features.name)
        if wanted in buildable:
            return wanted
        raise UsageError(
            f"no decoder can be built for layer {wanted} of {features.name}: choose one of "
            f"{', '.join(buildable) or 'another backbone'}"
        )
    if DEFAULT_LAYER in buildable:
        return DEFAULT_LAYER
    fine = [layer for layer in buildable if layers[layer].stride <= FINE]
    chosen = [layer for layer in fine if layer in style_layers] or fine or buildable
    if not chosen:
        raise UsageError(
            f"no decoder can be built for any layer of {features.name}: choose another backbone"
        )
    return chosen[-1]


def buildable_layers(layers: Mapping[str, LayerInfo]) -> list[str]:
    """Return the layers up to which every stride is a multiple of the previous one."""
    listed: list[str] = []
    before = 1
    for name, info in layers.items():
        if info.stride % before:
            break
        listed.append(name)
        before = info.stride
    return listed


def _mirror(
    layers: Mapping[str, LayerInfo], layer: str, settings: AdainSettings
) -> list[nn.Module]:
    """Return the steps of the decoder, deep to shallow."""
    steps: list[nn.Module] = []
    channels = layers[layer].channels
    for (_, stride), (width, finer) in pairwise(_positions(layers, layer)):
        narrowed = max(8, round(settings.width * min(width, WIDEST) / 8) * 8)
        steps += [_convolution(channels, narrowed), nn.ReLU(inplace=True)]
        if stride > finer:
            steps.append(nn.Upsample(scale_factor=stride // finer, mode=settings.enlarge))
        channels = narrowed
    return [*steps, _convolution(channels, 3)]


def _positions(layers: Mapping[str, LayerInfo], layer: str) -> Sequence[tuple[int, int]]:
    """Return the channels and stride of each step of the encoder, deep to shallow.

    Layers with the same number, such as conv1_1 and relu1_1, are one step. If the first step is
    coarser than the picture, as in a ResNet, finer ones with half the channels precede it.
    """
    found: dict[tuple[str, int, int], None] = {}
    for name, info in layers.items():
        found.setdefault((re.sub("^[a-z]+", "", name), info.channels, info.stride))
        if name == layer:
            break
    first_channels, first_stride = next(iter(found))[1:]
    steps = [(first_channels // 2, 1)] * 2 if first_stride > 1 else []
    repeated: Counter[tuple[int, int]] = Counter()
    for _, channels, stride in found:
        repeated[channels, stride] += 1
        if repeated[channels, stride] <= REPEATS:
            steps.append((channels, stride))
    return steps[::-1]


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")
