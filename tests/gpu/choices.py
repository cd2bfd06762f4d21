"""Choices that only a card can decide, each as a ratio of times within one run.

Below 1 the choice is faster. The ratios are for an evaluation of the objective of gatys, forward
and backward, at a coarse and at a full size; for the memory layout, they are for the plain layers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from gpu.kit import Kit, exact
from gpu.tasks import Clock, NotRun, Outcome, Section, Task
from stylize.precision import choose_precision

__all__ = ["choices"]

# `auto` may be wrong if it hardly matters.
WRONG = 1.2
Work = Callable[[], object]


def choices(kit: Kit) -> Section:
    """Return the section."""
    full = kit.extent.gatys[0]
    sizes = dict.fromkeys((full, max(kit.extent.check, full // 4)))

    def at_sizes(name: str, measure: Callable[[Kit, int, Clock], Outcome], least: float = 0) -> Any:
        for size in sizes:
            yield Task(f"{name}, {size} px", lambda c, size=size: measure(kit, size, c), least)

    tasks = [
        *at_sizes("bfloat16 and float16 to float32", _precisions),
        *at_sizes("TF32 to float32", _tf32),
        *at_sizes("channels_last to channels first, plain layers", _layout),
        *at_sizes("cudnn.benchmark on to off", _benchmark),
        *at_sizes("with a CUDA graph to without", _graph),
        *at_sizes("with torch.compile to without", _compiled, least=20),
    ]
    # The full size first: it takes most of the time.
    tasks.sort(key=lambda task: not task.name.endswith(f", {full} px"))
    return Section("Choices, as ratios of times", 0.15, tasks, checks=False)


def evaluation(kit: Kit, size: int, dtype: torch.dtype = torch.float32) -> Callable[[], Tensor]:
    """Return an evaluation of the objective of gatys and its gradient, at a fixed picture."""
    parts = kit.parts(dtype, method="gatys")
    photo, painting = kit.pictures(size)
    objective = parts.objective(
        parts.content_targets(photo), parts.style_targets([painting], [1.0])
    )
    image = photo.lerp(torch.rand_like(photo), 0.1).requires_grad_()

    def evaluate() -> Tensor:
        (gradient,) = torch.autograd.grad(objective(image)[0].sum(), image)
        return gradient

    return evaluate


def _precisions(kit: Kit, size: int, clock: Clock) -> Outcome:
    dtypes = (torch.float32, torch.bfloat16, torch.float16)
    base, *others = kit.alternate([evaluation(kit, size, dtype) for dtype in dtypes], clock)
    ratios = dict(zip(("bfloat16", "float16"), (time / base for time in others), strict=True))
    known, short = (evaluation(kit, size, dtype)() for dtype in (torch.float32, torch.float16))
    lost = float((short == 0).float().mean() - (known == 0).float().mean())
    outcome = Outcome(
        {"float32 ms": 1e3 * base, **ratios, "share of the gradient lost in float16": lost}
    )
    if size == kit.extent.gatys[0] and kit.is_cuda:
        chosen = str(choose_precision("auto", kit.device)).removeprefix("torch.")
        taken, best = (
            {"float32": 1.0, **ratios}[chosen],
            min(1.0, ratios["bfloat16"]),
        )
        outcome.values["auto takes"] = chosen
        outcome.claims[f"auto takes at most {WRONG:g} times as long as the fastest"] = (
            taken <= WRONG * best
        )
    return outcome


def _tf32(kit: Kit, size: int, clock: Clock) -> Outcome:
    _require_cuda(kit)
    work = evaluation(kit, size)
    return _ratio(kit, clock, _within(exact, work), _within(_tf32_on, work))


def _layout(kit: Kit, size: int, clock: Clock) -> Outcome:
    import reference

    whole = Outcome()
    for precision in kit.precisions:
        dtype = getattr(torch, precision)
        works = []
        for layout in (torch.contiguous_format, torch.channels_last):
            layers = reference.network().to(kit.device, dtype).to(memory_format=layout)
            image = kit.pictures(size)[0].to(dtype).contiguous(memory_format=layout)
            works.append(_forth_and_back(layers, image.requires_grad_()))
        first, last = kit.alternate(works, clock, 0.5)
        whole.values[precision] = last / first
    return whole


def _forth_and_back(layers: torch.nn.Module, image: Tensor) -> Work:
    return lambda: torch.autograd.grad(layers(image).float().square().mean(), image)


def _benchmark(kit: Kit, size: int, clock: Clock) -> Outcome:
    _require_cuda(kit)
    work = evaluation(kit, size)
    return _ratio(kit, clock, work, _within(_cudnn_benchmark, work))


def _graph(kit: Kit, size: int, clock: Clock) -> Outcome:
    """Capture an evaluation once and replay it, or report that it cannot be captured."""
    _require_cuda(kit)
    work = evaluation(kit, size)
    aside = torch.cuda.Stream(kit.device)
    aside.wait_stream(torch.cuda.current_stream(kit.device))
    with torch.cuda.stream(aside):
        for _ in range(3):
            work()
    torch.cuda.current_stream(kit.device).wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            kept = work()
    except RuntimeError as error:
        raise NotRun(f"an evaluation cannot be captured: {str(error).splitlines()[0]}") from error
    outcome = _ratio(kit, clock, work, graph.replay)
    outcome.values["largest difference"] = float((kept - work()).abs().max())
    return outcome


def _compiled(kit: Kit, size: int, clock: Clock) -> Outcome:
    if not kit.extent.compiles:
        raise NotRun("compiling takes up to a minute")
    work = evaluation(kit, size)
    parts = kit.parts(method="gatys")
    parts.features.backbone.compile(dynamic=False)  # type: ignore[attr-defined]
    photo, painting = kit.pictures(size)
    targets = parts.content_targets(photo), parts.style_targets([painting], [1.0])
    objective = parts.objective(*targets)
    image = photo.lerp(torch.rand_like(photo), 0.1).requires_grad_()
    try:
        return _ratio(
            kit, clock, work, lambda: torch.autograd.grad(objective(image)[0].sum(), image)
        )
    except Exception as error:  # compilers raise many kinds
        raise NotRun(f"does not compile: {type(error).__name__}: {str(error)[:120]}") from error


def _ratio(kit: Kit, clock: Clock, base: Work, other: Work) -> Outcome:
    before, after = kit.alternate([base, other], clock)
    return Outcome({"ms": 1e3 * before, "ratio": after / before})


def _within(context: Callable[[], Any], work: Work) -> Work:
    def inside() -> object:
        with context():
            return work()

    return inside


@contextlib.contextmanager
def _tf32_on() -> Iterator[None]:
    with exact():  # restores the settings
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
        yield


@contextlib.contextmanager
def _cudnn_benchmark() -> Iterator[None]:
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def _require_cuda(kit: Kit) -> None:
    if not kit.is_cuda:
        raise NotRun("it needs CUDA")
