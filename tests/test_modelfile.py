"""Model files: written whole, read without running code, and rejected with a reason."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from small_training import make_model
from stylize import ModelFile, ModelHeader, find_model, known_models, read_header, write_model
from stylize.errors import ModelError, OutputError, UnknownNameError
from stylize.modelfile import MODEL_SCHEMA


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model.safetensors")


def header_of(path: Path) -> ModelHeader:
    return read_header(path)


def with_header(path: Path, **changes: object) -> Path:
    """Rewrite a model file with some fields of its header changed."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    listed = json.loads(data[8 : 8 + length])
    values = {**json.loads(listed["__metadata__"]["stylize_model"]), **changes}
    listed["__metadata__"]["stylize_model"] = json.dumps(values)
    header = json.dumps(listed).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data[8 + length :])
    return path


def test_what_is_written_is_read_again_in_float16(tmp_path, model):
    tensors = {"a": torch.randn(3, 4), "n": torch.tensor([1, 2])}
    header = header_of(model)
    write_model(tmp_path / "other.safetensors", header, tensors)
    again = ModelFile("other", tmp_path / "other.safetensors", header)
    assert read_header(again.path) == header
    read = again.tensors()
    assert read["a"].dtype == torch.float32
    assert torch.equal(read["a"], tensors["a"].half().float())
    assert torch.equal(read["n"], tensors["n"])
    assert again.path.stat().st_size < 2 * 12 + 16 + 2000


def test_a_fingerprint_is_of_the_whole_file(tmp_path, model):
    other = make_model(tmp_path / "other.safetensors", seed=1)
    same = make_model(tmp_path / "same.safetensors")
    first, second, third = (
        ModelFile("m", path, header_of(path)).fingerprint() for path in (model, other, same)
    )
    assert first == third != second


@pytest.mark.parametrize("share", [0, 4, 8, 100, 0.5, -1])
def test_a_file_that_is_cut_short_is_refused(model, share):
    data = model.read_bytes()
    length = int(len(data) * share) if isinstance(share, float) else share
    model.write_bytes(data[:length])
    with pytest.raises(ModelError, match=r"model\.safetensors: is cut short, .*: get it again"):
        read_header(model)


def json_file(value: object) -> bytes:
    text = json.dumps(value).encode()
    return struct.pack("<Q", len(text)) + text


WRONG = {
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(200),
    "a pickle": b"PK\x03\x04" + bytes(200),
    "a huge claim": struct.pack("<Q", 2**62) + b"{}",
    "a list": json_file([1, 2]),
    "a tensor that is a number": json_file({"a": 1}),
    "a tensor without a place": json_file({"a": {"dtype": "F16"}}),
    "a place that is text": json_file({"a": {"data_offsets": ["0", "8"]}}),
    "not text": struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc",
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_what_is_not_safetensors_is_refused(tmp_path, content):
    path = tmp_path / "wrong.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not safetensors"):
        read_header(path)


def test_safetensors_of_somebody_else_are_refused(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "theirs.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="no model that stylize trained: train one"):
        read_header(tmp_path / "theirs.safetensors")


def test_a_newer_schema_is_refused_and_new_fields_are_not(model):
    assert read_header(with_header(model, mood="calm")).method == "johnson"
    with pytest.raises(
        ModelError, match=rf"schema {MODEL_SCHEMA + 1}, .* up to {MODEL_SCHEMA}: install a n"
    ):
        read_header(with_header(model, schema_version=MODEL_SCHEMA + 1, method={"new": "form"}))


@pytest.mark.parametrize(
    "changes", [{"schema_version": "x"}, {"method": None}, {"steps": "many"}, {"network": [1]}]
)
def test_a_header_that_makes_no_sense_is_refused(model, changes):
    with pytest.raises(ModelError, match="its header: "):
        read_header(with_header(model, **changes))


def test_tensors_that_are_not_finite_are_refused(tmp_path, model):
    tensors = ModelFile("m", model, header_of(model)).tensors()
    name = next(iter(tensors))
    tensors[name].view(-1)[0] = float("nan")
    metadata = {"stylize_model": header_of(model).model_dump_json()}
    save_file(tensors, tmp_path / "nan.safetensors", metadata)
    broken = ModelFile("nan", tmp_path / "nan.safetensors", header_of(model))
    with pytest.raises(ModelError, match=f"{name} holds NaN or infinity"):
        broken.tensors()


def test_a_file_that_has_gone_since_its_header_was_read_is_told_as_missing(tmp_path, host, model):
    known = find_model(host, str(model))
    model.unlink()
    with pytest.raises(ModelError, match=f"{model.name}: no such file"):
        known.tensors()


def test_a_value_that_float16_cannot_hold_is_not_written(tmp_path, model):
    with pytest.raises(ModelError, match="a reaches 1e\\+05, float16 holds up to 65504"):
        write_model(tmp_path / "big.safetensors", header_of(model), {"a": torch.tensor([1e5])})
    assert not (tmp_path / "big.safetensors").exists()


def test_a_full_disk_keeps_the_file_before(model, full_disk):
    before = model.read_bytes()
    with full_disk(), pytest.raises(OutputError, match="free some space"):
        write_model(model, header_of(model), {"a": torch.zeros(3)})
    assert model.read_bytes() == before
    assert list(model.parent.iterdir()) == [model]


def test_a_name_is_a_file_or_one_of_the_user_s_own_folder(tmp_path, host, monkeypatch):
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("STYLIZE_MODELS", str(own))
    path = make_model(own / "dunes.safetensors")
    assert find_model(host, "dunes").path == path
    assert find_model(host, str(path)).path == path
    monkeypatch.chdir(tmp_path)
    make_model(tmp_path / "bare.safetensors")
    assert find_model(host, "bare.safetensors").name == "bare.safetensors"
    with pytest.raises(UnknownNameError, match="did you mean dunes"):
        find_model(host, "dune")
    with pytest.raises(ModelError, match=r"away\.safetensors: no such file"):
        find_model(host, "away.safetensors")


def test_a_broken_model_of_the_user_s_is_listed_as_its_error(tmp_path, host, monkeypatch):
    monkeypatch.setenv("STYLIZE_MODELS", str(tmp_path))
    make_model(tmp_path / "dunes.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"")
    broken, dunes = known_models(host)[:2]
    assert isinstance(broken, ModelError)
    assert isinstance(dunes, ModelFile)
    assert dunes.name == "dunes"
