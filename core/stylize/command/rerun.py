"""`stylize rerun OUT.png`: make a picture again from what it says of itself.

Files of another kind are their plugin's to repeat (`stylize_rerun`), with the same helpers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError

from stylize.command.batch import make_pictures
from stylize.command.inputs import STANDARD, Job
from stylize.command.options import QuietOption
from stylize.command.recorded import RerunRequest, RunRecord, find_files, find_inputs
from stylize.command.saying import warn
from stylize.contract.hookspecs import Rerunner
from stylize.contract.plan import Plan, RunSettings
from stylize.contract.settings import short
from stylize.discovery.host import PluginHost
from stylize.errors import PluginError, UsageError
from stylize.pictures.record import read_record
from stylize.planning.planning import make_plan, make_settings
from stylize.recording.parts import describe_parts, name_recorded, part_changes

__all__ = ["compare_runs", "plan_rerun", "rerun", "validate_record"]


def rerun(
    ctx: typer.Context,
    picture: Annotated[
        Path, typer.Argument(metavar="PICTURE", help="A picture or a video that stylize made.")
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to; by default NAME_rerun beside it."
        ),
    ] = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Go on even if an input has changed.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option("--device", metavar="NAME", help="Another device than the one recorded."),
    ] = None,
    content: Annotated[
        Path | None,
        typer.Option("--content", metavar="FILE", help="Where the photograph, or clip, is now."),
    ] = None,
    style: Annotated[
        list[Path] | None,
        typer.Option(
            "--style", "-s", metavar="FILE", help="Where a painting is now; repeat it for several."
        ),
    ] = None,
    inputs: Annotated[
        Path | None,
        typer.Option("--inputs", metavar="FOLDER", help="A folder that holds the inputs."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite the output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON record.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Make a picture again: same inputs, settings and steps.

    Inputs, and files of models, are looked for in --inputs, in this folder, beside the picture and
    in the folders above it, unless --content and --style name them.
    On the CPU in float32 the pixels are identical; a run that was stopped early does the same
    steps again.
    """
    host: PluginHost = ctx.obj
    request = RerunRequest(
        picture,
        output,
        changed,
        device,
        force,
        as_json,
        quiet,
        ctx.meta["debug"],
        content,
        tuple(style or ()),
        inputs,
        ctx.meta["begun"],
    )
    again: Rerunner = host.first("rerun", _check_runner, path=picture) or _rerun_picture
    raise typer.Exit(again(host, request))


def _check_runner(answer: object) -> None:
    if not callable(answer):
        raise PluginError(f"stylize_rerun returned {short(answer)}: it is no function")


def _rerun_picture(host: PluginHost, request: RerunRequest) -> int:
    """Make a picture again and return the exit code. Raises: StylizeError."""
    picture = request.path
    record = _read(picture)
    plan = plan_rerun(host, record, request)
    content, styles = find_inputs(record, request)
    target = request.target
    job = Job(content, styles, target)
    code = make_pictures(
        host, plan, [job], request.report(), force=request.force, begun=request.begun
    )
    if code == 0 and target != STANDARD:
        compare_runs(record, _read(target))
    return code


def _read(picture: Path | str) -> RunRecord:
    """Return a picture's record. Raises: ImageError; UsageError where it is incomplete."""
    record = read_record(picture)
    if "video" in record:
        raise UsageError(
            f"{picture}: is one frame of a clip: run the stylize video command again for all of "
            f"them, or write a video file, which can be rerun"
        )
    return validate_record(RunRecord, record, picture)


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

    Raises: UsageError where this installation cannot do it; ExtraMissingError for a part whose
        distribution is not installed.
    """
    made = f"{request.path} was made with"
    try:
        recorded = {**record.settings, **find_files(record.settings, request)}
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
    for change in part_changes(record.parts, describe_parts(host, plan)):
        warn(f"{change}: the pictures may differ")
    if record.stopped != "done" and not any(record.replay.values()):
        warn(
            f"{request.path} was stopped early ({record.stopped}), and method {plan.method.name} "
            f"records nothing that repeats its steps: the pictures may differ"
        )
    return plan


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
