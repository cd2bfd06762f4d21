"""Two processes train as one with twice the batch does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from small_training import TRAIN, make_photographs
from stylize import read_header

pytestmark = pytest.mark.slow

ADAM_SHARE = 0.1  # of the first gradient in Adam's first average


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, painting: Path) -> Path:
    folder = tmp_path_factory.mktemp("studio")
    make_photographs(folder / "photographs", count=10)
    with Image.open(painting) as image:
        image.resize((64, 48)).save(folder / "painting.png")
    return folder


def train(studio: Path, name: str, processes: int, *options: str) -> dict[str, str]:
    """Train in several processes at once; return the output of each, by rank."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "stylize", *TRAIN, "-o", f"{name}.safetensors", *options]
    shared = {
        **os.environ,
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "ACCELERATE_USE_CPU": "1",
        "OMP_NUM_THREADS": "1",
    }
    running = [
        subprocess.Popen(
            line,
            cwd=studio,
            env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} if processes > 1 else None,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(processes)
    ]
    try:
        said = {str(rank): each.communicate(timeout=300)[1] for rank, each in enumerate(running)}
    finally:
        for each in running:
            each.kill()
    assert [each.returncode for each in running] == [0] * processes, said
    return said


def gradients(studio: Path, name: str) -> list[torch.Tensor]:
    """Return the gradients of the first step, from the optimiser's state."""
    path = studio / f"{name}.training" / "checkpoint.pt"
    state = torch.load(path, weights_only=True)["optimizer"]["state"]
    return [state[number]["exp_avg"] / ADAM_SHARE for number in sorted(state)]


def test_two_processes_give_the_gradients_of_one_with_twice_the_batch(studio):
    once = ("--steps", "1", "--validation", "1")
    train(studio, "one", 1, *once, "--batch", "4")
    said = train(studio, "two", 2, *once, "--batch", "2")
    one, two = gradients(studio, "one"), gradients(studio, "two")
    assert max(gradient.abs().max().item() for gradient in one) > 1e-3
    for first, second in zip(one, two, strict=True):
        assert (first - second).abs().max() < 1e-5 * max(1, first.abs().max())
    assert "1 of 1 steps" in said["0"]
    assert said["1"] == ""
    assert read_header(studio / "two.safetensors").steps == 1
    preview = studio / "two.training" / "preview_000001.jpg"
    assert preview.exists()
