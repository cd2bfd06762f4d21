"""The interface of transforms: the step between encoder and decoder that applies the style."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from stylize import Tile
from stylize_adain.augmentation import Mixture
from stylize_adain.statistics import Moments

__all__ = ["Piece", "Transform"]


@dataclass(frozen=True)
class Piece:
    """Packed features (1, C, h, w) of a part of a picture, and its place, in positions."""

    features: Tensor
    place: Tile


class Transform(Protocol):
    """X of T = g((1 - alpha) f(c) + alpha X(f(c), f(s))), for packed features.

    A style side is the data that it keeps of a painting, of a type of its own.

    Args:
        name: name in the setting and in exported files.
        margin: distance in positions over which a result depends on other positions, besides the
            content's moments.
        kept: number of style sides that are worth keeping in memory.
        most: largest number of positions of a painting; None for any number.
        alpha: alpha at strength 1.
        coarse_to_fine: whether strokes have the size of positions, so that a picture is made from
            a coarse size to the full one.
    """

    name: str
    margin: int
    kept: int
    most: int | None
    alpha: float
    coarse_to_fine: bool

    def measure(self, pieces: Iterable[Piece], size: tuple[int, int]) -> Any:
        """Return the style side of a painting from its pieces, which can be read once.

        Args: size: height and width, in positions.
        """

    def blend(self, several: Sequence[Any], weights: Sequence[float]) -> Any:
        """Return the style side of several paintings; weights need not sum to one."""

    def settle(self, style: Any, look: Callable[[], tuple[Tensor, Moments]]) -> Any:
        """Return a style side adapted to a whole photograph.

        Args:
            look: returns packed features (1, C, h, w) of a small copy, and their moments.
        """

    def apply(
        self,
        features: Tensor,
        content: Moments,
        style: Any,
        alpha: float,
        *,
        first: tuple[int, int] = (0, 0),
    ) -> Tensor:
        """Return the restyled features (1, C, h, w) of a photograph, or of a part of it.

        Args:
            content: moments of the whole photograph.
            alpha: share of the style in a blend of features (eq. 15).
            first: row and column of the first position in the whole photograph.
        """

    def restyle(self, content: Tensor, styles: Tensor, mixture: Mixture) -> Tensor:
        """Return features (N, C, h, w) of whole photographs in training, each with its own style.

        Args:
            styles: features (N, C, h, w) of the paintings.
            mixture: the styles to mix.
        """

    def exported(self) -> nn.Module:
        """Return a module that blends features of photograph and painting by alpha (1,)."""
