"""Devices and precisions."""

from __future__ import annotations

import warnings

import pytest
import torch

from command import FAST
from stylize import read_record, stylize_image
from stylize.building.device import choose_device
from stylize.errors import DeviceError, UsageError
from stylize.precision import choose_precision, declares_bfloat16

OLD = (
    "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU "
    "driver by downloading and installing a new version from the URL: ..."
)


def test_auto_prefers_cuda_and_falls_back_to_the_cpu():
    assert choose_device("auto").type in (
        "cuda"
        if torch.cuda.is_available()
        else "mps"
        if torch.backends.mps.is_available()
        else "cpu"
    )


@pytest.fixture
def cards(monkeypatch):
    """Make torch see two NVIDIA cards, where each tensor raises an error with a message."""

    def pretend(message: str, capability: tuple[int, int] = (7, 0)) -> None:
        zeros = torch.zeros

        def fail(*size, device=None, **options):
            if torch.device(device or "cpu").type == "cuda":
                raise RuntimeError(message)
            return zeros(*size, device=device, **options)

        monkeypatch.setattr(torch, "zeros", fail)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Tesla V100")

    return pretend


@pytest.fixture
def old_driver(cards, monkeypatch):
    """Make torch find an outdated driver: it warns, and sees no card."""
    cards(OLD)

    def warn():
        warnings.warn(f"CUDA initialization: {OLD}", stacklevel=2)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", warn)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("cdua", "cuda"), ("gpu", "cuda"), ("GPU:3", "cuda:3"), ("CPU", "cpu"), ("mpss", "mps")],
)
def test_a_misspelt_device_is_answered_with_our_choices(name, meant, monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    known = r"\(known: auto, cpu, cuda, cuda:1, mps\)"
    with pytest.raises(
        UsageError, match=f"^unknown device '{name}'; did you mean {meant}. {known}$"
    ):
        choose_device(name)


def test_an_empty_name_is_no_device():
    with pytest.raises(UsageError, match=r"^unknown device '' \(known: auto"):
        choose_device("")


def test_a_gpu_of_a_mac_is_mps(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with pytest.raises(UsageError, match="did you mean mps"):
        choose_device("gpu")


@pytest.mark.parametrize("name", ["cuda:99", "meta", "cpu:9"])
def test_a_device_that_is_not_there_is_refused_with_a_remedy(name):
    with pytest.raises(
        UsageError, match=r"use --device (cpu, the only one here$|auto, or one of cpu, )"
    ):
        choose_device(name)


def test_a_device_that_is_not_there_is_refused_with_those_that_are(cards):
    cards("CUDA error: invalid device ordinal\nCUDA kernel errors might be ...")
    with pytest.raises(UsageError, match=r"invalid device ordinal.*one of cpu, cuda:0, cuda:1"):
        choose_device("cuda:2")


def test_a_driver_that_is_too_old_is_unavailable_in_one_line(old_driver):
    with pytest.raises(DeviceError, match=r"too old \(found version 11040\)\): update") as raised:
        choose_device("cuda")
    assert raised.value.exit_code == 3
    assert "\n" not in str(raised.value)


@pytest.mark.filterwarnings("error")
def test_auto_takes_the_cpu_where_the_driver_is_too_old_and_says_so(old_driver, caplog):
    assert choose_device("auto").type in ("cpu", "mps")
    (said,) = (record.getMessage() for record in caplog.records)
    assert "'cuda' cannot be used" in said
    assert "too old" in said


def test_auto_takes_the_cpu_where_torch_is_not_made_for_the_card(cards, caplog):
    cards("CUDA error: no kernel image is available for execution on the device")
    assert choose_device("auto").type in ("cpu", "mps")
    assert "no kernel image" in caplog.text


def test_the_command_tells_of_an_old_driver(command, old_driver):
    ended = command("photo.png", "painting.png", *FAST, "--device", "auto", "-o", "out.png")
    assert ended.code == 0
    assert ended.err.startswith("stylize: warning: device 'cuda' cannot be used")
    assert ended.err.count("too old") == 1
    refused = command("photo.png", "painting.png", *FAST, "--device", "cuda", "-o", "two.png")
    assert refused.code == 3
    assert "update its driver" in refused.complaint


def test_bfloat16_is_refused_on_a_card_that_does_not_multiply_it(cards):
    cards("not asked")
    card = torch.device("cuda")
    with pytest.raises(UsageError, match=r"Tesla V100 is too old for bfloat16.*float32"):
        choose_precision("bfloat16", card)
    assert choose_precision("auto", card) == torch.float32
    cards("not asked", capability=(8, 0))
    assert choose_precision("bfloat16", card) == torch.bfloat16


MEMORY = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB of "
    "which 1.2 GiB is free. If reserved but unallocated memory is large try setting ..."
)


@pytest.mark.parametrize(
    ("line", "where", "advice"),
    [
        (
            ("photo.png", "painting.png", *FAST),
            "stylize.making.stylizer.Stylizer.__call__",
            (
                "use a smaller --size, or --precision bfloat16, or smaller tiles of a trained "
                "model (--set METHOD.tile=512), or --device cpu"
            ),
        ),
        (
            ("evaluate", "photo.png", "--content", "photo.png", "--style", "painting.png"),
            "stylize.Judge.__call__",
            "use a smaller --judge-size, or --device cpu",
        ),
        (
            ("train", "johnson", "--data", ".", "--style", "painting.png", "-o", "m.safetensors"),
            "stylize_train.session.Training.__call__",
            "use a smaller --crop or --batch, or --precision bfloat16, or --device cpu",
        ),
    ],
    ids=["picture", "evaluate", "train"],
)
def test_out_of_memory_says_what_to_change_of_that_command(
    command, monkeypatch, line, where, advice
):
    def fail(*_, **__):
        raise torch.OutOfMemoryError(MEMORY)

    monkeypatch.setattr(where, fail)
    ended = command(*line)
    assert ended.code == 1
    assert ended.complaint == (
        f"stylize: out of GPU memory (CUDA out of memory. Tried to allocate 2.00 GiB): {advice}"
    )


@pytest.fixture
def processor(monkeypatch):
    """Make the processor declare the given features."""

    def declare(*names: str) -> None:
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda: dict.fromkeys(names, True), raising=False
        )

    return declare


@pytest.mark.parametrize(
    ("declared", "dtype", "why"),
    [
        ((), torch.float32, "declares neither AMX nor AVX-512 bfloat16"),
        (("avx512_f", "amx_fp16"), torch.float32, "declares neither AMX nor AVX-512 bfloat16"),
        (("avx512_bf16",), torch.bfloat16, "declares AVX-512 bfloat16"),
        (("amx_bf16", "avx512_bf16"), torch.bfloat16, "declares AMX and AVX-512 bfloat16"),
    ],
)
def test_auto_takes_what_the_processor_declares(processor, declared, dtype, why):
    processor(*declared)
    assert choose_precision("auto", torch.device("cpu")) == dtype
    assert declares_bfloat16(torch.device("cpu"))[1].endswith(why)


def test_auto_asks_older_releases_of_torch_in_private(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
    assert choose_precision("auto", torch.device("cpu")) == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    assert choose_precision("auto", torch.device("cpu")) == torch.float32


def test_what_auto_chose_is_shown_recorded_and_insisted_on_by_rerun(command, processor):
    processor("avx512_bf16")
    line = ("photo.png", "painting.png", "--size", "48", "--method", "gatys", "--device", "cpu")
    made = command(*line, "--set", "gatys.iterations=1", "-o", "out.png")
    assert made.err.endswith(" s on cpu in bfloat16\n")
    recorded = read_record("out.png")["precision"]
    assert recorded == "auto: the processor declares AVX-512 bfloat16"
    processor()
    again = command("rerun", "out.png", "--json")
    assert again.code == 0, again.err
    (record,) = again.records
    assert record["settings"]["precision"] == "bfloat16"
    assert record["precision"] == "asked for"


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
            size=64,
            device="cpu",
            precision=precision,
            options=options,
        ).record["losses"]
        for precision in ("float32", "bfloat16")
    ]
    for term in ("content", "style"):
        assert style[1][term] == pytest.approx(style[0][term], rel=0.15)
