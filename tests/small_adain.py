"""Models of adain, untrained or trained in a second: shallow layers, narrow decoders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from small_training import make_photographs
from stylize import BuiltParts, ModelHeader, PluginHost, make_plan, make_settings, write_model
from stylize.modelfile import MODEL_SCHEMA
from stylize_adain.network import Decoder
from stylize_adain.settings import NETWORK_SETTINGS, AdainSettings
from stylize_train.session import Training
from stylize_train.settings import TrainingSettings

__all__ = ["SHALLOW", "make_adain_model", "make_adain_training"]

SHALLOW = {"layer": "relu2_1", "width": 0.125}


def make_adain_training(
    host: PluginHost,
    folder: Path,
    *,
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, object] | None = None,
    output: str = "model.safetensors",
    resume: bool = False,
    init: Path | None = None,
    **training: object,
) -> Training:
    """Return a small training run in a folder; call it with a `Run`.

    Args:
        options: of adain, besides those of `SHALLOW`.
        settings: run settings besides shallow style layers; None resets one to its default.
        training: training settings besides two steps of two 32-pixel crops.
    """
    for name in ("photographs", "paintings"):
        if not (folder / name).exists():
            make_photographs(folder / name, count=4)
    given = {**SHALLOW, **(options or {})}
    values: dict[str, object] = {
        "style_layers": "relu1_1,relu2_1",
        "precision": "float32",
        "device": "cpu",
        **(settings or {}),
        "method": "adain",
    }
    values["options"] = {"adain": given, **dict(values.get("options", {}))}  # type: ignore[call-overload]
    plain = {"steps": 2, "crop": 32, "batch": 2, "workers": 0, "log_every": 1}
    return Training(
        host,
        make_plan(
            host,
            make_settings({k: v for k, v in values.items() if v is not None}),
            training=True,
        ),
        TrainingSettings.model_validate({**plain, **training}),
        folder / "photographs",
        folder / output,
        paintings=folder / "paintings",
        resume=resume,
        init=init,
        tell=[].append,
    )


def make_adain_model(
    host: PluginHost,
    path: Path,
    *,
    backbone: str = "vgg16.oxford",
    header: Mapping[str, Any] | None = None,
    run: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Path:
    """Write a model with a random decoder of fixed scale."""
    network = {**SHALLOW, **settings}
    plan = make_plan(
        host,
        make_settings(
            {
                "method": "adain",
                "backbone": backbone,
                "device": "cpu",
                "precision": "float32",
                **(run or {}),
                "options": {"adain": network, **(run or {}).get("options", {})},
            }
        ),
        training=True,
    )
    parts = BuiltParts(host, plan)
    parsed = AdainSettings(**network)
    torch.manual_seed(0)
    decoder = Decoder(parts.features.layers, str(parsed.layer), parsed)
    picture = torch.rand(1, 3, 64, 64)
    packing = decoder.packing
    decoder.fit_scale(packing.pack(parts.features(picture, packing.names), picture))
    last = decoder.layers[-1]
    assert isinstance(last, nn.Conv2d)
    with torch.no_grad():
        last.weight.mul_(2)
    values = {
        "schema_version": MODEL_SCHEMA,
        "method": "adain",
        "network": parsed.model_dump(include=set(NETWORK_SETTINGS)),
        "backbone": backbone,
        "weights": parts.weights.fingerprint,
        "run": dict(run or {}),
        "training": {},
        "pictures": 6,
        "steps": 2,
        "summary": "Noise",
        **(header or {}),
    }
    write_model(path, ModelHeader.model_validate(values), decoder.state_dict())
    return path
