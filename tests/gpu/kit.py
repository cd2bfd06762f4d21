"""The kit of all sections: the device, the amount of work, parts, pictures, times and memory."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gpu.tasks import Clock
from stylize import (
    BuiltParts,
    Kind,
    MethodSpec,
    PluginHost,
    Progress,
    Quality,
    Run,
    StyleImage,
    make_plan,
    make_settings,
    read_image,
    resize,
)
from stylize.building import parts as building
from stylize.testing.pictures import image_pair

__all__ = ["EXTENTS", "Extent", "Kit", "StopAfter", "exact", "methods", "share_networks"]

# Pictures start at the demo pair's size, and are then scaled.
DEMO = 640


@dataclass(frozen=True)
class Extent:
    """The amount of work.

    Args:
        seconds: for all sections.
        check: longer side of the pictures in checks, in pixels.
        gatys, neighbors, adain: longer sides of timed pictures.
        evaluations: of a timed picture.
        crop, batch: of timed training.
        frame: width and height of a timed clip's frames.
        frames: number of frames in the clip.
        compiles: whether to try torch.compile, which takes up to a minute.
        rounds: largest number of rounds for times in alternation.
        steps: of timed training.
        qualities: of whole pictures that are timed.
        sample: largest number of combinations, losses and models to check; None for all.
    """

    seconds: float
    check: int
    gatys: tuple[int, ...]
    neighbors: tuple[int, ...]
    adain: tuple[int, ...]
    evaluations: int
    crop: int
    batch: int
    frame: tuple[int, int]
    frames: int
    compiles: bool
    rounds: int = 50
    steps: int = 16
    qualities: tuple[Quality, ...] = ("draft", "good")
    sample: int | None = None


EXTENTS = {
    "full": Extent(
        290, 64, (512, 1024, 2048), (512, 1024), (512, 1024), 40, 256, 4, (1920, 1080), 12, True
    ),
    "quick": Extent(85, 64, (512, 1024), (512,), (512, 1024), 20, 256, 4, (1920, 1080), 6, False),
    "tiny": Extent(90, 48, (48,), (48,), (48,), 4, 32, 1, (96, 54), 3, False, 1, 5, ("draft",), 4),
}


@dataclass(frozen=True)
class Kit:
    """A device, the plugins, and the amount of work."""

    host: PluginHost
    device: torch.device
    extent: Extent
    folder: Path

    @property
    def is_cuda(self) -> bool:
        return self.device.type == "cuda"

    @property
    def reduces(self) -> bool:
        """Whether the device multiplies bfloat16 itself: emulation takes ten times as long."""
        if self.is_cuda:
            return torch.cuda.is_bf16_supported(including_emulation=False)
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())

    @property
    def precisions(self) -> tuple[str, ...]:
        """The precisions that need no emulation."""
        return ("float32", "bfloat16") if self.reduces else ("float32",)

    def parts(
        self, dtype: torch.dtype = torch.float32, *, training: bool = False, **settings: Any
    ) -> BuiltParts:
        """Return built parts in a precision, which may be one that no option offers yet."""
        values = {"device": str(self.device), "precision": "float32", **settings}
        parts = BuiltParts(
            self.host, make_plan(self.host, make_settings(values), training=training)
        )
        if dtype != torch.float32:
            parts.dtype = dtype
            parts.__dict__.pop("features", None)  # built in float32, and rebuilt on demand
        return parts

    def pictures(self, size: int) -> tuple[Tensor, Tensor]:
        """Return the demo photograph and painting on the device, with longer sides of `size`."""
        return tuple(  # type: ignore[return-value]
            resize(picture, _fit(picture, size)).to(self.device) for picture in image_pair(DEMO)
        )

    def make(self, parts: BuiltParts, size: int, steps: int | None = None, **run: Any) -> Tensor:
        """Make a picture (1, 3, H, W) of the demo pair in [0, 1], float32 on the CPU.

        A model that holds a painting gets that one.

        Args:
            steps: the number of steps after which to cancel the run.
        """
        photo, painting = self.pictures(size)
        plan = parts._plan
        held = plan.model.paintings() if plan.model else []
        paintings = [read_image(each, size=size).pixels.to(self.device) for each in held]
        if plan.needs_style:
            paintings.append(painting)
        styles = [StyleImage(each) for each in paintings]
        content = (photo * 255).round().to(torch.uint8).cpu() if plan.method.streams else photo
        clock = Run(**run)
        if steps is not None:
            clock.observers = [*clock.observers, StopAfter(clock, steps)]
        made = parts.method.stylize(content, styles, parts, clock).detach().cpu()
        return made / 255 if made.dtype == torch.uint8 else made.float()

    def wait(self) -> None:
        """Wait until the device has finished its work."""
        if self.is_cuda:
            torch.cuda.synchronize(self.device)

    def alternate(
        self, works: list[Callable[[], object]], clock: Clock, share: float = 1.0
    ) -> list[float]:
        """Return the median seconds of several functions, called in alternation, warm.

        It makes three rounds, or all if there are fewer, and more within a share of the time left.
        """
        for work in works:
            work()
        self.wait()
        end = time.monotonic() + share * max(0.0, clock.left)
        times: list[list[float]] = [[] for _ in works]
        most = self.extent.rounds
        while len(times[0]) < min(3, most) or (time.monotonic() < end and len(times[0]) < most):
            for work, kept in zip(works, times, strict=True):
                started = time.perf_counter()
                work()
                self.wait()
                kept.append(time.perf_counter() - started)
        return [statistics.median(kept) for kept in times]

    def peak(self, work: Callable[[], object]) -> float:
        """Return the peak memory, in MB, that a function takes on the card."""
        self.wait()
        torch.cuda.reset_peak_memory_stats(self.device)
        work()
        self.wait()
        return float(torch.cuda.max_memory_allocated(self.device)) / 2**20


class StopAfter:
    """An observer that cancels a run after some steps."""

    def __init__(self, run: Run, steps: int) -> None:
        self.run = run
        self.steps = steps

    def progressed(self, progress: Progress) -> None:
        if progress.step >= self.steps:
            self.run.cancelled.set()


def methods(host: PluginHost, *, trainable: bool) -> list[MethodSpec]:
    """Return the registered methods that apply trained models, or those that do not."""
    specs = [host.get(MethodSpec, name) for name in host.names(Kind.METHOD)]
    return [spec for spec in specs if spec.trainable == trainable]


@contextlib.contextmanager
def exact() -> Iterator[None]:
    """Multiply float32 in float32, not in TF32."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def share_networks() -> None:
    """Load each backbone once per process: thousands of combinations use nine."""
    load: Any = building.load_backbone
    loaded: dict[str, Any] = {}

    def load_once(host: PluginHost, name: str, **options: Any) -> Any:
        key = f"{name} {options}"
        if key not in loaded:
            loaded[key] = load(host, name, **options)
        network = loaded[key]
        return dataclasses.replace(network, features=copy.deepcopy(network.features))

    building.load_backbone = load_once  # type: ignore[assignment]


def _fit(picture: Tensor, size: int) -> tuple[int, int]:
    height, width = picture.shape[-2:]
    scale = size / max(height, width)
    return round(height * scale), round(width * scale)
