"""What goes between the device and the rest: waits and transfers an evaluation, and memory."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from gpu.kit import Kit, methods
from gpu.tasks import Clock, NotRun, Outcome, Section, Task

__all__ = ["count_events", "memory", "traffic"]

# What torch calls a number that is asked for (a wait), and a constant that is sent.
WAIT, CONSTANT = "aten::_local_scalar_dense", "aten::lift_fresh"
COPIES = {"sent": "Memcpy HtoD", "fetched": "Memcpy DtoH"}
# Evaluations of the two runs whose difference is taken: on a card with L-BFGS's history full.
COUNTS = {"cuda": (12, 16), "cpu": (2, 4)}
# Of a picture whose memory is looked at: the same.
EVALUATIONS = 12
# An evaluation's numbers in one piece, and how far the picture moved; L-BFGS of torch waits twice
# for each step that it remembers, and for a few more.
WAITS, WAITS_LBFGS = 2, 2 * 10 + 8
# Of the memory of the plain loop.
MEMORY = 1.0


def traffic(kit: Kit) -> Section:
    """Return the section: what an evaluation waits for and sends, by the profiler's count."""
    tasks = [
        Task(f"{spec.name}, {optimizer}", _task(kit, spec.name, optimizer, waits))
        for spec in methods(kit.host, trainable=False)
        if {"optimizer", "iterations"} <= _settings(kit, spec)
        for optimizer, waits in (("adam", WAITS), ("lbfgs", WAITS_LBFGS))
    ]
    return Section("Waits and transfers an evaluation", 0.1, tasks)


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
            # Several numbers in one piece are a copy, but no wait by that name.
            claims[f"at most {waits + 1} copies are fetched"] = each["fetched"] <= waits + 1
        return Outcome(each, claims)

    return run


def _profile(kit: Kit, method: str, optimizer: str, count: int) -> dict[str, float]:
    """Count events of a picture of some evaluations at one scale."""
    chosen = {"optimizer": optimizer, "scales": [1.0], "iterations": [count]}
    parts = kit.parts(method=method, options={method: chosen})
    return count_events(kit, lambda: kit.make(parts, kit.extent.check))


def count_events(kit: Kit, work: Any) -> dict[str, float]:
    """Return how often some work asks for a number, sends a constant, and copies."""
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
    """Return the section: the peak of a picture beside the plain loop's, and what is left of it."""
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
    """Make pictures by each method twice, and see what the second leaves behind."""
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
        raise NotRun("of the CPU torch counts no peak")
