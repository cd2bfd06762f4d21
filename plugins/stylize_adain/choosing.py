"""From settings to the transform that they name."""

from __future__ import annotations

import torch

from stylize_adain.normalization import Normalization
from stylize_adain.packing import Packing
from stylize_adain.settings import AdainSettings
from stylize_adain.swap import Swap
from stylize_adain.transform import Transform

__all__ = ["create_transform"]


def create_transform(settings: AdainSettings, packing: Packing, dtype: torch.dtype) -> Transform:
    """Return the transform that settings name; `dtype` is for products of matrices."""
    if settings.transfer == "swap":
        return Swap(
            packing, settings.components, settings.coherence, dtype, settings.tone, settings.light
        )
    return Normalization(packing, settings.gain_limit)
