"""The contents of pictures' records: versions, settings, parts, inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from stylize.contract.plan import Plan, RunSettings
from stylize.precision import declares_bfloat16
from stylize.version import framework_version

if TYPE_CHECKING:
    from stylize.building.parts import BuiltParts
    from stylize.modelfile import PartRecord
    from stylize.pictures.reading import Picture

__all__ = ["record_input", "record_setup", "replace_settings"]


def record_setup(
    plan: Plan, parts: BuiltParts, described: Mapping[str, PartRecord]
) -> dict[str, Any]:
    """Return the common part of all pictures' records: versions, settings, parts."""
    # The record says what "auto" chose, so that a rerun elsewhere does the same.
    exact = replace_settings(
        plan.settings,
        precision=str(parts.dtype).removeprefix("torch."),
        backbone=_full_backbone_name(plan),
    )
    return {
        "stylize": framework_version(),
        "torch": torch.__version__,
        "device": str(parts.device),
        "precision": _why_precision(plan, parts.device),
        "weights": parts.fingerprint,
        "loss_network": parts.loss_network,
        "settings": exact.model_dump(mode="json"),
        "parts": {role: part.model_dump() for role, part in described.items()},
    }


def record_input(picture: Picture) -> dict[str, Any]:
    """Return an input's name, path and sha256."""
    return {"name": picture.name, "path": str(picture.path or ""), "sha256": picture.sha256}


def replace_settings(settings: RunSettings, **changes: object) -> RunSettings:
    """Return validated settings with some fields changed."""
    return RunSettings.model_validate({**settings.model_dump(), **changes})


def _why_precision(plan: Plan, device: torch.device) -> str:
    """Return the reason for the precision: "asked for", or "auto: ..."."""
    if plan.settings.precision != "auto":
        return "asked for"
    return f"auto: {declares_bfloat16(device)[1]}"


def _full_backbone_name(plan: Plan) -> str:
    declared = plan.backbone.weights and not plan.settings.weights
    if plan.weights_tag or not (declared and plan.method.needs_features):
        return plan.settings.backbone
    return f"{plan.settings.backbone}.{plan.backbone.weights[0].tag}"
