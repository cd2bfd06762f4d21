"""`stylize rerun OUT.png`: make a picture, or a video, again from what it says of itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from stylize.cli.batch import make_pictures
from stylize.cli.jobs import STANDARD, Job
from stylize.cli.options import QuietOption
from stylize.cli.report import Report, warn
from stylize.errors import UsageError
from stylize.plan import Plan, make_plan, make_settings
from stylize.plugins import PluginHost
from stylize.provenance import read_record, sha256_of
from stylize.video.formats import CONTAINERS
from stylize.video.settings import make_temporal_settings, make_video_settings

__all__ = ["add_command"]


class Input(BaseModel):
    """An input file, as a record tells of it; the path is empty for what was no file."""

    name: str
    path: str
    sha256: str


class Record(BaseModel):
    """The part of a picture's record that a rerun needs."""

    stylize: str
    torch: str
    device: str
    weights: str
    settings: dict[str, Any]
    replay: dict[str, dict[str, Any]]
    content: Input | None
    styles: list[Input]


class VideoRecord(Record):
    """The same of a video."""

    content: Input
    video: dict[str, Any]
    temporal: dict[str, Any] | None


def add_command(app: typer.Typer) -> None:
    """Add the command."""
    app.command("rerun")(rerun)


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
    force: Annotated[bool, typer.Option("--force", "-f", help="Overwrite the output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON record.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Make a picture again: same inputs, settings and steps.

    Inputs are looked for where they were, then beside the picture. On the CPU in float32 the
    pixels are identical; a run that was stopped early does the same steps again.
    """
    host: PluginHost = ctx.obj
    if picture.suffix.lower() in CONTAINERS:
        report = Report(1, as_json=as_json, quiet=quiet, debug=ctx.meta["debug"], noun="clips")
        raise typer.Exit(
            _rerun_video(host, picture, output, report, changed=changed, device=device, force=force)
        )
    record = _read(picture)
    plan = _plan(host, record, picture, device)
    content = _find_input(record.content, picture, changed=changed) if record.content else None
    styles = [_find_input(style, picture, changed=changed) for style in record.styles]
    target = output or str(picture.with_stem(f"{picture.stem}_rerun"))
    code = make_pictures(
        host,
        plan,
        [Job(content, tuple(styles), target)],
        Report(1, as_json=as_json, quiet=quiet, debug=ctx.meta["debug"]),
        force=force,
    )
    if code == 0 and target != STANDARD:
        _compare(record, _read(target))
    raise typer.Exit(code)


def _rerun_video(
    host: PluginHost,
    video: Path,
    output: str | None,
    report: Report,
    *,
    changed: bool,
    device: str | None,
    force: bool,
) -> int:
    """Make a video again and return the exit code. Raises: StylizeError."""
    from stylize.cli.video import make_videos
    from stylize.video.record import hash_clip, read_video_record

    record = _validate(VideoRecord, read_video_record(video), video)
    plan = _plan(host, record, video, device)
    clip = _find_input(record.content, video, changed=changed, hash_of=hash_clip)
    styles = [_find_input(style, video, changed=changed) for style in record.styles]
    target = output or str(video.with_stem(f"{video.stem}_rerun"))
    temporal = None if record.temporal is None else make_temporal_settings(record.temporal)
    code = make_videos(
        host,
        plan,
        [Job(clip, tuple(styles), target)],
        make_video_settings(record.video),
        report,
        temporal=temporal or False,
        force=force,
    )
    if code == 0 and Path(target).is_file():
        _compare(record, _validate(VideoRecord, read_video_record(Path(target)), Path(target)))
    return code


def _read(picture: Path | str) -> Record:
    """Return a picture's record. Raises: ImageError; UsageError where it is incomplete."""
    record = read_record(picture)
    if "video" in record:
        raise UsageError(
            f"{picture}: is one frame of a clip: run the stylize video command again for all of "
            f"them, or write a video file, which can be rerun"
        )
    return _validate(Record, record, picture)


RecordModel = TypeVar("RecordModel", bound=Record)


def _validate(model: type[RecordModel], record: object, picture: Path | str) -> RecordModel:
    """Return a record as the model tells it. Raises: UsageError where it is incomplete."""
    try:
        return model.model_validate(record)
    except ValidationError as error:
        places = ", ".join(".".join(map(str, e["loc"])) for e in error.errors())
        raise UsageError(
            f"{picture}: its stylize record is damaged (at {places}): use an unedited copy"
        ) from error


def _plan(host: PluginHost, record: Record, picture: Path, device: str | None) -> Plan:
    """Return the recorded plan, with exactly the steps that were done.

    Raises: UsageError where this installation cannot do it.
    """
    try:
        settings = make_settings(record.settings)
        options = {part: dict(values) for part, values in settings.options.items()}
        for method, values in record.replay.items():
            options.setdefault(method, {}).update(values)
            if "method" in options:  # which may come after, and then wins
                options["method"].update(values)
        changes = {"options": options, "time": None, **({"device": device} if device else {})}
        return make_plan(host, make_settings({**settings.model_dump(), **changes}))
    except UsageError as error:
        raise UsageError(f"{picture}, made by stylize {record.stylize}: {error}") from error


def _find_input(
    given: Input,
    picture: Path,
    *,
    changed: bool,
    hash_of: Callable[[Path], str] = sha256_of,
) -> str:
    """Return an input's path: where it was, or beside the picture.

    Raises: UsageError where it is missing, or another file by now.
    """
    if not given.path:
        raise UsageError(
            f"{picture}: its input {given.name} was no file, so it cannot be read again: "
            f"make the picture anew from a file"
        )
    path = Path(given.path)
    places = [path, picture.parent / path, picture.parent / path.name]
    found = [place for place in places if place.exists()]
    for place in found:
        if hash_of(place) == given.sha256:
            return str(place)
    if not found:
        raise UsageError(
            f"{picture}: its input {given.name} is missing: put it at {path} or beside the picture"
        )
    if not changed:
        raise UsageError(
            f"{picture}: its input {found[0]} has changed since: put the old file back, or use "
            f"--changed to go on with this one"
        )
    warn(f"input {found[0]} has changed since {picture.name} was made")
    return str(found[0])


def _compare(before: Record, now: Record) -> None:
    """Warn of what may make the pixels differ: weights, device, versions."""
    for what in ("weights", "device", "stylize", "torch"):
        old, new = getattr(before, what), getattr(now, what)
        if old != new:
            warn(f"{what} was {old} and is {new} now: the pictures may differ")
