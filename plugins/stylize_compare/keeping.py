"""Which cells of a sweep are kept from an earlier run, and what has changed since then."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stylize import (
    PartRecord,
    PluginHost,
    RunSettings,
    describe_parts,
    limit_record,
    part_changes,
    plain_names,
    read_record,
)
from stylize.errors import ImageError, UsageError
from stylize_compare.cells import Cell, Outcome, hash_weights

__all__ = ["find_kept", "flatten_settings"]


def find_kept(host: PluginHost, cells: Sequence[Cell]) -> dict[Path, Outcome]:
    """Return the cells that an earlier run finished, by file. A damaged file counts as none.

    If a part has another version or code now, the cell's `outdated` says so.

    Raises: UsageError if a cell was made with settings other than those requested now.
    """
    kept: dict[Path, Outcome] = {}
    parts: dict[int, Mapping[str, PartRecord]] = {}
    weights: dict[int, str] = {}
    for cell in cells:
        if not cell.path.exists():
            continue
        try:
            record = read_record(cell.path)
            before: Mapping[str, Any] = record["cell"]["settings"]
        except (ImageError, KeyError, TypeError):
            continue
        plan = cell.variant.plan
        if differences := _differences(before, plan.settings):
            raise UsageError(
                f"{cell.path.parent} is of a sweep with other settings ({'; '.join(differences)}):"
                f" name another output, or start over with --force"
            )
        if id(plan) not in parts:
            parts[id(plan)], weights[id(plan)] = describe_parts(host, plan), hash_weights(plan)
        changes = _changes(record, parts[id(plan)], weights[id(plan)])
        kept[cell.path] = Outcome(cell, record, kept=True, outdated=tuple(changes))
    return kept


def _changes(record: Mapping[str, Any], parts: Mapping[str, PartRecord], weights: str) -> list[str]:
    """Describe what has changed in the parts that a cell was made with."""
    try:
        before = {role: PartRecord.model_validate(each) for role, each in record["parts"].items()}
    except (KeyError, AttributeError, ValidationError):
        return ["an earlier release did not record its parts"]
    changes = part_changes(before, parts)
    if not changes and record["cell"].get("weights_file") != weights:
        changes.append("the file of its weights, or its model, has changed")
    return changes


def flatten_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return dumped run settings with those of parts as PART.OPTION."""
    flat = {key: value for key, value in settings.items() if key != "options"}
    for part, options in settings["options"].items():
        flat |= {f"{part}.{name}": value for name, value in options.items()}
    return flat


def _differences(before: Mapping[str, Any], now: RunSettings) -> list[str]:
    """Describe each setting that has changed, with both its values."""
    known = RunSettings().model_dump(mode="json")
    # Options of parts were once run settings, and are now listed among those of their parts.
    was = {**known, **{key: before[key] for key in known if key in before}}
    old, new = (
        flatten_settings(plain_names(limit_record(settings, "names") or {}))
        for settings in (was, now.model_dump(mode="json"))
    )
    return [
        f"{key} was {json.dumps(old.get(key))} and is {json.dumps(new.get(key))} now"
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    ]
