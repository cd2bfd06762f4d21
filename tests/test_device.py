"""Devices and precisions."""

from __future__ import annotations

import pytest
import torch

from stylize import stylize_image
from stylize.building.device import choose_device, choose_precision
from stylize.errors import UsageError


def test_auto_prefers_cuda_and_falls_back_to_the_cpu():
    assert choose_device("auto").type in (
        "cuda"
        if torch.cuda.is_available()
        else "mps"
        if torch.backends.mps.is_available()
        else "cpu"
    )


@pytest.mark.parametrize("name", ["cuda:99", "tpu9", ""])
def test_a_device_that_is_not_there_is_refused_with_a_remedy(name):
    with pytest.raises(UsageError, match="--device auto"):
        choose_device(name)


def test_precision_is_probed_once_and_leaves_threads_and_random_state_alone():
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    chosen = choose_precision("auto", torch.device("cpu"))
    assert chosen in (torch.float32, torch.bfloat16)
    assert chosen == choose_precision("auto", torch.device("cpu"))
    assert torch.get_num_threads() == threads
    assert torch.equal(state, torch.random.get_rng_state())


def test_explicit_precision_is_taken_as_it_is():
    cpu = torch.device("cpu")
    assert choose_precision("float32", cpu) == torch.float32
    assert choose_precision("bfloat16", cpu) == torch.bfloat16


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("method", ["gatys", "neighbors"])
def test_pictures_are_made_on_every_device(device, method, precision, photo, painting):
    result = stylize_image(
        photo,
        painting,
        size=64,
        device=str(device),
        precision=precision,
        method=method,
        options={method: {"iterations": [3]}},
    )
    assert result.record["device"].startswith(device.type)
    assert result.record["settings"]["precision"] == precision
    assert result.pixels.device.type == "cpu"


def test_bfloat16_comes_close_to_float32(photo, painting):
    options = {"gatys": {"scales": [1.0], "iterations": [25]}}
    style = [
        stylize_image(
            photo,
            painting,
            method="gatys",
            size=96,
            device="cpu",
            precision=precision,
            options=options,
        ).record["losses"]
        for precision in ("float32", "bfloat16")
    ]
    for term in ("content", "style"):
        assert style[1][term] == pytest.approx(style[0][term], rel=0.15)
