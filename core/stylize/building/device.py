"""Which device and precision a run uses, probed rather than guessed."""

from __future__ import annotations

import logging
import timeit
import warnings
from functools import cache

import torch
import torch.nn.functional as F

from stylize.errors import DeviceError, UsageError

__all__ = ["choose_device", "choose_precision"]

LOG = logging.getLogger("stylize")
# Below this ratio of times bfloat16 is worth its rounding.
WORTHWHILE = 0.8


def choose_device(name: str = "auto") -> torch.device:
    """Return the device by torch's name; "auto" prefers CUDA, then MPS, then the CPU.

    "auto" warns of a GPU that is there and cannot be used.

    Raises: UsageError where the device is unknown or absent, DeviceError where it is too old.
    """
    with warnings.catch_warnings(record=True) as caught:  # of a driver, in paragraphs
        warnings.simplefilter("always")
        cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = ["mps"] * torch.backends.mps.is_available()
    best = ["cuda"] * bool(cards or caught) + mps + ["cpu"]
    for chosen in best if name == "auto" else [name]:
        try:
            device = torch.device(chosen)
            torch.zeros(1, device=device).item()  # the meta device, for one, holds no values
            return device
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            failed, reason = error, str(error).splitlines()[0].split(". ")[0].strip(".")
        message = f"device {chosen!r} cannot be used ({reason})"
        if name == "auto":
            LOG.warning("%s: the next best is taken", message)
    if "too old" in reason or "no kernel image" in reason:
        raise DeviceError(f"{message}: update its driver, or use --device cpu") from failed
    known = ", ".join(["cpu", *(f"cuda:{number}" for number in range(cards)), *mps])
    raise UsageError(f"{message}: use --device auto, or one of {known}") from failed


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """Return the dtype of the network; "auto" takes bfloat16 where it is seen to be faster.

    Raises: UsageError for bfloat16 on a GPU that does not multiply it.
    """
    supported = precision != "float32" and _bfloat16_is_supported(device)
    if precision == "bfloat16" and device.type == "cuda" and not supported:
        raise UsageError(
            f"{torch.cuda.get_device_name(device)} is too old for bfloat16: use --precision float32"
        )
    reduced = precision == "bfloat16" or (supported and _bfloat16_ratio(device) < WORTHWHILE)
    return torch.bfloat16 if reduced else torch.float32


def _bfloat16_is_supported(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 itself: emulation is slower, so not worth timing."""
    if device.type == "cuda":
        return bool(torch.version.hip) or torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


@cache
def _bfloat16_ratio(device: torch.device) -> float:
    """Time of a typical convolution, forward and back, in bfloat16 over float32."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads that wait for each other on a busy machine hide the ratio
    try:
        return _time_convolution(device, torch.bfloat16) / _time_convolution(device, torch.float32)
    finally:
        torch.set_num_threads(threads)


def _time_convolution(device: torch.device, dtype: torch.dtype) -> float:
    zero = torch.zeros((), device=device, dtype=dtype, requires_grad=True)
    kernel = zero.expand(64, 64, 3, 3).contiguous(memory_format=torch.channels_last)
    image = zero.expand(1, 64, 96, 96).contiguous(memory_format=torch.channels_last)

    def work() -> None:
        (gradient,) = torch.autograd.grad(F.conv2d(image, kernel, padding=1).sum(), image)
        gradient[0, 0, 0, 0].item()  # a GPU works on by itself until it is asked

    return min(timeit.repeat(work, number=1, repeat=6))
