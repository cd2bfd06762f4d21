"""The plan of a bench: from names of parts to validated cells. No torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylize import (
    DISTRIBUTION,
    BackboneSpec,
    Kind,
    LossSpec,
    MethodSpec,
    Plan,
    PluginHost,
    Role,
    SmoothingSpec,
    describe_parts,
    full_name,
    load_preset,
    make_plan,
    name_parts,
    option_names,
    split_backbone_name,
)
from stylize.command import collect_settings
from stylize.errors import UnknownNameError, UsageError
from stylize_compare.bench.protocol import VERSION, WINDOWS, Extent, Pair, Subject
from stylize_compare.cells import Cell
from stylize_compare.sweep import Axis, Variant

__all__ = [
    "BACKBONE",
    "METHOD",
    "Bench",
    "Place",
    "choose_parts",
    "default_names",
    "plan_bench",
]

# Smoothing matters for residual networks, and the judge is VGG's own network.
METHOD, BACKBONE = "gatys", "resnet50_thin"
CELLS, INPUTS = "cells", "inputs"


@dataclass(frozen=True)
class Place:
    """The place of a cell in a bench: the part's name, the pair, the strength and the seed."""

    name: str
    pair: Pair
    strength: float
    seed: int


@dataclass(frozen=True)
class Bench:
    """A planned bench.

    Args:
        names: of the parts, the reference first.
        plans: each part's run at the first strength and seed, by name.
        parts: the parts of each of those runs, by name and role, as records describe them.
        protocol: everything that was held fixed, as JSON holds it. The numbers of two benches are
            comparable if their protocols are equal.
        cells: all of them; those of a seed together, so that an interrupted bench has whole seeds.
        places: of each cell, by its file.
    """

    subject: Subject
    extent: Extent
    names: tuple[str, ...]
    plans: Mapping[str, Plan]
    parts: Mapping[str, Mapping[str, Any]]
    protocol: Mapping[str, Any]
    cells: tuple[Cell, ...]
    places: Mapping[Path, Place]

    @property
    def reference(self) -> str:
        """The name of the part that the others are compared with."""
        return self.names[0]

    @property
    def strengths(self) -> tuple[float, ...]:
        """The strengths at which each part runs."""
        return tuple(self.protocol["strengths"])

    @property
    def axes(self) -> list[Axis]:
        """The varied settings, as a `Comparison` takes them."""
        return [
            Axis(self.subject.setting, self.names),
            Axis("seed", tuple(map(str, self.extent.seeds))),
            Axis("strength", tuple(f"{strength:g}" for strength in self.strengths)),
        ]


def default_names(host: PluginHost, subject: Subject) -> list[str]:
    """Return the parts to compare if the user names none.

    These are all installed parts; for losses only style losses, for backbones only those that
    need no download.
    """
    specs = host.specs(subject.kind)
    return [
        host.key(spec)
        for spec in specs
        if not (isinstance(spec, LossSpec) and spec.role is not Role.STYLE)
        and not (isinstance(spec, BackboneSpec) and spec.weights and not spec.weights[0].embedded)
    ]


def choose_parts(
    host: PluginHost, method: str | None, given: Mapping[str, str | None]
) -> tuple[str, Mapping[str, str | None]]:
    """Return the method and the given settings, with the bench's own parts for those left open.

    Raises: UnknownNameError, PluginError for parts that are given.
    """
    network, smooth = given.get("backbone"), given.get("smooth")
    if network:
        host.get(BackboneSpec, split_backbone_name(network)[0])
    if smooth:
        host.get(SmoothingSpec, smooth)
    own = full_name(host, Kind.METHOD, METHOD, DISTRIBUTION)
    if method is None or host.key(host.get(MethodSpec, method)) == own:
        method = METHOD
    return method, {**given, **({"backbone": network or BACKBONE} if "backbone" in given else {})}


def plan_bench(
    host: PluginHost,
    subject: Subject,
    names: Sequence[str],
    extent: Extent,
    folder: Path,
    *,
    method: str,
    given: Mapping[str, str | None],
    assignments: Sequence[str] = (),
) -> Bench:
    """Plan the comparison of parts with the subject's reference, which is always among them.

    Args:
        names: of parts, or of presets that choose one; empty for all that are available. The
            bench's own settings override a preset's.
        given: further run settings as text, also held fixed: backbone, weights, device.
        assignments: settings of parts, as `--set` takes them; a cell leaves out those of parts
            that it does not use.

    Raises: UnknownNameError; UsageError, naming the part, for one that cannot run.
    """
    reference = full_name(host, subject.kind, subject.reference, DISTRIBUTION)
    others = [name for name in names or default_names(host, subject) if name != reference]
    chosen = tuple(dict.fromkeys([subject.reference, *others]))
    strengths = extent.strengths_of(method)
    fixed = {**extent.settings(method), **{k: v for k, v in given.items() if v is not None}}
    own = [*extent.assignments(method), *assignments]
    variants: dict[tuple[str, float, int], Variant] = {}
    for name in chosen:
        part = _choose(host, subject, reference if name == subject.reference else name)
        for strength in strengths:
            for seed in extent.seeds:
                values = {"seed": str(seed), "strength": f"{strength:g}"}
                variants[name, strength, seed] = Variant(
                    {subject.setting: name, **values},
                    _plan(host, name, {**fixed, **part, **values}, own),
                )
    _check_parts(host, assignments, [variant.plan for variant in variants.values()])
    places = {
        folder / CELLS / f"{_file_stem(name)}_{pair.content}_{strength:g}_{seed}.png": Place(
            name, pair, strength, seed
        )
        for seed in extent.seeds
        for name in chosen
        for strength in strengths
        for pair in extent.pairs
    }
    cells = tuple(
        Cell(
            str(folder / INPUTS / f"{place.pair.content}_{place.seed}.png"),
            str(folder / INPUTS / f"{place.pair.style}_{place.seed}.png"),
            variants[place.name, place.strength, place.seed],
            path,
        )
        for path, place in places.items()
    )
    plans = {name: variants[name, strengths[0], extent.seeds[0]].plan for name in chosen}
    protocol = {
        "bench": VERSION,
        "subject": subject.name,
        "extent": extent.name,
        **{key: value for key, value in fixed.items() if key != "device"},
        "set": own,
        "strengths": list(strengths),
        "seeds": list(extent.seeds),
        "windows": {str(seed): list(WINDOWS[seed]) for seed in extent.seeds},
        "judge_size": extent.judge_size,
        "pairs": [pair.name for pair in extent.pairs],
        "reference": subject.reference,
    }
    parts = {
        name: {role: part.model_dump() for role, part in describe_parts(host, plan).items()}
        for name, plan in plans.items()
    }
    return Bench(subject, extent, chosen, plans, parts, protocol, cells, places)


def _choose(host: PluginHost, subject: Subject, name: str) -> dict[str, str]:
    """Return the settings that name a part, or the preset that chooses it.

    Raises: UnknownNameError for neither; UsageError for a preset that leaves the part open.
    """
    presets = host.names(Kind.PRESET)
    short = split_backbone_name(name)[0] if subject.kind is Kind.BACKBONE else name
    try:
        host.get(subject.kind, short)
    except UnknownNameError:
        if name not in presets:
            known = [*host.names(subject.kind), *presets]
            raise UnknownNameError(f"{subject.name} or preset", name, known) from None
        if subject.setting not in load_preset(host, name).settings:
            raise UsageError(
                f"preset {name} chooses no {subject.name}: name one that does, or a {subject.name}"
            ) from None
        return {"preset": name}
    return {subject.setting: name}


def _plan(
    host: PluginHost, name: str, settings: Mapping[str, str], assignments: Sequence[str]
) -> Plan:
    # Names that several distributions have were rejected before: those left are the bench's own.
    own = {key: value for key, value in settings.items() if key != "preset"}
    texts = name_parts(host, own, DISTRIBUTION)
    try:
        asked = collect_settings(host, texts, settings.get("preset"), assignments)
        return make_plan(host, asked, lenient=True)
    except UsageError as error:
        raise UsageError(f"with {name}: {error}") from error


def _check_parts(host: PluginHost, assignments: Sequence[str], plans: Sequence[Plan]) -> None:
    """Reject a setting of a part that no cell uses. Raises: UnknownNameError."""
    used = {name for plan in plans for name in option_names(host, plan)}
    for assignment in assignments:
        part = assignment.partition("=")[0].rpartition(".")[0].strip()
        if part not in used:
            raise UnknownNameError("part of this bench", part, used)


def _file_stem(name: str) -> str:
    """Return a name as a file name, with a hash if it had to change."""
    stem = re.sub(r"[^\w.-]+", "-", name)
    if stem == name:
        return stem
    return f"{stem}-{hashlib.sha256(json.dumps(name).encode()).hexdigest()[:8]}"
