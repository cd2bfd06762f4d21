"""What the bench holds fixed, so that the numbers of two authors can be compared. No torch.

Any change here changes the numbers: raise `VERSION` with it, and folders of earlier versions are
rejected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stylize import Kind

__all__ = [
    "FULL",
    "MARGIN",
    "PAIRS",
    "QUICK",
    "SUBJECTS",
    "VERSION",
    "WINDOWS",
    "Extent",
    "Pair",
    "Subject",
]

VERSION = 1

# The pictures are wider and higher than a window by this many pixels.
MARGIN = 32

# The origin of each seed's window, (left, top). A method without randomness makes the same picture
# for all seeds. When the pictures move, its numbers show how much they depend on where strides and
# edges happen to fall.
WINDOWS: Mapping[int, tuple[int, int]] = {0: (16, 16), 1: (3, 29), 2: (29, 3)}


@dataclass(frozen=True)
class Pair:
    """A photograph and a painting of the bench: the unit of its statistics.

    No two pairs share a picture, so that they count as independent.
    """

    content: str
    style: str

    @property
    def name(self) -> str:
        """The name of the pair in results."""
        return f"{self.content}, {self.style}"


PAIRS = (
    Pair("astronaut", "composition_vii"),  # a face; no figures, all gestures
    Pair("chelsea", "water_lilies"),  # fur; soft dabs
    Pair("china", "starry_night"),  # lines and a plain sky; long strokes
    Pair("coffee", "great_wave"),  # round, warm; flat areas with outlines
    Pair("flower", "signac"),  # one bright thing before a dark ground; points
    Pair("rocket", "shipwreck"),  # dusk, thin lines; tones without edges
)


@dataclass(frozen=True)
class Extent:
    """The amount of work in a bench.

    Args:
        size, judge_size: longer side in pixels at which pictures are made and judged.
        iterations: evaluations of gatys, all at full size; other methods work at quality draft.
        strengths: of optimising methods, wide enough that most fronts overlap.
        shares: the strengths of methods that blend towards the painting, which end at 2.
        seeds: each selects a window (see `WINDOWS`), and is the run's seed.
        pairs: the units of the statistics.
    """

    name: str
    size: int
    judge_size: int
    iterations: int
    strengths: tuple[float, ...]
    shares: tuple[float, ...]
    seeds: tuple[int, ...]
    pairs: tuple[Pair, ...] = PAIRS

    def settings(self, method: str) -> dict[str, str]:
        """Return the run settings that the bench fixes, as text by name."""
        return {
            "method": method,
            "size": str(self.size),
            "quality": "draft",
            # `auto` would depend on the machine.
            "precision": "float32",
        }

    def assignments(self, method: str) -> list[str]:
        """Return the settings of parts that the bench fixes, as `--set` takes them."""
        if method != "gatys":
            return []
        return ["gatys.scales=1", f"gatys.iterations={self.iterations}"]

    def strengths_of(self, method: str) -> tuple[float, ...]:
        """Return the strengths at which a method runs."""
        return self.shares if method == "neighbors" else self.strengths


FULL = Extent("full", 256, 256, 40, (1, 5, 25, 125), (0.5, 1, 1.5, 2), (0, 1, 2))
QUICK = Extent("quick", 128, 128, 30, (1, 10, 100), (0.5, 1.25, 2), (0,))


@dataclass(frozen=True)
class Subject:
    """A kind of part that is compared.

    Args:
        name: of the sub-command.
        setting: the run setting that names such a part.
        reference: the part that the others are compared with.
    """

    name: str
    kind: Kind
    setting: str
    reference: str


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject("smoothing", Kind.SMOOTHING, "smooth", "none"),
        Subject("backbone", Kind.BACKBONE, "backbone", "vgg16"),
        Subject("loss", Kind.LOSS, "style_loss", "gram"),
    )
}
