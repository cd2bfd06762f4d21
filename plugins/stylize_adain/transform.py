"""What takes the painting's look over, between encoder and decoder: one interface for all of it."""

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
    """Packed features (1, C, h, w) of a part of a picture, and where they lie, in positions."""

    features: Tensor
    place: Tile


class Transform(Protocol):
    """X of T = g((1 - alpha) f(c) + alpha X(f(c), f(s))), for packed features.

    A style side is what it keeps of a painting, of a type of its own.

    Args:
        name: as the setting and exported files say.
        margin: positions around one that its result depends on, besides the content's moments.
        kept: style sides that are worth their memory.
        most: positions of a painting, at most; None for any number.
        alpha: of strength 1.
        coarse_to_fine: whether strokes have the size of positions, so that a picture is made from a
            coarse size to the full one.
    """

    name: str
    margin: int
    kept: int
    most: int | None
    alpha: float
    coarse_to_fine: bool

    def measure(self, pieces: Iterable[Piece], size: tuple[int, int]) -> Any:
        """Return the style side of a painting that comes in pieces, once over.

        Args: size: height and width, in positions.
        """

    def blend(self, several: Sequence[Any], weights: Sequence[float]) -> Any:
        """Return the style side of several paintings; weights need not sum to one."""

    def settle(self, style: Any, look: Callable[[], tuple[Tensor, Moments]]) -> Any:
        """Return a style side with what it has to know of a whole photograph.

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
        """Return features (1, C, h, w) of a photograph, or of a part of it, restyled.

        Args:
            content: moments of the whole photograph.
            alpha: share of the style in a blend of features (eq. 15).
            first: row and column of the first position in the whole photograph.
        """

    def restyle(self, content: Tensor, styles: Tensor, mixture: Mixture) -> Tensor:
        """Return features (N, C, h, w) of whole photographs, each with its own style, in training.

        Args:
            styles: (N, C, h, w).
            mixture: which of the styles are mixed.
        """

    def exported(self) -> nn.Module:
        """Return a module of features of photograph and painting, and alpha (1,), to the blend."""
