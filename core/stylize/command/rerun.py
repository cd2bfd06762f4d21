"""What `stylize_rerun` is written with: from what a file says of its making to a plan, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from stylize.command.recorded import RerunRequest, RunRecord, find_files
from stylize.command.saying import warn
from stylize.contract.plan import Plan, RunSettings
from stylize.discovery.host import PluginHost
from stylize.errors import UsageError
from stylize.planning.planning import make_plan, make_settings
from stylize.recording.parts import describe_parts, name_recorded, part_changes

__all__ = ["compare_runs", "plan_rerun", "validate_record"]


RecordModel = TypeVar("RecordModel", bound=RunRecord)


def validate_record(model: type[RecordModel], record: object, picture: Path | str) -> RecordModel:
    """Return a record as the model tells it. Raises: UsageError where it is incomplete."""
    try:
        return model.model_validate(record)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, e["loc"])) for e in error.errors())
        raise UsageError(
            f"{picture}: its stylize record is damaged (at {places}): use an unedited copy"
        ) from error


def plan_rerun(host: PluginHost, record: RunRecord, request: RerunRequest) -> Plan:
    """Return the recorded plan, with exactly the steps that were done.

    Warns of parts that are of another version or code now. Their settings are those recorded,
    whatever their defaults are by now.

    Raises: UsageError where this installation cannot do it, or a file of a model or of weights is
        missing or has changed; ExtraMissingError for a part whose distribution is not installed.
    """
    made = f"{request.path} was made with"
    recorded = {**record.settings, **find_files(record.settings, request)}
    try:
        make_settings(recorded, host)  # which says what is wrong with them
        named = name_recorded(host, recorded, record.parts, made=made)
        settings = make_settings(named, host)
        changes = {
            "options": _recorded_options(settings, record),
            "time": None,
            **({"device": request.device} if request.device else {}),
        }
        plan = make_plan(host, make_settings({**settings.model_dump(), **changes}, host))
    except UsageError as error:
        raise UsageError(f"{request.path}, made by stylize {record.stylize}: {error}") from error
    _check_files(host, plan, record, request)
    for change in part_changes(record.parts, describe_parts(host, plan)):
        warn(f"{change}: the pictures may differ")
    if record.stopped != "done" and not any(record.replay.values()):
        warn(
            f"{request.path} was stopped early ({record.stopped}), and method {plan.method.name} "
            f"records nothing that repeats its steps: the pictures may differ"
        )
    return plan


def _check_files(host: PluginHost, plan: Plan, record: RunRecord, request: RerunRequest) -> None:
    """Check that the user's own file of a model or of weights is the one that was used.

    Raises: UsageError if it has changed, unless the request allows for it; WeightsError.
    """
    model, weights = plan.model, plan.settings.weights
    if request.changed:  # which the report tells, with all else that may make a difference
        return
    if model and model.name == str(model.path):  # not a name, which may mean another file now
        kind, file, found = "model", model.path, model.fingerprint()
    elif weights and not model and plan.method.needs_features:
        from stylize.building.weights import resolve_weights

        source = resolve_weights(host, plan.backbone, plan.weights_tag, weights)
        kind, file, found = "weights", weights, source.load().fingerprint
    else:
        return
    if found != record.weights:
        raise UsageError(
            f"{request.path}: its {kind} file {file} has changed since: name the folder of the old "
            f"file with --inputs, or use --changed to go on with this one"
        )


def _recorded_options(settings: RunSettings, record: RunRecord) -> dict[str, dict[str, Any]]:
    """Return all settings of the recorded parts, with what repeats the method's steps."""
    if "method" in record.parts:
        return _options_of_parts(settings, record)
    options = {part: dict(values) for part, values in settings.options.items()}
    for method, values in record.replay.items():
        options.setdefault(method, {}).update(values)
        if "method" in options:  # which may come after, and then wins
            options["method"].update(values)
    return options


def _options_of_parts(settings: RunSettings, record: RunRecord) -> dict[str, dict[str, Any]]:
    steps = {name: value for own in record.replay.values() for name, value in own.items()}
    parts, options = record.parts, {}
    method = parts["method"]
    if settings.model:  # what it was trained with is in its file
        parts = {"method": method}
        kept = settings.options.items()
        options = {part: values for part, values in kept if part not in ("method", method.name)}
    names = [*record.parts, *(part.name for part in record.parts.values())]
    for role, part in parts.items():
        called = part.name if names.count(part.name) == 1 else role
        options[called] = {**part.settings, **(steps if role == "method" else {})}
    return {part: values for part, values in options.items() if values}


def compare_runs(before: RunRecord, now: RunRecord) -> None:
    """Warn of what may make the pixels differ: weights, device, versions."""
    for what in ("weights", "device", "stylize", "torch"):
        old, new = getattr(before, what), getattr(now, what)
        if old != new:
            warn(f"{what} was {old} and is {new} now: the pictures may differ")
