"""The precision of networks: chosen by what the hardware declares, never by a timing."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from stylize.errors import UsageError

__all__ = ["choose_precision", "declares_bfloat16", "has_float64", "to_float64"]

AMX, AVX = "AMX", "AVX-512 bfloat16"


def choose_precision(precision: str, device: torch.device) -> torch.dtype:
    """Return the dtype of the network; "auto" takes bfloat16 if the hardware declares it.

    Never by a timing: the same command makes the same picture, however busy the machine is.

    Raises: UsageError for bfloat16 on a GPU that does not multiply it.
    """
    declared, _ = declares_bfloat16(device)
    if precision == "bfloat16" and device.type == "cuda" and not declared:
        raise UsageError(
            f"{torch.cuda.get_device_name(device)} is too old for bfloat16: use --precision float32"
        )
    reduced = precision == "bfloat16" or (precision == "auto" and declared)
    return torch.bfloat16 if reduced else torch.float32


def declares_bfloat16(device: torch.device) -> tuple[bool, str]:
    """Return whether the hardware declares that it multiplies bfloat16, and the reason."""
    if device.type == "cuda":
        if torch.version.hip:
            return True, "ROCm has bfloat16"
        major, minor = torch.cuda.get_device_capability(device)
        return major >= 8, f"the GPU has compute capability {major}.{minor}"
    if device.type != "cpu":
        return False, f"{device.type} is used in float32"
    found = [name for name, there in _cpu_features().items() if there]
    if not found:
        return False, f"the processor declares neither {AMX} nor {AVX}"
    return True, f"the processor declares {' and '.join(found)}"


@cache
def has_float64(device: torch.device) -> bool:
    """Whether a device computes in float64: GPUs of Apple do not, nor do some of Intel."""
    try:
        torch.zeros(1, dtype=torch.float64, device=device).item()
    except (TypeError, RuntimeError):
        return False
    return True


def to_float64(tensor: Tensor) -> Tensor:
    """Return a tensor in float64: on its device, or on the CPU if that has no float64."""
    return tensor.to(tensor.device if has_float64(tensor.device) else "cpu", torch.float64)


def _cpu_features() -> dict[str, bool]:
    """Return the processor's features for fast bfloat16; private functions in older torch."""
    if ask := getattr(torch.cpu, "get_capabilities", None):
        told = ask()
        return {AMX: bool(told.get("amx_bf16")), AVX: bool(told.get("avx512_bf16"))}
    names = {AMX: "_is_amx_tile_supported", AVX: "_is_avx512_bf16_supported"}
    return {key: bool(getattr(torch.cpu, name, bool)()) for key, name in names.items()}
