"""Whether the device agrees with the CPU, and repeats a picture from its seed."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from gpu.kit import Kit, exact, methods
from gpu.tasks import Clock, Outcome, Section, Task
from stylize import Kind, MethodSpec, find_model
from stylize.testing.compose import run_settings_of

__all__ = ["compare", "determinism", "equality"]

# Limits for an objective in float32 (TF32 off): of its value, and its gradient's RMS error.
VALUE, GRADIENT = 1e-4, 1e-3
# Limits for pictures, of 255: the mean difference after three steps, in which L-BFGS magnifies
# rounding, and that of a trained network in float32 and in bfloat16 from float32 on the CPU (on
# which bfloat16 of the nine included models is up to 1.9 off).
STEPS, LEVELS = 3, {"picture": 1.0, "float32": 0.1, "bfloat16": 3.0}


def compare(found: Tensor, wanted: Tensor) -> float:
    """Return a tensor's relative root mean square error, computed on the CPU in float64."""
    found, wanted = found.detach().cpu().double(), wanted.detach().cpu().double()
    error = (found - wanted).square().mean().sqrt() / wanted.square().mean().sqrt().clamp_min(1e-30)
    return float(error)


def equality(kit: Kit, cpu: Kit) -> Section:
    """Return the section that compares the device to the CPU."""
    tasks = [Task("objective, smoothing x loss", lambda clock: _objectives(kit, cpu, clock))]
    tasks += [
        Task(f"{spec.name}, {STEPS} steps", _picture_task(kit, cpu, spec))
        for spec in methods(kit.host, trainable=False)
    ]
    tasks.append(Task("trained models", lambda clock: _models(kit, cpu, clock)))
    return Section("Equality with the CPU", 0.12, tasks)


def determinism(kit: Kit) -> Section:
    """Return the section that makes the same picture twice from one seed."""
    tasks = [
        Task(f"{spec.name}, {precision}", _again_task(kit, spec, getattr(torch, precision)))
        for spec in methods(kit.host, trainable=False)
        for precision in kit.precisions
    ]
    return Section("The same again with a seed", 0.05, tasks)


def _objectives(kit: Kit, cpu: Kit, clock: Clock) -> Outcome:
    """Compare values and gradients of every smoothing and loss, at an intermediate picture."""
    worst = {"value": 0.0, "gradient": 0.0}
    pairs = list(itertools.product(kit.host.names(Kind.SMOOTHING), kit.host.names(Kind.LOSS)))
    pairs = pairs[: kit.extent.sample]
    done = 0
    off: list[str] = []
    for smoothing, loss in pairs:
        if done and clock.left <= 0:
            break
        chosen = {**run_settings_of(kit.host, Kind.LOSS, loss), "smooth": smoothing}
        with exact():
            (value, gradient), (known, slope) = (_evaluate(each, chosen) for each in (kit, cpu))
        errors = {"value": compare(value, known), "gradient": compare(gradient, slope)}
        worst = {name: max(worst[name], error) for name, error in errors.items()}
        if not (errors["value"] <= VALUE and errors["gradient"] <= GRADIENT):
            off.append(f"{smoothing} x {loss}: {errors['value']:.2g}, {errors['gradient']:.2g}")
        done += 1
    return Outcome(
        {"compared": done, **{f"worst {name}": error for name, error in worst.items()}},
        {f"values to {VALUE:g} and gradients to {GRADIENT:g}": not off},
        off,
        f"{len(pairs) - done} pairs" if done < len(pairs) else "",
    )


def _evaluate(kit: Kit, chosen: dict[str, Any]) -> tuple[Tensor, Tensor]:
    parts = kit.parts(method="gatys", **chosen)
    photo, painting = kit.pictures(kit.extent.check)
    targets = parts.content_targets(photo), parts.style_targets([painting], [1.0])
    size = photo.shape[-2:]
    between = photo.lerp(torch.nn.functional.interpolate(painting, size), 0.3).requires_grad_()
    value, _ = parts.objective(*targets)(between)
    (gradient,) = torch.autograd.grad(value.sum(), between)
    return value, gradient


def _picture_task(kit: Kit, cpu: Kit, spec: MethodSpec) -> Any:
    def run(_: Clock) -> Outcome:
        with exact():
            found, known = (
                each.make(each.parts(method=spec.name), each.extent.check, STEPS)
                for each in (kit, cpu)
            )
        return _levels({"picture": found}, known)

    return run


def _models(kit: Kit, cpu: Kit, clock: Clock) -> Outcome:
    """Compare every registered model, in both precisions, to float32 on the CPU."""
    whole = Outcome()
    names = kit.host.names(Kind.MODEL)[: kit.extent.sample]
    for number, name in enumerate(names):
        if number and clock.left <= 0:
            whole.skipped = ", ".join(names[number:])
            break
        method = find_model(kit.host, name).header.method
        with exact():
            pictures = {
                dtype: kit.make(
                    kit.parts(getattr(torch, dtype), method=method, model=name),
                    2 * kit.extent.check,
                )
                for dtype in ("float32", "bfloat16")
            }
            known = cpu.make(cpu.parts(method=method, model=name), 2 * cpu.extent.check)
        each = _levels(pictures, known)
        for key, value in each.values.items():
            whole.values[key] = max(value, whole.values.get(key, 0.0))
        whole.claims |= {f"{name}: {claim}": holds for claim, holds in each.claims.items()}
    return whole


def _levels(pictures: dict[str, Tensor], known: Tensor) -> Outcome:
    outcome = Outcome()
    for name, picture in pictures.items():
        apart = 255 * float((picture - known).abs().mean())
        outcome.values[f"{name} apart, of 255"] = apart
        outcome.claims[f"{name} within {LEVELS[name]:g} of 255"] = apart <= LEVELS[name]
    return outcome


def _again_task(kit: Kit, spec: MethodSpec, dtype: torch.dtype) -> Any:
    def run(_: Clock) -> Outcome:
        first, second = (
            kit.make(kit.parts(dtype, method=spec.name), kit.extent.check, STEPS) for _ in range(2)
        )
        apart = 255 * float((first - second).abs().max())
        return Outcome({"largest difference, of 255": apart}, {"bit by bit": apart == 0})

    return run
