"""`stylize devices`: each device with its precision and the reason, and the one in use."""

from __future__ import annotations

import json
import os
import platform
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stylize.command import JsonOption, clean_stdout

if TYPE_CHECKING:
    import torch

__all__ = ["devices"]


def devices(as_json: JsonOption = False) -> None:
    """Show the processor and GPUs that PyTorch sees, and which one is used.

    The command also shows the precision of --precision auto, with the reason.
    """
    with clean_stdout():
        found = _examine()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(f"PyTorch {found['torch']}, {found['build']}")
    for device in found["devices"]:
        typer.echo(f"{device['device']}: {device['name']}, {device['memory']}")
        typer.echo(f"  {device['precision']}, as {device['reason']}")
    for problem in found["problems"]:
        typer.echo(f"not used: {problem}")
    typer.echo(f"stylize uses {found['used']} (choose another with --device)")


def _examine() -> dict[str, Any]:
    import torch

    from stylize import choose_device

    with warnings.catch_warnings(record=True) as caught:  # a driver's, over several lines
        warnings.simplefilter("always")
        cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = ["mps"] * torch.backends.mps.is_available()
    names = ["cpu", *(f"cuda:{number}" for number in range(cards)), *mps]
    problems = [" ".join(str(each.message).split()) for each in caught]
    built = torch.version.cuda or torch.version.hip
    if built and not cards:
        problems.append("a GPU: PyTorch is built for one, but finds none that works")
    return {
        "torch": torch.__version__,
        "build": _build(torch.version.cuda, torch.version.hip),
        "devices": [_describe(torch.device(name)) for name in names],
        "problems": problems,
        "used": str(choose_device()),
    }


def _build(cuda: str | None, hip: str | None) -> str:
    if cuda:
        return f"built for CUDA {cuda}"
    return f"built for ROCm {hip}" if hip else "built without CUDA"


def _describe(device: torch.device) -> dict[str, str]:
    import torch

    from stylize import choose_precision, declares_bfloat16

    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        name, memory = properties.name, f"{properties.total_memory / 1e9:.0f} GB"
    elif device.type == "cpu":
        name = _processor()
        memory = f"{torch.get_num_threads()} threads on {os.cpu_count()} cores"
    else:
        name, memory = "Apple GPU", "memory shared with the processor"
    return {
        "device": str(device),
        "name": name,
        "memory": memory,
        "precision": str(choose_precision("auto", device)).removeprefix("torch."),
        "reason": declares_bfloat16(device)[1],
    }


def _processor() -> str:
    """Return the processor's name, which Python does not report on Linux."""
    told = Path("/proc/cpuinfo")
    if told.is_file():
        for line in told.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return " ".join(value.split())
    return platform.processor() or platform.machine()
