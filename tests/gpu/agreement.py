"""Whether the device agrees with the CPU, and repeats a picture from its seed."""

from __future__ import annotations

import itertools
from collections.abc import Collection
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
# which bfloat16 of the four included networks is up to 1.5 off).
STEPS, LEVELS = 3, {"picture": 1.0, "float32": 0.1, "bfloat16": 3.0}
# A model that searches (transfer=swap) takes another place of the painting if rounding changes
# which features are nearest: up to a tenth of the positions at 128 px in bfloat16 on a CPU. With
# the same places its pictures are 0.55 off in the mean, with its own ones 2.7, and 5.3 at 256 px.
# So the limit of bfloat16 is for the median: most of the picture has the same strokes. The rest,
# the share of pixels that are farther off than STROKE, is 0.06 at 128 px there, 0.12 at 256.
STROKE, STROKES = 16, 0.25


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
        header = find_model(kit.host, name).header
        method = header.method
        with exact():
            pictures = {
                dtype: kit.make(
                    kit.parts(getattr(torch, dtype), method=method, model=name),
                    2 * kit.extent.check,
                )
                for dtype in ("float32", "bfloat16")
            }
            known = cpu.make(cpu.parts(method=method, model=name), 2 * cpu.extent.check)
        searches = header.network.get("transfer") == "swap"
        each = _levels(pictures, known, searched=("bfloat16",) if searches else ())
        for key, value in each.values.items():
            whole.values[key] = max(value, whole.values.get(key, 0.0))
        whole.claims |= {f"{name}: {claim}": holds for claim, holds in each.claims.items()}
    return whole


def _levels(pictures: dict[str, Tensor], known: Tensor, searched: Collection[str] = ()) -> Outcome:
    """Compare pictures to a known one; `searched` are those whose strokes may be others."""
    outcome = Outcome()
    for name, picture in pictures.items():
        off, limit = 255 * (picture - known).abs(), LEVELS[name]
        mean, median = float(off.mean()), float(off.median())
        if name not in searched:
            outcome.values[f"{name} apart, of 255"] = mean
            outcome.claims[f"{name} within {limit:g} of 255"] = mean <= limit
            continue
        others = float((off.amax(dim=1) > STROKE).float().mean())
        outcome.values |= {
            f"{name} of searched features apart, of 255": mean,
            "their median, of 255": median,
            "their share of other strokes": others,
        }
        outcome.claims |= {
            f"{name} within {limit:g} of 255 in the median": median <= limit,
            f"{name} has other strokes in at most {STROKES:g}": others <= STROKES,
        }
    return outcome


def _again_task(kit: Kit, spec: MethodSpec, dtype: torch.dtype) -> Any:
    def run(_: Clock) -> Outcome:
        first, second = (
            kit.make(kit.parts(dtype, method=spec.name), kit.extent.check, STEPS) for _ in range(2)
        )
        apart = 255 * float((first - second).abs().max())
        # The documents promise the same bits on a CPU only. cuDNN may add up the gradient of a
        # convolution in any order, and so does PyTorch for bilinear interpolation and means over
        # areas, both in neighbors; for these it has no deterministic form on CUDA.
        claims = {} if kit.is_cuda else {"bit by bit": apart == 0}
        return Outcome({"largest difference, of 255": apart}, claims)

    return run
