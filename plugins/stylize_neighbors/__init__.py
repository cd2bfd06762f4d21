"""Neural neighbours (Kolkin et al. 2022): a photograph made of the painting's nearest features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stylize import ComponentSpec, MethodSpec, PresetSpec, hookimpl

if TYPE_CHECKING:
    from stylize import Plan, Problem

STYLIZE_PLUGIN_API = 1

# docs/explanation/smoothing.md says what was measured. Softmax needs known gains.
ENLARGED: dict[str, object] = {"options": {"backbone": {"enlarge": 2}}}
USUAL: dict[str, dict[str, object]] = {
    "*": {"backbone": "resnet50_thin"},
    "resnet*": ENLARGED,
    "wide_resnet*": ENLARGED,
    "resnet50_thin": {"smooth": "softmax"},
    # The gradient of maximum pooling leaves a lattice of dots in plain areas, and zero padding
    # makes every edge of the picture match the painting's rim.
    "vgg*": {"options": {"backbone": {"pooling": "average", "padding": "reflect"}}},
}


@hookimpl
def stylize_components() -> list[ComponentSpec]:
    return [
        MethodSpec(
            "neighbors",
            factory="stylize_neighbors.method:Neighbors",
            settings="stylize_neighbors.settings:NeighborsSettings",
            summary="Optimise the picture for the painting's nearest features, in minutes",
            hypercolumns=True,
            usual=USUAL,
        ),
        PresetSpec(
            "neighbors_paper",
            factory="stylize_neighbors:presets/neighbors_paper.toml",
            summary="Kolkin et al. 2022: matches only, 200 steps of Adam at each scale",
        ),
    ]


@hookimpl
def stylize_check(plan: Plan) -> Iterable[Problem]:
    own = plan.method.factory.startswith(f"{__name__}.")  # another plugin's may be called neighbors
    if own and plan.settings.balance != "relative":
        yield plan.error(
            f"--balance {plan.settings.balance} is for the equations of gatys, and neighbors has "
            f"others: add --method gatys, or leave it out"
        )
