"""Settings of the neighbors method, and the meaning of `--quality` for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from stylize import CommandOption, DescentSettings, Quality, Schedule

if TYPE_CHECKING:
    from torch import Tensor

# Least shorter side of the coarsest picture: below it a photograph's subject is lost.
COARSEST = 32
# Evaluations at each coarser size, and at the full one.
WORK: dict[Quality, tuple[int, int]] = {"draft": (40, 10), "good": (50, 60), "best": (150, 200)}


def usual_schedule(quality: Quality, side: int) -> Schedule:
    """Return sizes that double up to the picture's, from as coarse as its shorter side allows."""
    coarse, full = WORK[quality]
    halvings = max(0, (side // COARSEST).bit_length() - 1)
    scales = tuple(0.5**halving for halving in range(halvings, -1, -1))
    return Schedule(scales, (*[coarse] * halvings, full) if halvings else (coarse,))


class NeighborsSettings(DescentSettings):
    """Settings of the neighbors method."""

    stroke_size: Annotated[float, CommandOption("--stroke-size")] = Field(
        1.0,
        ge=0.125,
        le=4,
        description="Size of the strokes relative to the trained model's; without a model, "
        "relative to the painting's.",
    )
    grid: int = Field(
        4,
        ge=1,
        le=64,
        description="Pixels per match, in each direction; time and memory of matches fall with its "
        "square.",
    )
    photograph_share: float = Field(
        0.65,
        ge=0,
        le=1,
        description="Share of the photograph in the features that are matched; the rest is the "
        "picture so far. Smaller values move away from the photograph earlier. A strength over 1 "
        "lowers it, to 0 at 2.",
    )
    rotations: int = Field(
        4,
        ge=1,
        le=4,
        description="Quarter turns of the painting to search; 1 is the painting as it is.",
    )
    turn_cost: float = Field(
        0.05,
        ge=0,
        description="How much nearer a turned or mirrored match must be, in cosine: strokes keep "
        "the painting's directions if it has suitable ones. 0 takes any turn, as the authors do.",
    )
    flips: bool = Field(False, description="Search the painting's mirror images too.")
    components: int = Field(
        192, ge=1, description="Number of principal components of the features to search."
    )
    coherence: float = Field(
        0.15,
        ge=0,
        description="Bonus of a match, in cosine, if all its neighbours continue it, which keeps "
        "strokes whole. 0 takes the nearest features, with the grain that they leave.",
    )
    statistics: float = Field(
        0.6,
        ge=0,
        description="Weight of the style loss (--style-loss) relative to the matches. It brings in "
        "the painting's palette and large shapes. 0 is the authors' method.",
    )
    content: float = Field(
        0.1,
        ge=0,
        description="Weight of the content loss (--content-loss) relative to the matches. It keeps "
        "faces and shapes whole. 0 is the authors' method; self_similarity may weigh 1 or more.",
    )

    def turn(self, image: Tensor) -> list[Tensor]:
        """Return an image (1, 3, H, W) in all turns to search, the image itself first."""
        mirrored = [image, image.flip(-1)] if self.flips else [image]
        return [
            each.rot90(quarter, (-2, -1)) for each in mirrored for quarter in range(self.rotations)
        ]
