"""The node pack, tested by ComfyUI's contract: what ComfyUI would load, offer and call."""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from small_training import make_model
from stylize import evaluate_picture, read_image, resize

PACK = Path(__file__).parents[1] / "examples" / "stylize-comfyui"
# The types that ComfyUI itself knows, and ours.
TYPES = {"IMAGE", "MASK", "INT", "FLOAT", "STRING", "BOOLEAN", "STYLIZE_MODEL"}
QUICK = "gatys.iterations=3"


class InterruptedNodeError(Exception):
    """ComfyUI's InterruptProcessingException."""


class Comfy:
    """A stand-in for the pack's imports from ComfyUI."""

    def __init__(self) -> None:
        self.bars: list[tuple[int, list[int]]] = []
        self.interrupted = threading.Event()

    def progress_bar(self, total: int) -> Any:
        values: list[int] = []
        self.bars.append((total, values))
        return types.SimpleNamespace(update_absolute=values.append)

    def throw(self) -> None:
        if self.interrupted.is_set():
            self.interrupted.clear()
            raise InterruptedNodeError


def load(name: str) -> Iterator[Any]:
    """Import the folder as ComfyUI does, under a separate name."""
    where = {"submodule_search_locations": [str(PACK)]}
    spec = importlib.util.spec_from_file_location(name, PACK / "__init__.py", **where)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    yield module
    for loaded in [key for key in sys.modules if key.split(".")[0] == name]:
        del sys.modules[loaded]


@pytest.fixture(scope="module")
def pack() -> Iterator[Any]:
    yield from load("stylize_comfyui_alone")


@pytest.fixture
def comfy(monkeypatch) -> Comfy:
    comfy = Comfy()
    utils, management = types.ModuleType("comfy.utils"), types.ModuleType("comfy.model_management")
    utils.ProgressBar = comfy.progress_bar
    management.throw_exception_if_processing_interrupted = comfy.throw
    monkeypatch.setitem(sys.modules, "comfy", types.ModuleType("comfy"))
    monkeypatch.setitem(sys.modules, "comfy.utils", utils)
    monkeypatch.setitem(sys.modules, "comfy.model_management", management)
    return comfy


@pytest.fixture
def within(comfy) -> Iterator[Any]:
    """The pack, loaded inside the stand-in for ComfyUI."""
    yield from load("stylize_comfyui_within")


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    make_model(tmp_path / "dunes.safetensors")
    monkeypatch.setenv("STYLIZE_MODELS", str(tmp_path))
    return tmp_path


@pytest.fixture
def images(photo, painting) -> dict[str, Tensor]:
    """An IMAGE of two photographs, 48 x 36, and one of a painting, 40 pixels wide."""
    photograph = resize(read_image(photo).pixels, (36, 48)).permute(0, 2, 3, 1)
    style = resize(read_image(painting).pixels, (32, 40)).permute(0, 2, 3, 1)
    return {"photographs": torch.cat([photograph, photograph.flip(2)]), "painting": style}


def call(pack: Any, node_name: str, /, **given: Any) -> tuple[Any, ...]:
    """Call a node as ComfyUI does: defaults filled in, by keyword, in inference mode."""
    node = pack.NODE_CLASS_MAPPINGS[node_name]
    declared = node.INPUT_TYPES()
    values: dict[str, Any] = {}
    for key, (kind, *options) in declared["required"].items():
        first = kind[0] if isinstance(kind, list) else None
        values[key] = (options[0] if options else {}).get("default", first)
    known = {**declared["required"], **declared.get("optional", {})}
    assert set(given) <= set(known)
    with torch.inference_mode():
        outputs: tuple[Any, ...] = getattr(node(), node.FUNCTION)(**{**values, **given})
    assert len(outputs) == len(node.RETURN_TYPES)
    return outputs


def by_painting(pack: Any, images: dict[str, Tensor], **given: Any) -> Tensor:
    values = {"images": images["photographs"], "style": images["painting"], "method": "gatys"}
    (made,) = call(pack, "StylizeByPainting", **{**values, "settings": QUICK, **given})
    return made


def test_every_node_declares_what_comfyui_reads(pack):
    assert set(pack.NODE_CLASS_MAPPINGS) == set(pack.NODE_DISPLAY_NAME_MAPPINGS)
    assert len(pack.NODE_CLASS_MAPPINGS) == 5
    for node in pack.NODE_CLASS_MAPPINGS.values():
        declared = node.INPUT_TYPES()
        assert set(declared) <= {"required", "optional"}
        for kind, *_ in (value for group in declared.values() for value in group.values()):
            assert isinstance(kind, list) or kind in TYPES
        assert set(node.RETURN_TYPES) <= TYPES
        assert callable(getattr(node, node.FUNCTION))
        assert node.CATEGORY == "stylize"
        assert node.DESCRIPTION


def test_the_pack_says_what_the_registry_reads_and_pip_installs():
    read = tomllib.loads((PACK / "pyproject.toml").read_text())
    assert {"name", "description", "version", "license", "dependencies"} <= set(read["project"])
    assert {"PublisherId", "DisplayName"} <= set(read["tool"]["comfy"])
    assert (PACK / "requirements.txt").read_text().split() == read["project"]["dependencies"]


def test_a_batch_is_stylised_by_a_painting(pack, images):
    made = by_painting(pack, images)
    assert made.shape == images["photographs"].shape
    assert made.dtype == torch.float32
    assert 0 <= made.min() <= made.max() <= 1
    for before, after in zip(images["photographs"], made, strict=True):
        assert (after - before).abs().mean() > 0.01


def test_a_size_shrinks_and_a_mask_keeps_what_lies_outside(pack, images):
    mask = torch.zeros(1, 9, 12)
    mask[..., :6] = 1
    made = by_painting(pack, images, size=32, mask=mask)
    assert made.shape == (2, 24, 32, 3)
    before = resize(images["photographs"].permute(0, 3, 1, 2), (24, 32)).permute(0, 2, 3, 1)
    assert torch.allclose(made[:, :, 20:], before[:, :, 20:], atol=1e-6)
    assert (made[:, :, :12] - before[:, :, :12]).abs().mean() > 0.02


def test_a_model_of_the_user_s_is_listed_loaded_and_applied(pack, images, models):
    names, _ = pack.NODE_CLASS_MAPPINGS["StylizeLoadModel"].INPUT_TYPES()["required"]["name"]
    assert {"dunes", "starry_night", "any"} < set(names)
    (model,) = call(pack, "StylizeLoadModel", name="dunes")
    made = {}
    for strength in (0.0, 1.0):
        given = {"images": images["photographs"], "model": model, "strength": strength}
        (made[strength],) = call(pack, "StylizeByModel", **given)
    assert (made[0.0] - images["photographs"]).abs().max() <= 1 / 255
    assert (made[1.0] - images["photographs"]).abs().mean() > 0.02


def test_the_model_any_takes_a_painting(pack, images):
    (model,) = call(pack, "StylizeLoadModel", name="any")
    given = {"images": images["photographs"][:1], "model": model, "style": images["painting"]}
    (made,) = call(pack, "StylizeByModel", **given)
    assert (made - given["images"]).abs().mean() > 0.02


def test_frames_are_held_still(pack, images, models):
    (model,) = call(pack, "StylizeLoadModel", name="dunes")
    still = resize(images["photographs"][:1].permute(0, 3, 1, 2), (128, 160)).permute(0, 2, 3, 1)
    noise = torch.randn(3, *still.shape[1:], generator=torch.Generator().manual_seed(0))
    frames = (still + 0.02 * noise).clamp(0, 1)
    flicker = {}
    for hold in (True, False):
        (made,) = call(pack, "StylizeVideo", frames=frames, model=model, hold_still=hold)
        assert made.shape == frames.shape
        flicker[hold] = (made[2] - made[1]).abs().mean()
    assert flicker[True] < 0.5 * flicker[False]


def test_a_picture_is_evaluated_as_the_api_does(pack, images):
    picture, painting = images["photographs"][1:], images["painting"]
    photograph = images["photographs"][:1]
    given = {"picture": picture, "photograph": photograph, "painting": painting}
    *distances, told = call(pack, "StylizeEvaluate", **given, judge_size=64)
    shown = [pack.nodes.to_photographs(each)[0] for each in (picture, photograph, painting)]
    verdict = evaluate_picture(*shown, ssim=False, judge_size=64).verdict
    assert distances == [verdict.content, verdict.style, verdict.structure, verdict.strokes]
    assert json.loads(told)["strokes"] == verdict.strokes


def test_the_bar_moves_within_each_picture_and_ends_full(within, comfy, images):
    by_painting(within, images)
    ((total, values),) = comfy.bars
    assert values == sorted(values)
    assert values[-1] == total
    assert len(set(values)) > 4


def test_cancel_ends_the_picture_and_raises_comfyui_s_own(within, comfy, images):
    comfy.interrupted.set()
    with pytest.raises(InterruptedNodeError):
        by_painting(within, images, settings="gatys.iterations=100000")
    ((total, values),) = comfy.bars
    assert values[-1] < 0.1 * total
    # It does not stop the next run.
    by_painting(within, images)
    assert comfy.bars[1][1][-1] == total
