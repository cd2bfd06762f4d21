"""The project's best-known command, with and without available weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision

from command import STEPS

LINE = ("--backbone", "resnet50", "--smooth", "tanh", "photo.png", "painting.png")


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path_factory.mktemp("torch")
    monkeypatch.setenv("TORCH_HOME", str(home))
    (home / "hub" / "checkpoints").mkdir(parents=True)
    return home / "hub" / "checkpoints"


def test_resnet50_with_tanh_makes_the_picture_from_cached_weights(command, cache):
    """The cache holds random weights: they test the wiring."""
    torch.manual_seed(0)
    url = torchvision.models.ResNet50_Weights.IMAGENET1K_V1.url
    torch.save(torchvision.models.resnet50(weights=None).state_dict(), cache / Path(url).name)
    outcome = command(*LINE, *STEPS, "--json")
    (record,) = outcome.records
    assert outcome.code == 0
    assert record["settings"]["backbone"] == "resnet50.imagenet1k_v1"
    assert record["settings"]["smooth"] == "tanh"
    assert (command.folder / record["output"]).exists()


def test_resnet50_without_its_weights_names_the_one_that_works_at_once(command, cache):
    outcome = command(*LINE, *STEPS)
    assert outcome.code == 3
    assert "--weights" in outcome.err
    assert "resnet50_thin.open_nsfw" in outcome.err


def test_resnet50_thin_works_at_once(command, cache):
    line = [part.replace("resnet50", "resnet50_thin") for part in LINE]
    assert command(*line, *STEPS).code == 0
