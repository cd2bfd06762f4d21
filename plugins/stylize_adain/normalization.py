"""The paper's transform: AdaIN, which gives features the painting's moments (eq. 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from stylize_adain.augmentation import Mixture
from stylize_adain.packing import Packing
from stylize_adain.statistics import Moments, adain, blend_moments, moments_of
from stylize_adain.transform import Piece

__all__ = ["Normalization", "measure_pieces"]

# Number of feature elements processed in float32 at a time: a megabyte stays in a processor's
# cache, and a GPU takes longer to be asked for a small operation than to do it.
BAND, LARGE_BAND = 2**18, 2**26


class Normalization:
    """AdaIN. Its style side is the moments of the painting.

    Args:
        gain_limit: largest factor for a channel's deviation, at alpha 1.
    """

    name = "adain"
    margin = 0
    kept = 256  # a few kilobytes each
    most: int | None = None
    alpha = 1.0
    coarse_to_fine = False

    def __init__(self, packing: Packing, gain_limit: float | None) -> None:
        self.packing = packing
        self.gain_limit = gain_limit

    def measure(self, pieces: Iterable[Piece], size: tuple[int, int]) -> Moments:
        """Return the moments of a painting."""
        del size
        return measure_pieces(pieces, self.packing)

    def blend(self, several: Sequence[Moments], weights: Sequence[float]) -> Moments:
        """Return the weighted means of means and deviations, which blends the results of each."""
        return blend_moments(several, weights)

    def settle(self, style: Moments, look: Callable[[], tuple[Tensor, Moments]]) -> Moments:
        """Return the style side unchanged."""
        del look
        return style

    def apply(
        self,
        features: Tensor,
        content: Moments,
        style: Moments,
        alpha: float,
        *,
        first: tuple[int, int] = (0, 0),
    ) -> Tensor:
        """Return features (1, C, h, w) with the style's moments."""
        del first
        content, style = content.to(features), style.to(features)
        bands = [
            adain(band, content, style, alpha, self.gain_limit).to(features.dtype)
            for band in _bands(features)
        ]
        return torch.cat(bands, dim=2)

    def restyle(self, content: Tensor, styles: Tensor, mixture: Mixture) -> Tensor:
        """Return photographs (N, C, h, w) with the mixed moments of styles, in float32."""
        mean, square = moments_of(styles)
        return adain(
            content,
            self.packing.moments_of(content),
            self.packing.moments(mixture(mean), mixture(square)),
            gain_limit=self.gain_limit,
        )

    def exported(self) -> nn.Module:
        """Return AdaIN by itself."""
        return _Exported(self)


def measure_pieces(pieces: Iterable[Piece], packing: Packing) -> Moments:
    """Return the moments of a picture from the pieces of its features."""
    total = torch.zeros(2, 1, packing.channels, dtype=torch.float64)
    positions = 0
    for piece in pieces:
        count = piece.features.shape[-2] * piece.features.shape[-1]
        total += _raw_moments(piece.features) * count
        positions += count
    return packing.moments(*(total / positions))


def _raw_moments(features: Tensor) -> Tensor:
    """Return mean and mean square of (1, C, h, w), as (2, 1, C), in float64 on the CPU."""
    height = features.shape[-2]
    total = torch.zeros(2, 1, features.shape[1], dtype=torch.float64)
    for band in _bands(features):
        total += torch.stack(moments_of(band)).cpu().double() * (band.shape[-2] / height)
    return total


def _bands(features: Tensor) -> Sequence[Tensor]:
    """Return features (1, C, h, w) in bands of rows."""
    _, channels, _, width = features.shape
    band = BAND if features.device.type == "cpu" else LARGE_BAND
    return torch.split(features, max(1, band // (channels * width)), dim=2)


class _Exported(nn.Module):
    """Blends the features of a photograph with those of a painting, by alpha (eq. 8 and 15)."""

    def __init__(self, transform: Normalization) -> None:
        super().__init__()
        self.packing = transform.packing
        self.gain_limit = transform.gain_limit

    def forward(self, content: Tensor, style: Tensor, alpha: Tensor) -> Tensor:
        own, other = (self.packing.moments_of(features) for features in (content, style))
        full = adain(content, own, other, gain_limit=self.gain_limit)
        return content + alpha * (full - content)
