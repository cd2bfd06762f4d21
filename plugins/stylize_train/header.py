"""The header of a model file: how the model was made, and of whose parts."""

from __future__ import annotations

from collections.abc import Mapping

from stylize import (
    MODEL_SCHEMA,
    TRAINED,
    ModelHeader,
    Plan,
    PluginHost,
    RunSettings,
    StyleRecord,
    describe_parts,
    framework_version,
    plain_names,
)
from stylize_train.checkpoint import Trained
from stylize_train.settings import TrainingSettings

__all__ = ["make_header"]


def make_header(
    host: PluginHost,
    plan: Plan,
    settings: TrainingSettings,
    *,
    weights: str,
    network: Mapping[str, object],
    styles: tuple[StyleRecord, ...],
    pictures: int,
    trained: Trained,
) -> ModelHeader:
    """Return the header of a trained model.

    Args:
        plan: of the training.
        weights: fingerprint of the backbone's.
        network: settings that shape the network.
        pictures: how many photographs it was trained on.
    """
    # Names alone: `parts` records which distributions they come from.
    plain = RunSettings.model_validate(plain_names(dict(plan.settings)))
    changed = plain.model_dump(mode="json", exclude_defaults=True)
    backbone = plan.backbone
    usual = next((w.tag for w in backbone.weights if not plan.settings.weights), None)
    tag = plan.weights_tag or usual
    return ModelHeader(
        schema_version=MODEL_SCHEMA,
        method=plan.method.name,
        network=dict(network),
        backbone=f"{backbone.name}.{tag}" if tag else backbone.name,
        weights=weights,
        run={k: v for k, v in changed.items() if k in (*TRAINED, "strength", "options", "seed")},
        training=settings.model_dump(mode="json", exclude_defaults=True),
        styles=styles,
        pictures=pictures,
        steps=trained.begins.steps + trained.steps,
        start=trained.begins.model,
        start_steps=trained.begins.steps,
        losses={name: round(value, 5) for name, value in trained.losses.items()},
        framework=framework_version(),
        parts=describe_parts(host, plan),
    )
