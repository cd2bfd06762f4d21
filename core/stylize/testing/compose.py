"""A part combined with built-in ones: the smallest picture that uses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from stylize.building.parts import BuiltParts
from stylize.contract.parts import StyleImage
from stylize.contract.plan import Plan
from stylize.contract.run import Run
from stylize.contract.spec import BackboneSpec, Kind, LossSpec, Role, split_backbone_name
from stylize.discovery.host import PluginHost
from stylize.making.presets import merge_settings
from stylize.planning.planning import make_plan, make_settings
from stylize.testing.failure import ContractFailure
from stylize.testing.pictures import image_pair

__all__ = ["assert_composes", "make_picture", "run_settings_of"]

# Just enough to see the picture change: the first evaluation is of the photograph itself.
QUICK = {"options": {"neighbors": {"scales": [1.0], "iterations": [4]}}}
SIZE = 64


def run_settings_of(host: PluginHost, kind: Kind, name: str) -> dict[str, Any]:
    """Return the run settings that choose a part.

    Args:
        name: as `PluginHost.get` takes it; a backbone's may have a tag of weights.
    """
    if kind is Kind.BACKBONE:
        spec = host.get(kind, split_backbone_name(name)[0])
        untagged = isinstance(spec, BackboneSpec) and not any(w.embedded for w in spec.weights)
        return {"backbone": f"{name}.random" if untagged and "." not in name else name}
    if kind is Kind.SMOOTHING:
        return {"smooth": name}
    if kind is Kind.LOSS:
        loss = host.get(kind, name)
        role = loss.role if isinstance(loss, LossSpec) else Role.STYLE
        return {"image_loss": {name: 1.0}} if role is Role.IMAGE else {f"{role}_loss": name}
    return {"method": name}


def make_picture(
    host: PluginHost, settings: Mapping[str, Any], run: Run | None = None, *, size: int = SIZE
) -> tuple[torch.Tensor, Plan]:
    """Make a picture (1, 3, H, W) of the demo pair on the CPU in float32.

    Args:
        settings: run settings.
        run: its clock and observers; by default a run with the seed and strength in `settings`.
        size: longer side in pixels.
    """
    chosen = make_settings({"device": "cpu", "precision": "float32", **settings})
    plan = make_plan(host, chosen)
    parts = BuiltParts(host, plan)
    photo, painting = image_pair(size)
    styles = [StyleImage(painting.clone())] if plan.method.needs_style else []
    run = run or Run(seed=chosen.seed, strength=chosen.strength, quality=chosen.quality)
    picture = parts.method.stylize(photo.clone(), styles, parts, run)
    return picture.float() / 255 if picture.dtype == torch.uint8 else picture, plan


def assert_composes(
    host: PluginHost,
    kind: Kind | str,
    name: str,
    settings: Mapping[str, object] | None = None,
    **run_settings: Any,
) -> None:
    """Make a tiny picture with a part and otherwise built-in ones, and check it.

    Args:
        name: as `PluginHost.get` takes it; a backbone's may have a tag of weights.
        settings: of the part.
        run_settings: further ones, such as `style_layers="block*"`.

    Raises: ContractFailure.
    """
    kind = Kind(kind)
    part = f"{kind} {name}"
    chosen = run_settings_of(host, kind, name)
    if {**chosen, **run_settings}.get("method", "neighbors") == "neighbors":
        chosen = merge_settings(QUICK, chosen)
    if settings:
        short = split_backbone_name(name)[0].rpartition(":")[2]
        chosen = merge_settings(chosen, {"options": {short: dict(settings)}})
    try:
        picture, _ = make_picture(host, merge_settings(chosen, run_settings))
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ContractFailure(
            part,
            f"a picture with it and the built-in parts fails with {type(error).__name__}: {reason}",
            "make it work with the others; the cause is in the traceback",
        ) from error
    photo = image_pair(SIZE)[0]
    if picture.shape != photo.shape or not picture.isfinite().all():
        raise ContractFailure(
            part,
            f"a picture with it is {tuple(picture.shape)} with values of {picture.min():.3g} to "
            f"{picture.max():.3g}, not a finite {tuple(photo.shape)}",
            "keep shapes and stay finite",
        )
    if torch.equal(picture, photo):
        raise ContractFailure(
            part,
            "a picture with it is the photograph, unchanged",
            "let a gradient reach the image, large enough to move it",
        )
