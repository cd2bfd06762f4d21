"""The composition matrix: every method x backbone x smoothing x loss takes two steps.

A method that optimises pictures takes two steps of a picture, one that applies a trained network
two steps of training. The registry lists the parts, so parts of other plugins are included.
Combinations come in an order that meets every pair of parts as early as possible.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from gpu.kit import Kit, methods
from gpu.tasks import Clock, NotRun, Outcome, Section, Task
from stylize import (
    BackboneSpec,
    Kind,
    Progress,
    StyleImage,
    StylizeError,
    make_plan,
    make_settings,
)
from stylize.errors import UsageError
from stylize.testing.compose import run_settings_of

__all__ = ["Combination", "combinations", "matrix", "order_by_pairs", "take_two_steps"]

STEPS = 2
# Settings that make a trained network small; other networks keep their size.
SMALL = {"johnson": {"width": 8, "blocks": 1}, "adain": {"width": 0.05}}
NAMED = 8


@dataclass(frozen=True)
class Combination:
    """A method and the parts that it is combined with, by name."""

    method: str
    backbone: str
    smoothing: str
    loss: str

    def __str__(self) -> str:
        return " x ".join(vars(self).values())

    @property
    def pairs(self) -> set[tuple[str, str]]:
        """All its pairs of parts."""
        return set(itertools.combinations(vars(self).values(), 2))


def combinations(kit: Kit) -> list[Combination]:
    """Return all combinations of the registry, in an order that meets every pair early."""
    host = kit.host
    backbones = []
    for name in host.names(Kind.BACKBONE):
        spec = host.get(BackboneSpec, name)
        tag = next((weights.tag for weights in spec.weights if weights.embedded), "random")
        backbones.append(f"{name}.{tag}")
    every = itertools.product(
        host.names(Kind.METHOD), backbones, host.names(Kind.SMOOTHING), host.names(Kind.LOSS)
    )
    return order_by_pairs([Combination(*each) for each in every])


def order_by_pairs(every: Sequence[Combination]) -> list[Combination]:
    """Put combinations with new pairs of parts first; the order is always the same."""
    left = list(every)
    random.Random(0).shuffle(left)
    met: set[tuple[str, str]] = set()
    first: list[Combination] = []
    wanted = 6  # pairs of four
    while wanted:
        rest = []
        for combination in left:
            if len(combination.pairs - met) >= wanted:
                met |= combination.pairs
                first.append(combination)
            else:
                rest.append(combination)
        left, wanted = rest, wanted - 1
    return [*first, *left]


def matrix(kit: Kit) -> Section:
    """Return the section, with one task per precision."""
    dtypes = (torch.float32, torch.bfloat16, torch.float16)

    def task(dtype: torch.dtype) -> Task:
        return Task(str(dtype).removeprefix("torch."), lambda clock: _run(kit, dtype, clock))

    return Section("Every method x backbone x smoothing x loss", 0.3, [task(d) for d in dtypes])


def _run(kit: Kit, dtype: torch.dtype, clock: Clock) -> Outcome:
    every = combinations(kit)
    if kit.is_cuda and dtype == torch.bfloat16 and not kit.reduces:
        raise NotRun("the card does not multiply bfloat16")
    met: set[tuple[str, str]] = set()
    rejected: list[str] = []
    failed: list[str] = []
    done = 0
    chosen = every if kit.extent.sample is None else _sample(every, kit.extent.sample)
    for combination in chosen if dtype == torch.float32 or kit.reduces else chosen[:1]:
        if done and clock.left <= 0:
            break
        try:
            take_two_steps(kit, combination, dtype)
        except UsageError as error:
            rejected.append(f"{combination}: {error}")
        except Exception as error:
            failed.append(f"{combination}: {type(error).__name__}: {str(error)[:160]}")
        done += 1
        met |= combination.pairs
    pairs = set().union(*(combination.pairs for combination in every))
    name = str(dtype).removeprefix("torch.")
    # float16 is not a setting: its results inform the choice of precisions.
    claims = {} if dtype == torch.float16 else {f"all compose in {name}": not failed}
    left = len(every) - done
    return Outcome(
        {
            "combinations": f"{done} of {len(every)}",
            "pairs of parts": f"{len(met)} of {len(pairs)}",
            "failed": len(failed),
            "rejected": len(rejected),
        },
        claims,
        [*failed[:NAMED], *rejected[:NAMED]],
        f"{left} combinations" if left else "",
    )


def _sample(every: Sequence[Combination], count: int) -> list[Combination]:
    """Return a few with embedded weights, one per method, for a slow device."""
    small = [each for each in every if not each.backbone.endswith(".random")]
    firsts = {each.method: each for each in reversed(small)}
    return list(firsts.values())[:count]


def take_two_steps(kit: Kit, combination: Combination, dtype: torch.dtype) -> None:
    """Take two steps, forward and backward.

    Raises: UsageError if the parts reject each other, AssertionError if nothing moves.
    """
    trainable = combination.method in {spec.name for spec in methods(kit.host, trainable=True)}
    settings: dict[str, Any] = {
        **run_settings_of(kit.host, Kind.LOSS, combination.loss),
        "method": combination.method,
        "backbone": combination.backbone,
        "smooth": combination.smoothing,
        "quality": "draft",
    }
    if trainable and combination.method in SMALL:
        settings["options"] = {combination.method: SMALL[combination.method]}
    plan = make_plan(kit.host, make_settings(settings), training=trainable)
    del plan  # only for its rejections, which are not failures; planned again with the device
    try:
        parts = kit.parts(dtype, training=trainable, **settings)
        if trainable:
            _train(kit, parts)
        else:
            _optimise(kit, parts)
    except UsageError as error:
        raise StylizeError(str(error)) from error


class Losses:
    """An observer that notes the losses of each step."""

    def __init__(self) -> None:
        self.seen: list[dict[str, float]] = []

    def progressed(self, progress: Progress) -> None:
        self.seen.append(dict(progress.losses))


def _optimise(kit: Kit, parts: Any) -> None:
    photo, _ = kit.pictures(kit.extent.check)
    losses = Losses()
    made = kit.make(parts, kit.extent.check, STEPS, quality="draft", observers=[losses])
    assert made.shape == photo.shape, f"the picture is {tuple(made.shape)}"
    assert made.isfinite().all(), "the picture is not finite"
    # The photograph is the best picture so far if the first step went too far.
    moved = losses.seen[0] != losses.seen[-1] or not torch.equal(made, photo.cpu())
    assert moved, "no step moves the picture"


def _train(kit: Kit, parts: Any) -> None:
    photo, painting = kit.pictures(kit.extent.check)
    styles = [] if parts._plan.method.needs_style else [StyleImage(painting)]
    task = parts.method.training_task(styles, parts, 1.0)
    network = task.network.to(kit.device).train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    # `stylize train` crops all pictures of a batch to one size.
    side = min(*photo.shape[-2:], *painting.shape[-2:]) // 8 * 8
    batch = {
        name: picture[..., :side, :side].contiguous()
        for name, picture in (("content", photo), ("style", painting))
    }
    before = [parameter.detach().clone() for parameter in network.parameters()]
    for _ in range(STEPS):
        total, _ = task.loss(network, batch)
        optimizer.zero_grad(set_to_none=True)
        total.mean().backward()
        optimizer.step()
        assert total.isfinite().all(), "the loss is not finite"
    moved = (not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert any(moved), "no weight moved"
