"""A timm model as a backbone: its feature maps, named after their strides."""

from __future__ import annotations

import bisect
import difflib
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import timm
import torch
import torch.nn.functional as F
from stylize import LayerInfo, Weights
from stylize.errors import SettingsError, UnknownNameError
from torch import Tensor, nn

from stylize_timm.models import DEFAULT, MODELS
from stylize_timm.settings import TimmSettings
from stylize_timm.weights import TimmWeights

# No model of timm needs larger images than this for its deepest feature map.
LARGEST_NEED = 512


class TimmBackbone(nn.Module):
    """Features of a timm model, frozen and in eval mode.

    Layers are named after their strides: `stride2`, `stride4` and so on. If several have one
    stride, they are `stride16_1`, `stride16_2` and so on. Images are normalised by the weights'
    own mean and deviation.

    Raises: SettingsError for a model that takes images of one size only.
    """

    def __init__(self, model: str, weights: Weights) -> None:
        super().__init__()
        with torch.device("meta"):  # only shapes: values would take memory and time
            shapes = _create(model)
            self.multiple = _size_multiple(shapes, model)
            self.layers = _describe_layers(shapes, self.multiple)
        self.network = _create_filled(model, weights)
        for module in self.network.modules():
            # An in-place activation would overwrite its input, a feature map.
            if hasattr(module, "inplace"):
                module.inplace = False
        # Not buffers: bfloat16 would round those together with the weights.
        self.mean, self.std = weights.mean, weights.std
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the requested layers' features of images (N, 3, H, W) in [0, 1]."""
        names = list(self.layers)
        if unknown := set(layers) - self.layers.keys():
            raise UnknownNameError("layer of this timm model", min(unknown), names)
        wanted = [index for index, name in enumerate(names) if name in layers]
        if not wanted:
            return {}
        mean = image.new_tensor(self.mean).view(1, 3, 1, 1)
        std = image.new_tensor(self.std).view(1, 3, 1, 1)
        x = ((image - mean) / std).to(next(self.parameters()).dtype)
        features = _intermediates(self.network, x, self.multiple, wanted)
        return {names[index]: tensor for index, tensor in zip(wanted, features, strict=True)}


def make_any(settings: TimmSettings, weights: Weights) -> TimmBackbone:
    """Make the model that the weights belong to, or else the one that the settings name.

    Raises: SettingsError if the two contradict each other or timm has no such model.
    """
    model = settings.model or DEFAULT
    if isinstance(weights, TimmWeights):
        model = weights.model
        if settings.model not in (None, model):
            raise SettingsError(
                f"timm.model is {settings.model!r}, but the weights are of {model}: "
                f"write --backbone timm.{settings.model}"
            )
    if not timm.is_model(model):
        near = difflib.get_close_matches(model, timm.list_models(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise SettingsError(f"timm.model is {model!r}, which timm {timm.__version__} lacks{hint}")
    return TimmBackbone(model, weights)


def make_model(model: str, _settings: None, weights: Weights) -> TimmBackbone:
    """Make a model that has its own name."""
    return TimmBackbone(model, weights)


def __getattr__(name: str) -> Callable[..., TimmBackbone]:
    """Return the factory of a declared model by its name, such as `convnext_tiny`."""
    if name in MODELS:
        return partial(make_model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _create(model: str) -> Any:
    """Make a model without a classifier; a transformer takes any size, if timm offers that."""
    try:
        network = timm.create_model(model, num_classes=0, dynamic_img_size=True)
    except TypeError:  # the model has no such option
        network = timm.create_model(model, num_classes=0)
    return network.eval()


def _create_filled(model: str, weights: Weights) -> Any:
    """Make a model with its weights; random ones come from timm's own initialisation, seeded."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(weights.seed)
        network = _create(model)
    if weights.tensors is not None:
        weights.load_into(network)
    return network


def _intermediates(network: Any, x: Tensor, multiple: int, indices: Collection[int]) -> Any:
    """Return the feature maps (N, C, H', W') of normalised images; compute nothing deeper."""
    height, width = x.shape[-2:]
    right, below = -width % multiple, -height % multiple
    if right or below:
        x = F.pad(x, (0, right, 0, below), mode="replicate")
    return network.forward_intermediates(
        x, indices=list(indices), stop_early=True, output_fmt="NCHW", intermediates_only=True
    )


def _size_multiple(network: Any, model: str) -> int:
    """Return the number to pad images to a multiple of: 1 if the model takes any size.

    Raises: SettingsError if it takes only its own size.
    """
    deepest = max(info["reduction"] for info in network.feature_info)
    every = range(len(network.feature_info))
    # Sizes with a remainder at every stride, for which feature maps of two scales may disagree.
    height, width = 5 * deepest + 1, 6 * deepest + deepest // 2 + 3
    for multiple in (1, deepest):
        try:
            with torch.no_grad():
                _intermediates(network, torch.empty(1, 3, height, width), multiple, every)
        except (RuntimeError, AssertionError, ValueError):
            continue
        return multiple
    raise SettingsError(
        f"timm model {model} takes images of its own size only: choose one without fixed windows "
        f"or positions, such as a convolutional one"
    )


def _describe_layers(network: Any, multiple: int) -> dict[str, LayerInfo]:
    """Name the feature maps after their strides, and find the least image size for each."""
    infos = network.feature_info
    claims = Counter(info["reduction"] for info in infos)
    seen: Counter[int] = Counter()
    layers: dict[str, LayerInfo] = {}
    least = 1
    for index, info in enumerate(infos):
        stride = info["reduction"]
        seen[stride] += 1
        name = f"stride{stride}" if claims[stride] == 1 else f"stride{stride}_{seen[stride]}"
        least = _least_size(network, multiple, index, least)
        layers[name] = LayerInfo(info["num_chs"], stride, least)
    return layers


def _least_size(network: Any, multiple: int, index: int, least: int) -> int:
    """Return the least height and width for which a feature map has a position.

    Args:
        least: that of the previous feature map; deeper ones need at least as much.
    """

    def is_seen(size: int) -> bool:
        try:
            with torch.no_grad():
                (features,) = _intermediates(
                    network, torch.empty(1, 3, size, size), multiple, [index]
                )
        except (RuntimeError, AssertionError, ValueError):
            return False
        return bool(features.numel())

    if is_seen(least):
        return least
    sizes = range(least + 1, LARGEST_NEED + 1)
    return sizes[bisect.bisect_left(sizes, True, key=is_seen)]
