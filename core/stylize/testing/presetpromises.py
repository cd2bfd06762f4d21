"""Whether a preset can run: its parts, their options and their layers exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from stylize.contract.plan import Plan
from stylize.contract.spec import split_backbone_name
from stylize.planning.planning import make_plan, make_settings

if TYPE_CHECKING:
    from stylize.discovery.host import PluginHost
    from stylize.making.presets import Preset

__all__ = ["check_preset"]


def check_preset(host: PluginHost, preset: Preset) -> None:
    """Plan a preset's run and look for its layers, in a network with random weights.

    Raises: StylizeError.
    """
    plan = make_plan(host, make_settings(preset.settings, host), training=preset.trains)
    patterns = list(_layers(plan))
    if not patterns:
        return
    from stylize.building.backbones import load_backbone  # imports torch

    name = split_backbone_name(plan.settings.backbone)[0]
    network = load_backbone(host, f"{name}.random", settings=plan.backbone_settings, device="cpu")
    for pattern in patterns:
        network.expand([pattern])


def _layers(plan: Plan) -> Iterator[str]:
    """Yield the patterns of layers that a run itself names."""
    yield from plan.settings.smooth_layers or ()
    for loss in (plan.content, plan.style):
        yield from loss.layers or ()
