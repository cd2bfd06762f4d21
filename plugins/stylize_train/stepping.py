"""A step of the optimiser: one operation after another, or on a GPU as one captured graph.

Networks for style transfer are small: a GPU is done with each operation sooner than Python has
asked for the next. A graph is asked for once, and then replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from stylize import TrainingTask

if TYPE_CHECKING:
    from accelerate import Accelerator

__all__ = ["Stepper"]

# The step that is captured, and replayed from then on: libraries choose their algorithms before.
CAPTURED = 3


class Stepper:
    """Takes steps with Adam, unless a gradient is not finite.

    A GPU alone replays a graph. It reports the numbers of the step before, so that it never waits.

    Args:
        tell: called with one line if a step cannot be captured.
    """

    def __init__(
        self, task: TrainingTask, accelerator: Accelerator, tell: Callable[[str], None]
    ) -> None:
        self.task = task
        self.accelerator = accelerator
        self.tell = tell
        # A fused optimiser on one GPU leaves a step out by itself.
        self.alone = accelerator.device.type == "cuda" and accelerator.num_processes == 1
        rate = torch.zeros((), device=accelerator.device) if self.alone else 0.0
        adam = torch.optim.Adam(
            task.network.parameters(), rate, fused=self.alone or None, capturable=self.alone
        )
        self.network, self.optimizer = accelerator.prepare(task.network, adam)
        self._names: list[str] = []
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: dict[str, Tensor] = {}
        self._values: Tensor | None = None
        self._earlier: tuple[Tensor, torch.cuda.Event] | None = None
        self._left = CAPTURED if self.alone else -1
        # A graph is captured on another stream than the default one, and so warmed up.
        self._stream: Any = torch.cuda.Stream() if self.alone else None  # type: ignore[no-untyped-call]

    def __call__(self, batch: Mapping[str, Tensor], rate: float) -> tuple[dict[str, float], bool]:
        """Take a step, and return the batch's mean of each term, and whether it was finite."""
        for group in self.optimizer.param_groups:
            if self.alone:
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        values = self._replay(batch) if self._is_captured(batch) else self._take(batch)
        *terms, lost = values.tolist()
        return dict(zip(self._names, terms, strict=True)), not lost

    def _take(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Take a step at once, and return its numbers: the terms, and 1 if it was left out."""
        if not self.alone:
            values = self._differentiate(batch)
            if not self.agree(bool(values[-1])):
                self.optimizer.step()
            else:
                values[-1] = 1
            return values
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            values = self._take_fused(batch)
        current.wait_stream(self._stream)
        return values

    def _take_fused(self, batch: Mapping[str, Tensor]) -> Tensor:
        values = self._differentiate(batch)
        self.optimizer.optimizer.found_inf = values[-1]
        self.optimizer.optimizer.step()
        return values

    def _differentiate(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Fill the gradients, and return the terms and whether a gradient is not finite."""
        total, terms = self.task.loss(self.network, batch)
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(total.mean())
        norm = torch.nn.utils.get_total_norm(
            [p.grad for p in self.task.network.parameters() if p.grad is not None]
        )
        self._names = list(terms)
        means = [value.float().mean() for value in terms.values()]
        return torch.stack([*means, (~norm.isfinite()).float()])

    def _is_captured(self, batch: Mapping[str, Tensor]) -> bool:
        """Whether there is a graph; it is captured after the first steps."""
        self._left -= self._left >= 0
        if self._left == 0:
            self._inputs = {name: value.clone() for name, value in batch.items()}
            graph = torch.cuda.CUDAGraph()
            try:
                with torch.cuda.graph(graph, stream=self._stream):
                    self._values = self._take_fused(self._inputs)
            except RuntimeError as error:
                self.tell(
                    f"the step cannot be captured as a graph "
                    f"({str(error).partition(chr(10))[0]}): training is slower"
                )
            else:
                self._graph = graph
        return self._graph is not None

    def _replay(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Take a step by the graph, and return the numbers of the one before."""
        assert self._graph is not None
        assert self._values is not None
        for name, value in batch.items():
            self._inputs[name].copy_(value)
        self._graph.replay()
        kept = self._values.to("cpu", non_blocking=True, copy=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record()
        values, ready = self._earlier or (kept, done)
        self._earlier = kept, done
        ready.synchronize()
        return values

    def agree(self, flag: bool) -> bool:
        """Return whether any process agrees: all must stop, or leave out, at the same step."""
        if self.accelerator.num_processes == 1:
            return flag
        flags = torch.tensor(float(flag), device=self.accelerator.device)
        return bool(self.accelerator.reduce(flags, "sum").item() > 0)

    def load(self, state: Mapping[str, object]) -> None:
        """Go on from the optimiser's state of a run, which may have been on another device."""
        groups = self.optimizer.optimizer.param_groups
        own = [
            {key: group[key] for key in ("lr", "fused", "capturable", "foreach")}
            for group in groups
        ]
        self.optimizer.optimizer.load_state_dict(dict(state))
        for group, values in zip(self.optimizer.optimizer.param_groups, own, strict=True):
            group.update(values)
