"""The built-in smoothings: none, softmax, tanh, softsign and scale (section 5 of the paper).

Each module holds one smoothing: its spec, its settings and its function, which maps (N, C, H, W)
features to features of the same shape, dtype and device.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stylize import SmoothingSpec, hookimpl
from stylize_smoothings import none, scale, softmax, softsign, tanh

if TYPE_CHECKING:
    from stylize import Plan, Problem

STYLIZE_PLUGIN_API = 1


@hookimpl
def stylize_components() -> list[SmoothingSpec]:
    return [none.SPEC, softmax.SPEC, tanh.SPEC, softsign.SPEC, scale.SPEC]


@hookimpl
def stylize_check(plan: Plan) -> Iterable[Problem]:
    if plan.smoothing.name == "scale" and plan.settings.balance == "relative":
        yield plan.warning(
            "--smooth scale changes nothing with --balance relative, which divides out the scale "
            "of each layer: use another smoothing, or --method gatys --balance paper"
        )
    yield from _check_gains(plan)


def _check_gains(plan: Plan) -> Iterable[Problem]:
    """Warn if a smoothing acts on features whose scale was never measured."""
    if plan.smoothing.name == "none" or plan.settings.gains == "one" or plan.model:
        return
    file, declared = plan.settings.weights, plan.backbone.weights
    usual = declared[0].tag if declared and not file else ""
    tag = plan.weights_tag or usual
    if any(weights.gains for weights in declared if weights.tag == tag):
        return
    yield plan.warning(
        f"no gains are known for {file or f'{plan.backbone.name}.{tag}'}: "
        f"{plan.smoothing.name} acts on its features as they are, as with --gains one; "
        f"stylize calibrate measures them"
    )
