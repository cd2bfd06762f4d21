"""Every trainable method trains on every backbone, and with every smoothing and style loss."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from small_training import NARROW, make_photographs
from stylize import (
    BackboneSpec,
    Kind,
    LossSpec,
    MethodSpec,
    ModelFile,
    PluginHost,
    Role,
    Run,
    get_spec,
    list_backbones,
    list_losses,
    list_methods,
    list_smoothings,
    make_plan,
    make_settings,
)
from stylize_train.session import Training
from stylize_train.settings import TrainingSettings

pytestmark = pytest.mark.slow

METHODS = [
    name
    for name in list_methods()
    if (spec := get_spec(Kind.METHOD, name)) and isinstance(spec, MethodSpec) and spec.trainable
]
STYLE_LOSSES = [
    name
    for name in list_losses()
    if (spec := get_spec(Kind.LOSS, name))
    and isinstance(spec, LossSpec)
    and spec.role == Role.STYLE
]
SETTINGS = {"device": "cpu", "precision": "float32"}
# Settings that make a method's network small; other networks keep their size.
SMALL: dict[str, dict[str, object]] = {"johnson": NARROW, "adain": {"width": 0.05}}
# The layer at which a method compares content, unless it does so at its encoder's end.
CONTENT = {"johnson": {"content_layers": "relu2_1"}}


@pytest.fixture
def train(host: PluginHost, tmp_path: Path, painting: Path):
    """Train a method for two steps on pictures of 48 pixels, and return its model."""
    photographs = make_photographs(tmp_path / "photographs", count=3, size=(64, 56))

    def make(method: str, **settings: object) -> ModelFile:
        spec = host.get(Kind.METHOD, method)
        assert isinstance(spec, MethodSpec)
        options = {method: SMALL[method]} if method in SMALL else {}
        values = {"method": method, "options": options, **SETTINGS, **settings}
        training = Training(
            host,
            make_plan(host, make_settings(values), training=True),
            TrainingSettings(steps=2, batch=1, crop=48, style_size=64, workers=0, zoom=1),
            photographs,
            tmp_path / "model.safetensors",
            () if spec.needs_style else (str(painting),),
            photographs if spec.needs_style else None,
            tell=[].append,
        )
        run = Run()
        model = training(run)
        assert run.steps_done == 2
        assert all(value > 0 for value in run.losses.values() if value)
        return model

    return make


@pytest.mark.parametrize("backbone", list_backbones())
@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_on_every_backbone(train, host, method, backbone):
    spec = host.get(Kind.BACKBONE, backbone)
    assert isinstance(spec, BackboneSpec)
    embedded = next((weights.tag for weights in spec.weights if weights.embedded), "random")
    model = train(method, backbone=f"{backbone}.{embedded}", smooth="tanh")
    assert model.header.backbone == f"{backbone}.{embedded}"
    assert model.header.run["smooth"] == "tanh"


@pytest.mark.parametrize("style_loss", STYLE_LOSSES)
@pytest.mark.parametrize("smooth", list_smoothings())
@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_with_every_smoothing_and_style_loss(train, method, smooth, style_loss):
    layers = {"style_layers": "relu1_1,relu2_1", "smooth_layers": "*", **CONTENT.get(method, {})}
    model = train(method, smooth=smooth, style_loss=style_loss, **layers)
    assert all(torch.isfinite(tensor).all() for tensor in model.tensors().values())
    assert (model.header.run.get("smooth", "none"), model.header.method) == (smooth, method)
