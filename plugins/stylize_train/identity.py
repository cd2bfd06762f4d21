"""What identifies a training run: a checkpoint continues no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stylize import TRAINED, Plan, PluginHost, StyleRecord, describe_parts, plain_names
from stylize_train.checkpoint import PARTS
from stylize_train.data import Photographs, summarize_files
from stylize_train.settings import TrainingSettings

__all__ = ["make_identity"]

# What may change when a run is resumed, for the result does not depend on it.
FREE = {
    "learning_rate", "steps", "validate_every", "checkpoint_every", "log_every", "workers",
    "tensorboard",
}  # fmt: skip


def make_identity(
    host: PluginHost,
    plan: Plan,
    settings: TrainingSettings,
    *,
    weights: str,
    network: Mapping[str, object],
    styles: Sequence[StyleRecord],
    data: Mapping[str, Photographs],
) -> dict[str, Any]:
    """Return what must stay the same from a run to its resumption, in words and numbers.

    Args:
        plan: of the training.
        weights: fingerprint of the backbone's.
        network: settings that shape the network.
        data: the streams of pictures to train on.
    """
    fixed = settings.model_dump(mode="json", exclude=FREE)
    if settings.schedule == "cosine":  # whose step sizes depend on the last step
        fixed["steps"] = settings.steps
    run, method = plan.settings, plan.method_settings
    plain = plain_names(run.model_dump(mode="json"))
    described = describe_parts(host, plan)
    own = method.model_dump(mode="json") if method else {}
    return {
        **fixed,
        **{f"network {key}": value for key, value in network.items()},
        **{f"{plan.method.name} {key}": v for key, v in own.items() if key not in network},
        "seed": run.seed,
        "strength": run.strength,
        "options": {k: v for k, v in run.options.items() if k != plan.method.name},
        **{name: plain[name] for name in TRAINED},
        "weights": weights,
        PARTS: {role: part.model_dump() for role, part in described.items()},
        "paintings": [style.sha256[:16] for style in styles],
        **{f"{name} pictures": summarize_files(stream.files) for name, stream in data.items()},
        "taught pictures": summarize_files(tuple(data["content"].taught.values())),
    }
