"""`stylize models export`: its files run in onnxruntime alone, and compute the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from command import Command
from small_training import make_model
from stylize import (
    Axis,
    BuiltParts,
    ExportModule,
    ModelFile,
    Parts,
    make_plan,
    make_settings,
    read_header,
    stylize_image,
)
from stylize.errors import ExportError
from stylize_models import exporting
from stylize_models.exporting import export_model

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

pytestmark = pytest.mark.slow  # torch's exporter takes seconds to start


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    path = make_model(tmp_path_factory.mktemp("model") / "dunes.safetensors")
    return ModelFile("dunes", path, read_header(path))


@pytest.fixture(scope="module")
def exported(host, model) -> exporting.Exported:
    (written,) = export_model(host, model, model.path.with_suffix(".onnx"))
    return written


def run(path: Path, **inputs: torch.Tensor) -> torch.Tensor:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (given,) = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    return torch.from_numpy(given)


@pytest.mark.parametrize("size", [(64, 96), (24, 24), (100, 36), (24, 256)])
def test_any_size_in_steps_of_the_stride_gives_what_pytorch_gives(host, exported, model, size):
    module = parts_of(host, model).method.export_modules(parts_of(host, model))["network"].module
    photograph = torch.rand(1, 3, *size)
    with torch.no_grad():
        expected = module(photograph)
    given = run(exported.path, photograph=photograph)
    assert (given - expected).abs().max() < 1e-4
    assert 0 <= given.min() <= given.max() <= 1
    assert (given - photograph).abs().mean() > 0.02


def test_a_photograph_in_whole_positions_gives_the_picture_of_the_command(host, exported, model):
    """As the exported page does it: its photograph is extended by reflection first."""
    photograph = torch.randint(0, 256, (50, 93, 3), dtype=torch.uint8)
    made = stylize_image(
        Image.fromarray(photograph.numpy()), None, host=host, model=str(model.path), size="full",
        precision="float32", device="cpu",
    )  # fmt: skip
    seen = F.pad(photograph.permute(2, 0, 1)[None] / 255, (0, 3, 0, 2), mode="reflect")
    given = run(exported.path, photograph=seen)[..., :50, :93]
    assert (given * 255 - made.pixels.float()).abs().max() < 1


def parts_of(host, model: ModelFile) -> Parts:
    return BuiltParts(host, make_plan(host, make_settings({"model": str(model.path)})))


def test_the_file_holds_standard_operators_of_float32_and_the_model_s_header(exported, model):
    program = onnx.load(exported.path)
    onnx.checker.check_model(program, full_check=True)
    assert {node.domain for node in program.graph.node} <= {"", "ai.onnx"}
    assert not program.functions
    held = {entry.key: entry.value for entry in program.metadata_props}
    assert json.loads(held["stylize_model"]) == model.header.model_dump(mode="json")
    (given,), (made,) = program.graph.input, program.graph.output
    assert (given.name, made.name) == ("photograph", "picture")
    for value in (given, made):
        sides = value.type.tensor_type.shape.dim
        assert [side.dim_param or side.dim_value for side in sides] == [1, 3, "height", "width"]


def test_the_file_does_not_tell_where_it_was_made(exported):
    data = exported.path.read_bytes()
    assert str(Path(__file__).parents[1]).encode() not in data
    assert b".py" not in data


def test_the_largest_difference_of_two_sizes_is_told(exported):
    assert list(exported.differences) == ["1x3x64x96", "1x3x84x132"]
    assert max(exported.differences.values()) < 1e-4
    assert exported.takes == (
        "photograph (1, 3, height, width), "
        "height in steps of 4 from 24, width in steps of 4 from 24"
    )


class Pair:
    """A method with two networks, which share a size."""

    def __init__(self, settings: object) -> None:
        pass

    def export_modules(self, parts: Parts) -> dict[str, ExportModule]:
        height = {2: Axis("height", step=2), 3: Axis("width", step=2)}
        small = {2: Axis("h"), 3: Axis("w")}
        features = torch.rand(1, 4, 8, 10)
        return {
            "encoder": ExportModule(
                torch.nn.Conv2d(3, 4, 2, stride=2).eval(),
                {"photograph": torch.rand(1, 3, 16, 20)},
                "features",
                {"photograph": height},
            ),
            "mixer": ExportModule(
                Mix(), {"content": features, "style": features + 1}, "mixed",
                {"content": small, "style": small},
            ),
        }  # fmt: skip


class Mix(torch.nn.Module):
    def forward(self, content: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        return content * 0.25 + style


@pytest.fixture
def pair(monkeypatch) -> None:
    def build(host, plan):
        parts = BuiltParts(host, plan)
        parts.method = Pair(None)
        return parts

    monkeypatch.setattr(exporting, "BuiltParts", build)


def test_a_method_of_several_networks_writes_a_file_of_each(host, model, tmp_path, pair):
    written = export_model(host, model, tmp_path / "pair.onnx")
    assert [file.path.name for file in written] == ["pair_encoder.onnx", "pair_mixer.onnx"]
    one, other = torch.rand(1, 4, 3, 5), torch.rand(1, 4, 3, 5)
    mixed = run(tmp_path / "pair_mixer.onnx", content=one, style=other)
    assert torch.allclose(mixed, one * 0.25 + other)


def test_files_are_written_all_or_not_at_all(host, model, tmp_path, pair, monkeypatch):
    """The second network computes something else in ONNX, so the first is not kept either."""
    honest = exporting._convert

    def convert(name: str, module: ExportModule):
        program = honest(name, module)
        for tensor in program.graph.initializer if name == "mixer" else ():
            tensor.CopyFrom(onnx.numpy_helper.from_array(
                onnx.numpy_helper.to_array(tensor) * 2, tensor.name
            ))  # fmt: skip
        return program

    monkeypatch.setattr(exporting, "_convert", convert)
    with pytest.raises(
        ExportError, match=r"mixer: differs by .* from PyTorch, for .*nothing was w"
    ):
        export_model(host, model, tmp_path / "pair.onnx")
    assert list(tmp_path.iterdir()) == []


class Unheard(torch.nn.Module):
    """A network that ONNX cannot express."""

    def forward(self, content: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        return torch.linalg.eigvals(content @ style.mT).real


def test_a_network_that_onnx_cannot_express_is_named(host, model, tmp_path, pair, monkeypatch):
    monkeypatch.setitem(Pair.export_modules.__globals__, "Mix", Unheard)
    with pytest.raises(ExportError, match="mixer: cannot be expressed in ONNX"):
        export_model(host, model, tmp_path / "pair.onnx")
    assert list(tmp_path.iterdir()) == []


# On the command line.


@pytest.fixture
def gallery(command: Command) -> Command:
    make_model(command.folder / "dunes.safetensors")
    return command


def export(gallery: Command, *options: str):
    return gallery("models", "export", "dunes.safetensors", "-o", "dunes.onnx", *options)


@pytest.fixture
def converted(monkeypatch, exported) -> None:
    """Let the exporter, which takes seconds, reuse its results."""
    monkeypatch.setattr(exporting, "_convert", lambda name, module: onnx.load(exported.path))


def test_the_command_prints_the_differences_and_does_not_overwrite(gallery, converted):
    outcome = export(gallery)
    assert outcome.code == 0, outcome.err
    assert (
        " MB; inputs: photograph (1, 3, height, width), height in steps of 4 from 24" in outcome.err
    )
    assert "largest difference from PyTorch at 1x3x64x96: " in outcome.err
    assert run(gallery.folder / "dunes.onnx", photograph=torch.rand(1, 3, 24, 24)).shape[-1] == 24
    again = export(gallery)
    assert again.code == 2
    assert "dunes.onnx: exists: choose another name, or replace it with --force" in again.complaint


def test_a_full_disk_leaves_no_file(gallery, full_disk, converted):
    with full_disk():
        outcome = export(gallery)
    assert outcome.code == 2
    assert "free some space" in outcome.complaint
    assert gallery.files == {"dunes.safetensors"}


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_exporting_without_its_extra_names_it(gallery, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    outcome = export(gallery)
    assert outcome.code == 3
    assert "pip install 'stylize-nst[export]'" in outcome.complaint


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("dunes.pt", "ends in .onnx: use dunes.onnx"),
        ("away/dunes.onnx", "there is no folder away"),
        (".", "is a folder: name a file"),
    ],
)
def test_a_wrong_output_is_refused(gallery, output, said):
    outcome = gallery("models", "export", "dunes.safetensors", "-o", output)
    assert outcome.code == 2
    assert said in outcome.complaint


def test_a_model_that_is_none_is_refused(gallery):
    outcome = gallery("models", "export", "photo.png", "-o", "photo.onnx")
    assert outcome.code == 2
    assert "photo.png: is cut short, damaged or not safetensors" in outcome.complaint
