"""The device of a run: the best that works."""

from __future__ import annotations

import logging
import re
import warnings

import torch

from stylize.errors import DeviceError, UsageError
from stylize.spelling import nearest_name

__all__ = ["choose_device"]

LOG = logging.getLogger("stylize")
CHOICES = ("auto", "cpu", "cuda", "cuda:1", "mps")


def choose_device(name: str = "auto") -> torch.device:
    """Return the device by torch's name; "auto" prefers CUDA, then MPS, then the CPU.

    "auto" warns of a GPU that is present and cannot be used.

    Raises: UsageError if the device is unknown or absent, DeviceError if it is too old.
    """
    with warnings.catch_warnings(record=True) as caught:  # drivers warn in paragraphs
        warnings.simplefilter("always")
        cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = ["mps"] * torch.backends.mps.is_available()
    best = ["cuda"] * bool(cards or caught) + mps + ["cpu"]
    for chosen in best if name == "auto" else [name]:
        try:
            device = torch.device(chosen)
            torch.zeros(1, device=device).item()  # the meta device, for one, holds no values
            if device.type == "cpu" and device.index:  # whatever the number, torch takes it
                raise RuntimeError("the CPU is one device")
            return device
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            failed, reason = error, str(error).splitlines()[0].split(". ")[0].strip(".")
        message = f"device {chosen!r} cannot be used ({reason})"
        if name == "auto":
            LOG.warning("%s: the next best is taken", message)
    if "too old" in reason or "no kernel image" in reason:
        raise DeviceError(f"{message}: update its driver, or use --device cpu") from failed
    if "device string" in reason.lower():  # torch's words for a name that is none
        meant = name.lower().replace("gpu", mps[0] if mps else "cuda")
        right = re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", meant)
        near = meant if right else nearest_name(meant, CHOICES)
        hint = f"; did you mean {near}?" if near else ""
        raise UsageError(f"unknown device {name!r}{hint} (known: {', '.join(CHOICES)})")
    known = ["cpu", *(f"cuda:{number}" for number in range(cards)), *mps]
    use = f"auto, or one of {', '.join(known)}" if known[1:] else "cpu, the only one here"
    raise UsageError(f"{message}: use --device {use}") from failed
