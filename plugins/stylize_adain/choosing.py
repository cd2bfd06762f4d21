"""The choice of the transform."""

from __future__ import annotations

import torch

from stylize_adain.normalization import Normalization
from stylize_adain.packing import Packing
from stylize_adain.searching import Search
from stylize_adain.settings import AdainSettings
from stylize_adain.swap import Swap
from stylize_adain.transform import Transform

__all__ = ["create_transform"]


def create_transform(settings: AdainSettings, packing: Packing, dtype: torch.dtype) -> Transform:
    """Return the transform named by the settings; `dtype` is for matrix products."""
    if settings.transfer == "swap":
        search = Search(
            packing,
            settings.components,
            settings.coherence,
            dtype,
            tone=settings.tone,
            hue=settings.hue,
        )
        return Swap(search, light=settings.light, guide=settings.guide, detail=settings.detail)
    return Normalization(packing, settings.gain_limit)
