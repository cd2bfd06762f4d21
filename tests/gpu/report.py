"""One JSON file and one Markdown page with all rows, and the machine that they come from."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from gpu.tasks import Row
from stylize import framework_version

__all__ = ["describe_machine", "write_report"]


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Return the device's name, its driver, and the versions of the software."""
    machine: dict[str, Any] = {
        "device": device.type,
        "name": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "stylize": framework_version(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "driver": None,
    }
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        machine |= {
            "name": card.name,
            "capability": f"{card.major}.{card.minor}",
            "memory_gb": round(card.total_memory / 1e9, 1),
            "driver": _driver(),
        }
    return machine


def _driver() -> str | None:
    """Return the driver's version according to nvidia-smi, or None without nvidia-smi."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return said.splitlines()[0].strip() if said.strip() else None


def write_report(
    folder: Path, machine: Mapping[str, Any], extent: str, seconds: float, rows: Sequence[Row]
) -> None:
    """Write gpu.json and gpu.md, replacing older ones."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {
        "machine": dict(machine),
        "extent": extent,
        "seconds": round(seconds, 1),
        "failed": sum(row.failed for row in rows),
        "rows": [
            {
                "section": row.section,
                "task": row.task,
                "status": row.status,
                "seconds": round(row.seconds, 2),
                "values": row.outcome.values,
                "claims": row.outcome.claims,
                "notes": row.outcome.notes,
                "not_run": row.outcome.skipped,
            }
            for row in rows
        ],
    }
    (folder / "gpu.json").write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    (folder / "gpu.md").write_text(_page(machine, extent, seconds, rows), encoding="utf-8")


def _page(machine: Mapping[str, Any], extent: str, seconds: float, rows: Sequence[Row]) -> str:
    lines = [f"# {machine['name']}", ""]
    known = {key: value for key, value in machine.items() if value is not None and key != "name"}
    lines.append(", ".join(f"{key} {value}" for key, value in known.items()) + ".")
    failed = sum(row.failed for row in rows)
    left_out = sum(bool(row.outcome.skipped) for row in rows)
    counted = f"{len(rows)} tasks, {failed} failed, {left_out} not run in whole or in part"
    lines += ["", f"`make gpu GPU={extent}`, {seconds:.0f} s: {counted}."]
    for section in dict.fromkeys(row.section for row in rows):
        lines += ["", f"## {section}", "", "| task | status | results |", "| --- | --- | --- |"]
        for row in (row for row in rows if row.section == section):
            lines.append(f"| {row.task} | {row.status} | {_found(row).replace('|', '/')} |")
    return "\n".join([*lines, ""])


def _found(row: Row) -> str:
    """Return a row's values, its claims that do not hold, and the tasks that did not run."""
    found = [f"{name} {_number(value)}" for name, value in row.outcome.values.items()]
    found += [f"FAILS: {claim}" for claim, holds in row.outcome.claims.items() if not holds]
    found += row.outcome.notes
    if row.outcome.skipped:
        found.append(f"not run: {row.outcome.skipped}")
    return "; ".join(found)


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
