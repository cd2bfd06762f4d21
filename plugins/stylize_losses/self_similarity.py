"""Which parts of a picture look alike: its shapes, whatever their colours and strokes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from stylize import LossSpec, Role, Settings, Statistics

if TYPE_CHECKING:
    from torch import Tensor

SPEC = LossSpec(
    "self_similarity",
    factory="stylize_losses.self_similarity:SelfSimilarityLoss",
    settings="stylize_losses.self_similarity:SelfSimilaritySettings",
    summary="Difference in which positions look alike: shapes, not colours",
    role=Role.CONTENT,
    seeded=True,
)

# A mean distance between features below this is rounding: the picture has no shapes.
FLAT = 1e-6


class SelfSimilaritySettings(Settings):
    """Settings of the self-similarity loss."""

    positions: int = Field(
        1024,
        ge=2,
        description="Largest number of a layer's positions to compare with each other. They are "
        "drawn with the run's seed; time and memory grow with the square of their number.",
    )


class SelfSimilarityLoss:
    """Mean absolute difference of self-similarities: distances between a picture's own features.

    The difference of features penalises every stroke. This loss only asks that parts that look
    alike, or different, stay so: a face may change its colours, but not lose its eyes.

    Source: Kolkin et al. 2019 (STROTSS), the content loss. There rows are divided by their sum,
    here by their mean, so that the value does not depend on the number of positions.
    """

    role = Role.CONTENT
    additive = False

    def __init__(self, settings: SelfSimilaritySettings, seed: int) -> None:
        self.positions = settings.positions
        self.seed = seed

    def statistics(self, features: Tensor) -> Statistics:
        """Keep the (N, P, P) cosine distances between P positions of (N, C, H, W), over row means.

        Maps of the same size give the same positions. A flat picture's distances are 0.
        """
        from stylize_losses.positions import drawn_rows, unit

        rows = unit(drawn_rows(features, self.positions, self.seed))
        distances = (1 - rows @ rows.mT).clamp(min=0)
        similarity = distances / distances.mean(dim=2, keepdim=True).clamp(min=FLAT)
        return Statistics({"similarity": similarity}, features.shape[-2] * features.shape[-1])

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        """Return the (N,) distances, 0 to 2, between pictures of the same size."""
        difference = current.values["similarity"] - target.values["similarity"]
        return difference.abs().mean(dim=(1, 2))
