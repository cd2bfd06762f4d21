"""The table of times, with plain PyTorch loops of the reference recipes on the same device."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch

from gpu.kit import Kit, methods
from gpu.learning import MODEL, prepare_training
from gpu.tasks import Clock, NotRun, Outcome, Section, Task
from stylize import (
    Kind,
    MethodSpec,
    Quality,
    Run,
    StyleImage,
    Stylizer,
    make_settings,
    resize,
    to_bytes,
)
from stylize.precision import choose_precision
from stylize.testing.pictures import image_pair

__all__ = ["times"]

# Evaluations of the reference recipe.
RECIPE = 400
WARM_EVALUATIONS = 2
# Warm-up steps of a training.
WARM = 3


def times(kit: Kit) -> Section:
    """Return the section, the most important tasks first."""
    extent = kit.extent
    sized = (
        *((("gatys", size, _gatys)) for size in extent.gatys[:2]),
        *((("neighbors", size, _neighbors)) for size in extent.neighbors),
        *((("any", size, _any)) for size in extent.adain),
    )

    def task(name: str, size: int, measure: Any) -> Task:
        return Task(f"{name}, {size} px", lambda clock: measure(kit, size, clock))

    tasks = [task(*each) for each in sized]
    tasks += [
        Task(f"training {spec.name}", lambda clock, spec=spec: _training(kit, spec))
        for spec in methods(kit.host, trainable=True)
    ]
    width, height = extent.frame
    tasks.append(Task(f"frames of {width}x{height}", lambda clock: _frames(kit, clock)))
    tasks += [task("gatys", size, _gatys) for size in extent.gatys[2:]]
    return Section("Times", 0.4, tasks, checks=False)


def _gatys(kit: Kit, size: int, clock: Clock) -> Outcome:
    """Time an evaluation, ours and plain, and a picture at quality good."""
    import reference

    photo, painting = kit.pictures(size)
    count = kit.extent.evaluations
    values: dict[str, Any] = {}

    def plain(evaluations: int) -> float:
        return _timed(kit, lambda: reference.optimise(photo, painting, evaluations))

    def own(precision: str, evaluations: int) -> float:
        chosen = {"scales": [1.0], "iterations": [evaluations]}
        parts = kit.parts(getattr(torch, precision), method="gatys", options={"gatys": chosen})
        return _timed(kit, lambda: kit.make(parts, size))

    loops = {"plain": plain, **{p: _with(own, p) for p in kit.precisions}}
    for number, (name, loop) in enumerate(loops.items()):
        loop(WARM_EVALUATIONS)
        few, twice = loop(WARM_EVALUATIONS), loop(2 * WARM_EVALUATIONS)
        # The difference of two lengths leaves out one-off work: making a network takes seconds.
        each = max(twice - few, 0.0) / WARM_EVALUATIONS
        once = few - WARM_EVALUATIONS * each
        left = clock.left / (len(loops) - number) - once
        if left <= (WARM_EVALUATIONS + 1) * each:
            why = f"{name} and later loops, which take {few:.2g} s before they are measured"
            return Outcome(values, skipped=why)
        more = count if left >= count * each else int(left / each)
        each = (loop(more) - few) / (more - WARM_EVALUATIONS)
        values[f"{name}, ms per evaluation"] = 1e3 * each
        if name == "plain":
            values[f"plain, {RECIPE} evaluations (computed), s"] = RECIPE * each
    parts = kit.parts(_usual(kit), method="gatys")
    return _whole(kit, parts, size, clock, kit.extent.qualities[-1:], values)


def _neighbors(kit: Kit, size: int, clock: Clock) -> Outcome:
    """Time whole pictures at qualities draft and good."""
    parts = kit.parts(_usual(kit), method="neighbors")
    kit.make(parts, min(size, 128), 2, quality="draft")
    return _whole(kit, parts, size, clock, kit.extent.qualities, {})


def _whole(
    kit: Kit,
    parts: Any,
    size: int,
    clock: Clock,
    qualities: Sequence[Quality],
    values: dict[str, Any],
) -> Outcome:
    """Time whole pictures, and report one that does not finish in the time left."""
    photo, painting = kit.pictures(size)
    for quality in qualities:
        run = Run(quality=quality, deadline=time.monotonic() + clock.left)
        styles = [StyleImage(painting)]
        seconds = _timed(
            kit, lambda run=run, styles=styles: parts.method.stylize(photo, styles, parts, run)
        )
        if run.stop_reason != "done":
            return Outcome(values, skipped=f"quality {quality}, not done after {seconds:.0f} s")
        values[f"{quality}, s"] = seconds
    return Outcome(values)


def _any(kit: Kit, size: int, clock: Clock) -> Outcome:
    """Time a picture in one pass from a known painting, and the plain network."""
    from adain import Plain

    if "any" not in kit.host.names(Kind.MODEL):
        raise NotRun("the model any is not registered")
    side = size // 8 * 8
    photo, painting = (resize(picture, (side, side)).to(kit.device) for picture in image_pair(640))
    parts = kit.parts(method="adain", model="any")
    decoder = parts.method._transfer(parts).decoder
    plain = Plain(decoder.layers, int(decoder.exponent), kit.device)
    works = [lambda: plain(photo, painting)]
    names = kit.precisions
    for name in names:
        made = kit.parts(getattr(torch, name), method="adain", model="any")
        works.append(lambda made=made: _pass(made, photo, painting))
    base, *own = kit.alternate(works, clock)
    values = {"plain ms": 1e3 * base}
    for name, seconds in zip(names, own, strict=True):
        values |= {f"{name} ms": 1e3 * seconds, f"{name} ratio": seconds / base}
    return Outcome(values)


def _pass(parts: Any, photo: torch.Tensor, painting: torch.Tensor) -> torch.Tensor:
    made: torch.Tensor = parts.method.stylize(
        to_bytes(photo.cpu()), [StyleImage(painting)], parts, Run()
    )
    return made


def _training(kit: Kit, spec: MethodSpec) -> Outcome:
    """Count photographs per second for `stylize train`, and for johnson's plain loop."""
    from training_reference import StepTimes

    values: dict[str, Any] = {}
    for precision in kit.precisions:
        noted = StepTimes()
        job = prepare_training(
            kit, spec, precision, steps=kit.extent.steps, workers=2 * kit.is_cuda
        )
        job(Run(observers=[noted]))
        values[f"{precision}, images/s"] = kit.extent.batch / _pace(noted.ends)
    if spec.name == "johnson":
        values["plain, images/s"] = kit.extent.batch / _pace(_train_plainly(kit))
    return Outcome(values)


def _train_plainly(kit: Kit) -> list[float]:
    from training_reference import train_plainly

    from stylize_johnson.network import TransformationNetwork
    from stylize_johnson.settings import JohnsonSettings

    painting = image_pair(256)[1]
    network = TransformationNetwork(JohnsonSettings())
    network.start_from_colours([painting], [1])
    return train_plainly(
        network,
        painting,
        sorted((kit.folder / "photographs").rglob("*.png")),
        steps=kit.extent.steps,
        batch=kit.extent.batch,
        crop=max(48, kit.extent.crop),
        zoom=1.0,
        learning_rate=1e-3,
        device=kit.device,
    )


def _frames(kit: Kit, clock: Clock) -> Outcome:
    """Count frames per second of a pan, alone and held still by flow on the CPU."""
    from made_clips import CLIPS
    from stylize.extras import require_extra
    from stylize_video.clip import ClipStylizer
    from stylize_video.tensors import to_tensor

    require_extra("cv2", "video", "holding strokes still over time")
    width, height = kit.extent.frame
    frames = [frame[:height] for frame in CLIPS["pan"](width, kit.extent.frames).frames]
    values: dict[str, Any] = {}
    for precision in kit.precisions:
        settings = {"model": MODEL, "device": str(kit.device), "precision": precision}
        stylizer = Stylizer(make_settings(settings), kit.host)
        for name, held in (("alone", False), ("held", True)):
            if values and clock.left <= 0:
                return Outcome(values, skipped=f"{precision} {name} and later runs")
            clip = ClipStylizer(stylizer, [], held)
            ends = []
            for frame in frames:
                clip(to_tensor(frame.copy()))
                ends.append(time.perf_counter())
            values[f"{precision} {name}, frames/s"] = 1 / _pace(ends, warm=1)
    return Outcome(values)


def _usual(kit: Kit) -> torch.dtype:
    """Return the precision that `--precision auto` chooses."""
    return choose_precision("auto", kit.device)


def _with(function: Any, precision: str) -> Any:
    return lambda evaluations: function(precision, evaluations)


def _timed(kit: Kit, work: Any) -> float:
    kit.wait()
    started = time.perf_counter()
    work()
    kit.wait()
    return time.perf_counter() - started


def _pace(ends: list[float], warm: int = WARM) -> float:
    """Return the median seconds from end to end, without the warm-up."""
    return statistics.median(b - a for a, b in itertools.pairwise(ends[warm - 1 :]))
