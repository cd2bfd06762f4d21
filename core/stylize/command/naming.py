"""Names for the pictures of experiments: numbered where settings differ, none made twice."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylize.command.inputs import STANDARD, Job
from stylize.command.report import Report
from stylize.contract.spec import split_backbone_name
from stylize.errors import StylizeError
from stylize.files import sha256_of
from stylize.pictures.record import limit_record, read_record
from stylize.recording.parts import describe_parts

if TYPE_CHECKING:
    from stylize.contract.plan import Plan
    from stylize.discovery.host import PluginHost

__all__ = ["number_outputs"]

MADE = "already made with these settings (--force makes it again)"
# More differences are counted.
SHOWN = 3


def number_outputs(
    host: PluginHost,
    plan: Plan,
    jobs: Sequence[Job],
    report: Report,
    *,
    read: Callable[[Path], Mapping[str, Any]] = read_record,
    hash_of: Callable[[Path], str] = sha256_of,
    more: Mapping[str, Mapping[str, Any] | None] | None = None,
) -> tuple[list[Job], dict[str, str]]:
    """Number the output of each job whose name is taken; report those that are already made.

    Args:
        read: returns the record of a file. Raises: StylizeError if it has none.
        hash_of: returns the hash of a content, as records have it.
        more: settings besides those of the plan, by their key in records.

    Returns: the jobs that are left, and by output how it differs from the last file of its name.
    """
    if not any(Path(job.output).is_file() for job in jobs):
        return list(jobs), {}
    asked = _Asked(_settings_now(host, plan, more or {}), tuple(more or ()), read, hash_of)
    left: list[Job] = []
    remarks: dict[str, str] = {}
    for job in jobs:
        output, remark = Path(job.output), ""
        names = (output.with_stem(f"{output.stem}_{number}") for number in itertools.count(2))
        for path in itertools.chain([output], names):
            if not path.is_file():
                left.append(replace(job, output=str(path)))
                remarks[str(path)] = remark
                break
            differences = asked.differences(path, job)
            if not differences:
                report.skipped(replace(job, output=str(path)), MADE)
                break
            rest = f" and {len(differences) - SHOWN} more" * (len(differences) > SHOWN)
            remark = f"unlike {path.name}: {', '.join(differences[:SHOWN])}{rest}"
    return left, remarks


@dataclass(frozen=True)
class _Asked:
    """What a run is asked for: all settings by name, and how files tell theirs."""

    settings: Mapping[str, Any]
    more: tuple[str, ...]
    read: Callable[[Path], Mapping[str, Any]]
    hash_of: Callable[[Path], str]

    def differences(self, path: Path, job: Job) -> list[str]:
        """Tell how a job differs from what made a file; nothing if it would make the same."""
        now = self.settings
        try:
            record = limit_record(self.read(path), "names") or {}
            was = _flatten(record, self.more)
            inputs = [given and given["sha256"] for given in (record["content"], *record["styles"])]
            if now["precision"] == "auto" and str(record["precision"]).startswith("auto"):
                was["precision"] = "auto"
            if split_backbone_name(now["backbone"])[1] is None:
                was["backbone"] = split_backbone_name(was["backbone"])[0]
            stopped = record.get("stopped", "done")  # clips tell none
            changed = self._hashes(job) != inputs
            early = stopped == "interrupted" or (stopped == "time" and was["time"] is None)
        except (StylizeError, LookupError, TypeError, AttributeError):
            return ["its settings are unknown"]
        differences = [
            f"{name.replace('_', ' ')} {_shown(now.get(name))}, not {_shown(was.get(name))}"
            for name in {**now, **was}
            if now.get(name) != was.get(name)
        ]
        return differences + ["other input files"] * changed + ["that was stopped early"] * early

    def _hashes(self, job: Job) -> list[str | None]:
        if STANDARD in (job.content, *job.styles):  # which can be read only once
            return []
        content = self.hash_of(Path(job.content)) if job.content else None
        return [content, *(sha256_of(style) for style in job.styles)]


def _settings_now(
    host: PluginHost, plan: Plan, more: Mapping[str, Mapping[str, Any] | None]
) -> dict[str, Any]:
    """Return what the record of a run would have as its settings."""
    record = {
        "settings": plan.settings.model_dump(mode="json"),
        "parts": {role: part.model_dump() for role, part in describe_parts(host, plan).items()},
        "weights": plan.model.fingerprint() if plan.model else "",
        **more,
    }
    return _flatten(limit_record(record, "names") or {}, tuple(more))


def _flatten(record: Mapping[str, Any], more: Sequence[str]) -> dict[str, Any]:
    """Return all settings of a record by name, those of parts as PART.OPTION."""
    settings = {name: value for name, value in record["settings"].items() if name != "options"}
    if settings["model"]:
        settings["model_file"] = record["weights"]
    for part in record["parts"].values():
        settings |= {f"{part['name']}.{name}": v for name, v in part["settings"].items()}
    for key in more:
        settings |= {f"{key}.{name}": value for name, value in (record[key] or {}).items()}
    return settings


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_shown(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ",".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower()
