"""Divisive normalisation, a smoothing for stylize. Imported at every start, so without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field
from stylize import CommandOption, PresetSpec, Settings, SmoothingSpec, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

STYLIZE_PLUGIN_API = 1


@hookimpl
def stylize_components() -> list[SmoothingSpec | PresetSpec]:
    """Add the smoothing `divisive`, and a preset for the comparison in the README."""
    return [
        SmoothingSpec(
            "divisive",
            factory="stylize_divisive:DivisiveSmoothing",
            settings="stylize_divisive:DivisiveSettings",
            summary="Each activation divided by the energy around it, over all channels",
        ),
        PresetSpec(
            "thin_divisive",
            factory="stylize_divisive:presets/thin_divisive.toml",
            summary="resnet50_thin with divisive normalisation",
        ),
    ]


class DivisiveSettings(Settings):
    """Settings of `divisive`."""

    sigma: Annotated[float, CommandOption("--divisive-sigma")] = Field(
        0.3, gt=0, description="Energy, as a root mean square, at which compression sets in."
    )
    window: int = Field(3, ge=1, description="Side of the neighbourhood, in positions.")


class DivisiveSmoothing:
    """Divide each activation by the root of sigma^2 plus the energy around it.

    The energy is the mean square over all channels and a square window of positions. Channels at
    one position keep their proportions, which tanh and softsign distort.

    Source: Heeger 1992, "Normalization of cell responses in cat striate cortex".
    """

    def __init__(self, settings: DivisiveSettings) -> None:
        self.sigma = settings.sigma
        self.window = settings.window

    def __call__(self, features: Tensor) -> Tensor:
        """Return the smoothed (N, C, H, W) features, of the same shape, dtype and device."""
        import torch.nn.functional as F

        energy = features.square().mean(dim=1, keepdim=True)
        before = (self.window - 1) // 2
        after = self.window - 1 - before
        # Edges repeat, so that windows at a picture's border hold no zeros.
        energy = F.pad(energy, (before, after, before, after), mode="replicate")
        energy = F.avg_pool2d(energy, self.window, stride=1)
        return features / (self.sigma**2 + energy).sqrt()
