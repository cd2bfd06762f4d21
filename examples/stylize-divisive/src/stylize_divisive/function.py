"""Divisive normalisation: (N, C, H, W) features to the same shape, dtype and device."""

import torch.nn.functional as F
from torch import Tensor

from stylize_divisive.settings import DivisiveSettings


class DivisiveSmoothing:
    """Divide each activation by the root of sigma^2 plus the energy around it.

    The energy is the mean square over all channels and a square window of positions. Channels at
    one position keep their proportions, which tanh and softsign bend.

    Source: Heeger 1992, "Normalization of cell responses in cat striate cortex".
    """

    def __init__(self, settings: DivisiveSettings) -> None:
        self.sigma = settings.sigma
        self.window = settings.window

    def __call__(self, features: Tensor) -> Tensor:
        energy = features.square().mean(dim=1, keepdim=True)
        before = (self.window - 1) // 2
        after = self.window - 1 - before
        # Edges repeat, so that a picture's border is no darker neighbourhood.
        energy = F.pad(energy, (before, after, before, after), mode="replicate")
        energy = F.avg_pool2d(energy, self.window, stride=1)
        return features / (self.sigma**2 + energy).sqrt()
