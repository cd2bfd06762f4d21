"""Neural neighbours (Kolkin et al. 2022): the photograph, of the painting's nearest features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stylize import ComponentSpec, MethodSpec, PresetSpec, hookimpl

if TYPE_CHECKING:
    from stylize import Plan, Problem

STYLIZE_PLUGIN_API = 1


@hookimpl
def stylize_components() -> list[ComponentSpec]:
    return [
        MethodSpec(
            "neighbors",
            factory="stylize_neighbors.method:Neighbors",
            settings="stylize_neighbors.settings:NeighborsSettings",
            summary="Make the picture of the painting's nearest features: painted, minutes",
            hypercolumns=True,
            # The slope of maximum pooling leaves a lattice of dots in plain areas.
            usual={"vgg*": {"options": {"backbone": {"pooling": "average"}}}},
        ),
        PresetSpec(
            "neighbors_paper",
            factory="stylize_neighbors:presets/neighbors_paper.toml",
            summary="Kolkin et al. 2022: matches alone, 200 steps of Adam at each scale",
        ),
    ]


@hookimpl
def stylize_check(plan: Plan) -> Iterable[Problem]:
    if plan.method.name == "neighbors" and plan.settings.balance != "relative":
        yield plan.error(
            f"--balance {plan.settings.balance} is for the equations of gatys, and neighbors has "
            f"others: add --method gatys, or leave it out"
        )
