"""Files of weights that the user gives: recognised, or rejected before anything else is said."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from command import SMALL
from stylize import PluginHost, make_plan, make_settings, read_image
from stylize.errors import WeightsError
from stylize.files import package_file
from stylize.tensorfile import read_tensors

PAIR = ("photo.png", "painting.png")
THIN = "stylize_resnet:resnet50_thin-open_nsfw.safetensors"
VGG = "stylize_vgg:vgg16-oxford.safetensors"
# Softmax depends on the gains.
SOFT = (
    *SMALL,
    "--method",
    "gatys",
    "--set",
    "gatys.iterations=4",
    "--backbone",
    "resnet50_thin",
    "--smooth",
    "softmax",
)


@pytest.fixture
def thin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the default's weights under another name."""
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    shutil.copy(package_file(THIN), path)
    return path


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as opened:
        return opened.metadata() or {}


def change_one_value(path: Path) -> None:
    tensors, header = load_file(path), metadata(path)
    tensors["conv1.bias"][0] += 1
    save_file(tensors, path, header)


def test_a_copy_of_the_default_weights_gives_the_default_picture(command, thin):
    usual = command(*PAIR, *SOFT, "-o", "usual.png")
    given = command(*PAIR, *SOFT, "--weights", thin, "-o", "given.png", "--json")
    assert usual.code == given.code == 0
    assert given.err == ""
    assert given.records[0]["settings"]["backbone"] == "resnet50_thin.open_nsfw"
    pixels = [read_image(command.folder / name).pixels for name in ("usual.png", "given.png")]
    assert torch.equal(*pixels)


def test_the_order_of_tensors_and_other_texts_do_not_matter(host, thin):
    header = {key: metadata(thin)[key] for key in ("mean", "std")}
    save_file(dict(reversed(load_file(thin).items())), thin, {**header, "note": "copied"})
    settings = {"backbone": "resnet50_thin", "weights": thin, "smooth": "softmax"}
    plan = make_plan(host, make_settings(settings, host))
    assert plan.weights_tag == "open_nsfw"
    assert plan.problems == ()


@pytest.mark.parametrize("part", ["tensors", "mean"])
def test_other_weights_are_not_taken_for_the_defaults(host, thin, part):
    if part == "tensors":
        change_one_value(thin)
    else:
        save_file(load_file(thin), thin, {**metadata(thin), "mean": "[0.5, 0.5, 0.5]"})
    settings = {"backbone": "resnet50_thin", "weights": thin, "smooth": "softmax"}
    plan = make_plan(host, make_settings(settings, host))
    assert plan.weights_tag is None
    assert [p.message for p in plan.problems if f"no gains are known for {thin}" in p.message]


def test_a_rerun_gives_other_weights_no_gains_either(command, thin):
    change_one_value(thin)
    made = command(*PAIR, *SOFT, "--weights", thin, "--record", "full", "-o", "a.png", "--json")
    assert made.records[0]["settings"]["backbone"] == "resnet50_thin"
    again = command("rerun", "a.png", "-o", "b.png")
    assert again.code == 0, again.err
    pixels = [read_image(command.folder / name).pixels for name in ("a.png", "b.png")]
    assert torch.equal(*pixels)


def test_a_given_tag_says_which_gains_a_file_has(host, thin):
    change_one_value(thin)
    settings = {"backbone": "resnet50_thin.open_nsfw", "weights": thin, "smooth": "softmax"}
    assert make_plan(host, make_settings(settings, host)).problems == ()


def test_wrong_files_are_refused_before_any_warning(command, thin):
    Path("notes.txt").write_text("no weights")
    Path("short.safetensors").write_bytes(thin.read_bytes()[:-8])
    shutil.copy(package_file(VGG), "vgg.safetensors")
    shutil.copy(thin, "thin.safetensors")
    for name, header in (("nested", b"[" * 200_000), ("texts", b'{"__metadata__": {"mean": 5}}')):
        Path(f"{name}.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    refused = {
        "nested.safetensors": "cannot be read (its header is nested too deeply)",
        "texts.safetensors": "cannot be read (its metadata are no texts)",
        "thim.safetensors": "no such file: did you mean thin.safetensors?",
        ".": "is a folder: name a file of weights",
        "notes.txt": "cannot be read (its header claims ",
        "short.safetensors": "bytes of tensors): it is corrupt",
        "photo.png": "neither safetensors nor a plain PyTorch state dict",
        "vgg.safetensors": "is of vgg16, not of resnet50_thin: use --backbone vgg16, or give",
    }
    for name, message in refused.items():
        outcome = command(*PAIR, *SOFT, "--weights", name)
        assert outcome.code == 2
        assert message in outcome.complaint


@pytest.mark.filterwarnings("error")
def test_a_damaged_pytorch_file_is_told_in_our_own_words(tmp_path):
    path = tmp_path / "w.pth"
    chance = random.Random(0)
    for old in (False, True):
        torch.save({"a": torch.ones(3)}, path, _use_new_zipfile_serialization=not old)
        whole = path.read_bytes()
        refused = []
        for _ in range(200):
            damaged = bytearray(whole[: chance.choice([len(whole), len(whole) // 2])])
            for _ in range(8):
                damaged[chance.randrange(2, len(damaged))] = chance.randrange(256)
            path.write_bytes(damaged)
            try:
                read_tensors(path)
            except WeightsError as error:
                refused.append(str(error))
        assert len(refused) > 100
        assert not [said for said in refused if not said.startswith(f"weights file {path} ")]
        assert not [said for said in refused if "torch.load" in said or "\n" in said]


def test_a_pickled_network_is_refused_with_how_to_save_its_weights(tmp_path):
    path = tmp_path / "whole.pth"
    torch.save(torch.nn.Conv2d(1, 1, 1), path)
    with pytest.raises(WeightsError, match=r"holds torch\.nn\.modules\.conv\.Conv2d, .*: save its"):
        read_tensors(path)


def test_a_trained_model_is_no_file_of_weights(command, noise_model):
    outcome = command(*PAIR, *SOFT, "--weights", noise_model)
    assert f"is a trained model: use --model {noise_model}" in outcome.complaint


def test_a_file_for_another_network_is_named_to_programs_too(host: PluginHost, thin):
    from stylize import load_backbone

    with pytest.raises(WeightsError, match="is of resnet50_thin, not of vgg16"):
        load_backbone(host, "vgg16.oxford", weights=thin, device="cpu")
