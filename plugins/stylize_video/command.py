"""`stylize video`: clips in, stylised clips out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from stylize import (
    MAX_PIXELS,
    Plan,
    PluginHost,
    RunSettings,
    expand_contents,
    make_plan,
    style_shares,
)
from stylize.command import (
    PANELS,
    STANDARD,
    MaxPixelsOption,
    PresetOption,
    QuietOption,
    RecordOption,
    Report,
    SetOption,
    StyleOption,
    collect_settings,
    number_outputs,
    parse_assignments,
    plan_jobs,
    require_extra,
    settings_options,
    sort_files,
    warn,
)
from stylize.errors import UsageError
from stylize_video.batch import make_videos, without_time
from stylize_video.choosing import choose_method
from stylize_video.settings import (
    VideoSettings,
    make_temporal_settings,
    make_video_settings,
    settings_record,
)
from stylize_video.temporal import TemporalSettings

__all__ = ["video"]

VIDEO_PANELS = {"Video": ("start", "end", "fps", "codec", "crf", "sound")}
TEMPORAL = "temporal."


@settings_options((RunSettings, PANELS), (VideoSettings, VIDEO_PANELS))
def video(
    ctx: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CLIP... [PAINTING]",
            help="Clips (video files, GIFs, folders of numbered pictures, quoted globs), then one "
            "painting; with --style or a --model of one painting, clips only.",
        ),
    ] = None,
    style: StyleOption = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="A .mp4, .mov, .mkv, .webm or .gif file, or frames/%06d.png for numbered "
            "pictures; a folder for several clips. The default is CLIP_PAINTING_METHOD or "
            "CLIP_MODEL in the current folder, numbered if clips with other settings have that "
            "name, in the clip's format if that can be written, else .mp4.",
        ),
    ] = None,
    temporal: Annotated[
        bool,
        typer.Option(
            "--temporal/--no-temporal",
            help="Keep strokes stable over time, or stylise each frame on its own.",
        ),
    ] = True,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            "-f",
            help="Overwrite existing files. Without it, a run over several clips skips existing "
            "files, and none is made twice with the same settings.",
        ),
    ] = False,
    preset: PresetOption = None,
    assignments: SetOption = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print one JSON record per clip on standard output, with a status: made, skipped "
            "or failed.",
        ),
    ] = False,
    quiet: QuietOption = False,
    max_pixels: MaxPixelsOption = MAX_PIXELS,
    record: RecordOption = "names",
    **settings: str | None,
) -> None:
    """Make videos in the style of a painting, with their sound.

    With a painting but no --method, stylize uses a method that takes any painting in one pass, if
    one has a model, else neighbors, which takes minutes per frame. Ctrl-C and --time keep the
    frames made so far, in a file that can be played.
    """
    host: PluginHost = ctx.obj
    given = {name: value for name, value in settings.items() if value is not None}
    asked = make_video_settings({k: v for k, v in given.items() if k in VideoSettings.model_fields})
    held, others = _take_temporal(assignments or (), temporal=temporal)
    run_settings = collect_settings(
        host,
        {k: v for k, v in given.items() if k not in VideoSettings.model_fields},
        preset,
        others,
    )
    require_extra("av", "video", "stylize video")
    plan = make_plan(host, choose_method(host, run_settings))
    contents, paintings = _sort_clips(files or [], style or [], plan)
    style_shares(plan.settings, len(paintings))
    maker = Path(plan.model.name).stem if plan.model else plan.method.name
    jobs = plan_jobs(contents, paintings, output, maker, _suffix_of)
    report = Report(len(jobs), as_json=as_json, quiet=quiet, debug=ctx.meta["debug"], noun="clips")
    for problem in plan.problems:
        warn(problem.message)
    remarks: dict[str, str] = {}
    # With a glob, existing outputs are skipped, as it may match numbered clips too.
    explicit = set(files or ()).issuperset(contents)
    if explicit and not force and (output is None or Path(output).is_dir()):
        from stylize_video.record import hash_clip, read_video_record

        jobs, remarks = number_outputs(
            host,
            without_time(plan),
            jobs,
            report,
            read=read_video_record,
            hash_of=hash_clip,
            more=settings_record(asked, held),
        )
    raise typer.Exit(
        make_videos(
            host,
            plan,
            jobs,
            asked,
            report,
            temporal=held,
            force=force,
            max_pixels=max_pixels,
            record=record,
            remarks=remarks,
            begun=ctx.meta["begun"],
        )
    )


def _take_temporal(
    assignments: Sequence[str], *, temporal: bool
) -> tuple[bool | TemporalSettings, list[str]]:
    """Separate `--set temporal.NAME=VALUE` from other assignments.

    Raises: SettingsError, UsageError.
    """
    own = [text for text in assignments if text.startswith(TEMPORAL)]
    others = [text for text in assignments if not text.startswith(TEMPORAL)]
    if own and not temporal:
        raise UsageError(f"--set {own[0]} needs --temporal: leave out --no-temporal")
    values = parse_assignments(own).get("temporal", {})
    return make_temporal_settings(values) if values else temporal, others


def _sort_clips(
    files: Sequence[str], styles: Sequence[str], plan: Plan
) -> tuple[list[str], list[str]]:
    """Return the clips and the paintings. Raises: UsageError."""
    if not files:
        raise UsageError("no clip: stylize video IN.mp4 PAINTING.jpg, or IN.mp4 --model NAME")
    if STANDARD in files:
        raise UsageError("- as a clip: a video must be a file, not standard input")
    if plan.needs_style and not styles and len(files) == 1:
        raise UsageError(
            f"{files[0]} alone: give a painting too, or a --model of one (see stylize models)"
        )
    contents, paintings = sort_files(
        files,
        styles,
        no_style=False,
        no_content=False,
        plan=plan,
        expand=_expand_clips,
    )
    return [content for content in contents if content], paintings


def _expand_clips(arguments: Sequence[str]) -> list[str]:
    """Return the clips for arguments; a folder of pictures is one clip."""
    clips: dict[str, None] = {}
    for argument in arguments:
        found = [argument] if Path(argument).is_dir() else expand_contents([argument])
        clips.update(dict.fromkeys(found))
    return list(clips)


def _suffix_of(content: str) -> str:
    from stylize_video.formats import CONTAINERS

    suffix = Path(content).suffix.lower()
    return suffix if suffix in CONTAINERS and Path(content).is_file() else ".mp4"
