"""The Python API as the README shows it, and its names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import torch

import stylize
from stylize import (
    create_backbone,
    create_loss,
    create_method,
    create_smoothing,
    get_spec,
    list_backbones,
    list_methods,
    list_presets,
    list_smoothings,
    stylize_image,
)
from stylize.errors import SettingsError, UnknownNameError

ROOT = Path(__file__).parents[1]
TINY = {"size": 64, "method": "gatys", "options": {"gatys": {"scales": [1.0], "iterations": [1]}}}


def test_every_public_name_resolves_and_type_checkers_see_the_same_names():
    tree = ast.parse(Path(stylize.__file__).with_suffix(".pyi").read_text())
    declared = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert declared == set(stylize.__all__)
    for name in stylize.__all__:
        assert getattr(stylize, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        stylize.no_such_name  # noqa: B018


def test_lists_hold_the_built_in_parts():
    assert {"vgg16", "vgg19", "resnet50", "resnet50_thin"} <= set(list_backbones())
    assert list_backbones("vgg*") == ["vgg16", "vgg19"]
    assert list_smoothings() == ["none", "scale", "softmax", "softsign", "tanh"]
    assert "gatys" in list_methods()
    assert "gatys_artistic" in list_presets()


def test_parts_are_created_by_name_with_settings():
    half = create_smoothing("tanh", gain=0.5)(torch.tensor([2.0]))
    torch.testing.assert_close(half, torch.tensor([1.0]).tanh())
    assert create_loss("gram", form="sum").additive
    assert create_method("gatys", optimizer="adam")
    average = create_backbone("vgg16.random", pooling="average")
    assert "conv5_3" in average.layers
    assert get_spec("backbone", "vgg16").summary


def test_wrong_names_and_settings_are_explained():
    with pytest.raises(UnknownNameError, match="did you mean tanh"):
        create_smoothing("than")
    with pytest.raises(UnknownNameError, match="did you mean gain"):
        create_smoothing("tanh", gian=1)
    with pytest.raises(SettingsError, match="gain"):
        create_smoothing("tanh", gain=-1)
    with pytest.raises(UnknownNameError, match="did you mean strength"):
        stylize_image("a", "b", strenght=2)


def test_pil_images_and_open_files_are_taken(photo, painting):
    from PIL import Image

    with Image.open(photo) as content, painting.open("rb") as style:
        result = stylize_image(content, style, **TINY)
    assert result.image.size == (64, 43)


def test_a_result_is_saved_with_its_record(tmp_path, photo, painting):
    from stylize import read_record

    result = stylize_image(photo, painting, strength=2, **TINY)
    result.save(tmp_path / "out.png")
    record = read_record(tmp_path / "out.png")
    assert record["settings"]["strength"] == 2
    assert record["content"]["name"].endswith("china.jpg")
    assert record["stopped"] == "done"


def test_a_preset_is_overridden_by_explicit_settings(photo, painting):
    result = stylize_image(
        photo, painting, preset="gatys_daytime", backbone="vgg16", content_weight=3, **TINY
    )
    settings = result.record["settings"]
    assert settings["style_layers"]["conv1_1"] == 5
    assert settings["balance"] == "paper"
    assert settings["content_weight"] == 3


def test_the_readme_s_python_example_runs(tmp_path, monkeypatch, photo, painting):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for name, source in (("photo.jpg", photo), ("painting.jpg", painting)):
        (tmp_path / name).write_bytes(source.read_bytes())
    assert "size=512" in example
    exec(example.replace("size=512", "size=64"), {})
    assert (tmp_path / "out.png").exists()
