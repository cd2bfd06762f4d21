"""Traffic of the device: waits and transfers per evaluation, and memory."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from gpu.kit import Kit, methods
from gpu.tasks import Clock, NotRun, Outcome, Section, Task

__all__ = ["count_events", "memory", "traffic"]

# torch's names for fetching a number (a wait) and for sending a constant.
WAIT, CONSTANT = "aten::_local_scalar_dense", "aten::lift_fresh"
COPIES = {"sent": "Memcpy HtoD", "fetched": "Memcpy DtoH"}
# Evaluations of the two runs that are subtracted: on a card, L-BFGS's history is then full.
COUNTS = {"cuda": (12, 16), "cpu": (2, 4)}
# Evaluations of a picture for the peak memory: its history is full, too.
EVALUATIONS = 12
# One wait for an evaluation's numbers, and one for how far the picture moved. The former is a copy
# without that name; but torch's Adam fetches its number of steps by it, from the CPU. torch's
# L-BFGS waits twice for each step that it remembers, and a few times more.
WAITS, WAITS_LBFGS = 2, 2 * 10 + 8
# Limit, as a share of the plain loop's memory.
MEMORY = 1.0


def traffic(kit: Kit) -> Section:
    """Return the section that counts an evaluation's waits and transfers with the profiler."""
    tasks = [
        Task(f"{spec.name}, {optimizer}", _task(kit, spec.name, optimizer, waits))
        for spec in methods(kit.host, trainable=False)
        if {"optimizer", "iterations"} <= _settings(kit, spec)
        for optimizer, waits in (("adam", WAITS), ("lbfgs", WAITS_LBFGS))
    ]
    return Section("Waits and transfers per evaluation", 0.1, tasks)


def _settings(kit: Kit, spec: Any) -> set[str]:
    model = kit.host.settings_model(spec)
    return set(model.model_fields) if model else set()


def _task(kit: Kit, method: str, optimizer: str, waits: int) -> Any:
    def run(_: Clock) -> Outcome:
        counts = COUNTS["cuda" if kit.is_cuda else "cpu"]
        few, more = (_profile(kit, method, optimizer, count) for count in counts)
        each = {name: (more[name] - few[name]) / (counts[1] - counts[0]) for name in more}
        claims = {
            f"at most {waits} waits": each["waits"] <= waits,
            "nothing is sent": each["constants"] == 0 and each.get("sent", 0) == 0,
        }
        if kit.is_cuda:
            # Several numbers in one tensor are a copy, but not a wait by that name.
            claims[f"at most {waits + 1} copies are fetched"] = each["fetched"] <= waits + 1
        return Outcome(each, claims)

    return run


def _profile(kit: Kit, method: str, optimizer: str, count: int) -> dict[str, float]:
    """Count the events of a picture with some evaluations at one scale."""
    chosen = {"optimizer": optimizer, "scales": [1.0], "iterations": [count]}
    parts = kit.parts(method=method, options={method: chosen})
    return count_events(kit, lambda: kit.make(parts, kit.extent.check))


def count_events(kit: Kit, work: Any) -> dict[str, float]:
    """Return how often a function fetches a number, sends a constant, and copies."""
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if kit.is_cuda else [])]
    with profile(activities=activities) as profiler:
        work()
        kit.wait()
    seen: Counter[str] = Counter()
    for event in profiler.events():
        seen[event.name] += 1
    found = {
        "waits": seen[WAIT],
        "constants": seen[CONSTANT],
        "operations": sum(n for name, n in seen.items() if name.startswith("aten::")),
    }
    if kit.is_cuda:
        for what, start in COPIES.items():
            found[what] = sum(n for name, n in seen.items() if name.startswith(start))
        found["synchronisations"] = sum(n for name, n in seen.items() if "Synchronize" in name)
    return {name: float(number) for name, number in found.items()}


def memory(kit: Kit) -> Section:
    """Return the section that compares a picture's peak to the plain loop's, and finds leaks."""
    sizes = kit.extent.gatys[:2]
    tasks = [
        *(Task(f"gatys, {size} px", lambda clock, size=size: _peak(kit, size)) for size in sizes),
        Task("what is left", lambda clock: _left(kit)),
    ]
    return Section("Memory", 0.08, tasks)


def _peak(kit: Kit, size: int) -> Outcome:
    import reference

    _require_count(kit)
    photo, painting = kit.pictures(size)
    plain = kit.peak(lambda: reference.optimise(photo, painting, EVALUATIONS))
    chosen = {"scales": [1.0], "iterations": [EVALUATIONS]}
    peaks = {
        str(dtype).removeprefix("torch."): kit.peak(
            lambda dtype=dtype: kit.make(
                kit.parts(dtype, method="gatys", options={"gatys": chosen}), size
            )
        )
        for dtype in (torch.float32, torch.bfloat16)
    }
    return Outcome(
        {"plain MB": plain, **{f"{name} MB": peak for name, peak in peaks.items()}},
        {f"float32 takes at most {MEMORY:g} of plain": peaks["float32"] <= MEMORY * plain},
    )


def _left(kit: Kit) -> Outcome:
    """Make three pictures by each method, and measure the memory that the last one leaks."""
    _require_count(kit)
    left = {}
    for spec in methods(kit.host, trainable=False):
        held = []
        for _ in range(3):
            kit.make(kit.parts(method=spec.name), kit.extent.check, 2)
            gc.collect()
            held.append(torch.cuda.memory_allocated(kit.device))
        left[f"{spec.name} MB"] = (held[-1] - held[-2]) / 2**20
    return Outcome(dict(left), {"a picture leaves nothing": all(mb < 1 for mb in left.values())})


def _require_count(kit: Kit) -> None:
    if not kit.is_cuda:
        raise NotRun("torch counts no peak on the CPU")
