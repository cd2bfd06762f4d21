"""Which device and precision a run uses, probed rather than guessed."""

from __future__ import annotations

import time
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F

from stylize.errors import UsageError

__all__ = ["Precision", "choose_device", "choose_precision"]

Precision = Literal["auto", "float32", "bfloat16"]

# Below this ratio of times bfloat16 is worth its rounding.
WORTHWHILE = 0.8


def choose_device(name: str = "auto") -> torch.device:
    """Return the device by torch's name; "auto" prefers CUDA, then MPS, then the CPU.

    Raises: UsageError where the device is unknown or absent.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()  # the meta device, for one, holds no values
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"device {name!r} cannot be used ({reason}): try --device auto") from error
    return device


def choose_precision(precision: Precision, device: torch.device) -> torch.dtype:
    """Return the dtype of the network; "auto" takes bfloat16 where it is seen to be faster."""
    if precision == "auto":
        faster = _bfloat16_is_supported(device) and _bfloat16_ratio(device) < WORTHWHILE
        return torch.bfloat16 if faster else torch.float32
    return torch.bfloat16 if precision == "bfloat16" else torch.float32


def _bfloat16_is_supported(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 itself: emulation is slower, so not worth timing."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return False


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
    kernel = torch.zeros(64, 64, 3, 3, device=device, dtype=dtype)
    kernel = kernel.contiguous(memory_format=torch.channels_last)
    image = torch.zeros(1, 64, 96, 96, device=device, dtype=dtype)
    image = image.contiguous(memory_format=torch.channels_last).requires_grad_()
    best = float("inf")
    for _ in range(6):
        start = time.perf_counter()
        torch.autograd.grad(F.conv2d(image, kernel, padding=1).sum(), image)
        if device.type == "cuda":  # which works on by itself
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - start)
    return best
