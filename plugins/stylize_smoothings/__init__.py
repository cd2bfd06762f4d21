"""The built-in smoothings: none, softmax, tanh, softsign and scale (section 5 of the paper)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stylize.hookspecs import hookimpl
from stylize.spec import SmoothingSpec

if TYPE_CHECKING:
    from stylize.plan import Plan, Problem

STYLIZE_PLUGIN_API = 1


@hookimpl
def stylize_components() -> list[SmoothingSpec]:
    functions, settings = "stylize_smoothings.functions", "stylize_smoothings.settings"
    return [
        SmoothingSpec(
            "none",
            factory=f"{functions}:Identity",
            summary="Features as they are",
            pointwise=True,
        ),
        SmoothingSpec(
            "softmax",
            factory=f"{functions}:Softmax",
            settings=f"{settings}:SoftmaxSettings",
            summary="Softmax over the whole map, the channels or the positions (SWAG)",
        ),
        SmoothingSpec(
            "tanh",
            factory=f"{functions}:Tanh",
            settings=f"{settings}:TanhSettings",
            summary="Hyperbolic tangent of every activation",
            pointwise=True,
        ),
        SmoothingSpec(
            "softsign",
            factory=f"{functions}:Softsign",
            settings=f"{settings}:SoftsignSettings",
            summary="x / (1 + |x|) of every activation",
            pointwise=True,
        ),
        SmoothingSpec(
            "scale",
            factory=f"{functions}:Scale",
            settings=f"{settings}:ScaleSettings",
            summary="Every activation times a small constant: a reweighting of the layer",
            pointwise=True,
        ),
    ]


@hookimpl
def stylize_check(plan: Plan) -> Iterable[Problem]:
    if plan.smoothing.name == "scale" and plan.settings.balance == "relative":
        yield plan.warning(
            "--smooth scale changes nothing under --balance relative, which divides each layer's "
            "scale out: use --balance paper, or another smoothing"
        )
