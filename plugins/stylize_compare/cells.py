"""The cells of a sweep: a picture for each variant, content and style, made, judged and kept.

A cell is one file, and that file's record holds everything known of the cell: an interrupted sweep
resumes from the files that it finds.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylize import (
    MAX_PIXELS,
    Observer,
    framework_version,
    read_image,
    read_record,
    write_image,
)
from stylize.command import clean_stdout, sha256_of
from stylize_compare.memory import PeakMemory
from stylize_compare.sweep import Variant

if TYPE_CHECKING:
    from torch import Tensor

    from stylize import Judge, Plan, PluginHost, Stylizer

__all__ = [
    "DISTANCES",
    "Cell",
    "Outcome",
    "hash_weights",
    "judged_of",
    "make_cells",
    "plan_cells",
]

# The judge's distances, as a cell's record names them.
DISTANCES = ("content", "style", "structure", "strokes")
# The contents and styles whose measurements are kept at a time: at most a gigabyte of each.
MEASURED = 50

# File systems accept names of 255 bytes; the hash and the extension need the rest.
LONGEST_STEM = 200

Watch = Callable[["Cell"], contextlib.AbstractContextManager[Sequence[Observer]]]


@dataclass(frozen=True)
class Cell:
    """A picture of a sweep: its inputs and settings, and the file that keeps it."""

    content: str
    style: str
    variant: Variant
    path: Path

    @property
    def title(self) -> str:
        """The name of the cell in messages."""
        return f"{Path(self.content).stem}, {Path(self.style).stem}: {self.variant.label}"


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: with a record, or else with an error.

    Args:
        record: of the picture, with "cell": varied values, requested settings, judged distances
            and the peak of memory in MB.
        kept: whether an earlier run made it.
        warnings: about the inputs and the run.
        outdated: what has changed in the parts of a kept cell; if anything has, it is made again.
        impossible: whether its run could not even be set up.
    """

    cell: Cell
    record: Mapping[str, Any] | None = None
    error: Exception | None = None
    kept: bool = False
    warnings: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    impossible: bool = False


def judged_of(outcome: Outcome) -> Mapping[str, Any]:
    """Return a cell's judged distances; empty if it has no picture."""
    judged: Mapping[str, Any] = outcome.record["cell"].get("judged", {}) if outcome.record else {}
    return judged


def plan_cells(
    variants: Sequence[Variant],
    contents: Sequence[str],
    styles: Sequence[Sequence[str]],
    folder: Path,
) -> list[Cell]:
    """Return the cells of all variants, contents and styles, those of a variant together.

    A cell's file is named after its inputs' bytes and its varied values. So a changed input makes
    another cell; other settings do not, and `find_kept` rejects them.

    Args:
        styles: of each variant.

    Raises: ImageError for an input that cannot be read.
    """
    names = dict.fromkeys([*contents, *itertools.chain(*styles)])
    hashes = {name: sha256_of(name) for name in names}
    return [
        Cell(
            content,
            style,
            variant,
            folder / _name(content, style, variant, [hashes[content], hashes[style]]),
        )
        for variant, own in zip(variants, styles, strict=True)
        for content, style in itertools.product(contents, own)
    ]


def make_cells(
    host: PluginHost,
    cells: Sequence[Cell],
    watch: Watch,
    max_pixels: int = MAX_PIXELS,
    *,
    judge_size: int,
    judge_again: Sequence[Cell] = (),
) -> Iterator[Outcome]:
    """Make, judge and save cells one after another; an error becomes the outcome of its cell.

    All runs are set up once before the first picture is made, so that those which cannot work are
    known at once. A variant's network is then loaded again, and released before the next one's.

    Args:
        watch: gives the observers of a cell, for as long as it is made.
        judge_size: longer side in pixels at which pictures are judged.
        judge_again: kept cells whose judged distances are measured again.

    Raises: StylizeError if the judge is unavailable.
    """
    possible: list[list[Cell]] = []
    for _, grouped in itertools.groupby(cells, key=lambda cell: id(cell.variant)):
        group = list(grouped)
        try:
            _set_up(host, group[0].variant, max_pixels)
        except Exception as error:  # such as unavailable weights: the other variants go on
            yield from (Outcome(cell, error=error, impossible=True) for cell in group)
        else:
            possible.append(group)
    if not (possible or judge_again):
        return
    device = (possible[0] if possible else judge_again)[0].variant.plan.settings.device
    with clean_stdout():
        examiner = _Examiner(host, device, max_pixels, judge_size)
    for cell in judge_again:
        try:
            yield _judge_again(cell, examiner)
        except Exception as error:
            yield Outcome(cell, error=error)
    for group in possible:
        yield from _make_variant(host, group, examiner, watch)


def _set_up(host: PluginHost, variant: Variant, max_pixels: int) -> Stylizer:
    """Load what a variant needs. Raises: StylizeError."""
    from stylize import Stylizer

    with clean_stdout():
        return Stylizer(variant.plan, host, max_pixels=max_pixels)


def _make_variant(
    host: PluginHost,
    cells: Sequence[Cell],
    examiner: _Examiner,
    watch: Watch,
) -> Iterator[Outcome]:
    try:
        stylizer = _set_up(host, cells[0].variant, examiner.max_pixels)
    except Exception as error:  # such as too little memory beside the judge
        yield from (Outcome(cell, error=error) for cell in cells)
        return
    for cell in cells:
        try:
            with clean_stdout(), watch(cell) as observers:
                outcome = _make_cell(cell, stylizer, examiner, observers)
        except Exception as error:
            outcome = Outcome(cell, error=error)
        yield outcome


def _make_cell(
    cell: Cell, stylizer: Stylizer, examiner: _Examiner, observers: Sequence[Observer]
) -> Outcome:
    plan = stylizer.plan
    styles = [cell.style] if plan.needs_style else []
    memory = PeakMemory(str(stylizer.parts.device))
    result = stylizer(cell.content, styles, observers)
    record = {
        **result.record,
        "cell": {
            "varied": dict(cell.variant.values),
            "settings": plan.settings.model_dump(mode="json"),
            "weights_file": hash_weights(plan),
            "peak_memory": memory.megabytes(),
            "judged": examiner.judge_picture(cell, result.shown, result.record),
        },
    }
    replace(result, record=record).save(cell.path, force=True)
    return Outcome(cell, record, warnings=result.warnings)


def _judge_again(cell: Cell, examiner: _Examiner) -> Outcome:
    """Judge the picture that a cell's file holds, and write the distances into its record."""
    picture = read_image(cell.path, max_pixels=examiner.max_pixels)
    record = read_record(cell.path)
    judged = examiner.judge_picture(cell, picture.pixels, record)
    record["cell"] = {**record["cell"], "judged": judged}
    write_image(picture.pixels, cell.path, alpha=picture.alpha, record=record, force=True)
    return Outcome(cell, record, kept=True)


def hash_weights(plan: Plan) -> str:
    """Return the hash of the file that holds a run's weights, or its model; "" for no file.

    Nothing is loaded, as loading would need torch.
    """
    tags = {each.tag: each.embedded for each in plan.backbone.weights}
    embedded = tags.get(plan.weights_tag or next(iter(tags), ""))
    if plan.model:
        return plan.model.fingerprint()
    if plan.settings.weights:
        return sha256_of(plan.settings.weights)
    if not embedded:
        return ""
    package, _, name = embedded.partition(":")
    with resources.as_file(resources.files(package) / name) as path:
        return sha256_of(path)


class _Examiner:
    """The judge, with its measurements of the inputs."""

    def __init__(self, host: PluginHost, device: str, max_pixels: int, size: int) -> None:
        from stylize import Judge

        self.judge: Judge = Judge(host, device, size=size)
        self.max_pixels = max_pixels
        self._content = lru_cache(MEASURED)(
            lambda name: self.judge.measure_content(self._read(name))
        )
        self._style = lru_cache(MEASURED)(lambda name: self.judge.measure_style(self._read(name)))

    def judge_picture(
        self, cell: Cell, picture: Tensor, record: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Judge a cell's picture as its file holds it, with 8 bits per channel.

        A distance is None if a blank input makes it a division by zero.
        """
        verdict = self.judge(picture, self._content(cell.content), self._style(cell.style))
        return {
            **{name: _finite(getattr(verdict, name)) for name in DISTANCES},
            "layers": {layer: _finite(value) for layer, value in verdict.layers.items()},
            "stroke_layers": {
                layer: _finite(value) for layer, value in verdict.stroke_layers.items()
            },
            "judge_size": self.judge.size,
            "judge": framework_version(),
            "own_network": self.judge.is_own(str(record["loss_network"])),
        }

    def _read(self, name: str) -> Tensor:
        return read_image(name, size=self.judge.size, max_pixels=self.max_pixels).pixels


def _name(content: str, style: str, variant: Variant, hashes: Sequence[str]) -> str:
    """Return a cell's file name: readable, with a hash that no other cell has."""
    digest = hashlib.sha256(json.dumps([*hashes, dict(variant.values)]).encode()).hexdigest()
    words = [Path(content).stem, Path(style).stem, *variant.label.split(" ")]
    stem = re.sub(r"[^\w.=-]+", "-", "_".join(words)).encode(errors="ignore")[:LONGEST_STEM]
    return f"{stem.decode(errors='ignore')}_{digest[:8]}.png"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
