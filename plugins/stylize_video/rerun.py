"""Making a video again from its own record: the `stylize_rerun` of videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stylize import PluginHost
from stylize.command import (
    InputRecord,
    Job,
    RerunRequest,
    RunRecord,
    find_inputs,
    plan_rerun,
    validate_record,
)
from stylize_video.batch import make_videos
from stylize_video.record import hash_clip, read_video_record
from stylize_video.settings import make_temporal_settings, make_video_settings

__all__ = ["rerun_video"]


class VideoRecord(RunRecord):
    """The part of a video's record that a rerun needs."""

    content: InputRecord
    video: dict[str, Any]
    temporal: dict[str, Any] | None


def rerun_video(host: PluginHost, request: RerunRequest) -> int:
    """Make a video again and return the exit code. Raises: StylizeError."""
    record = _read(request.path)
    plan = plan_rerun(host, record, request)
    clip, styles = find_inputs(record, request, hash_clip)
    target = request.target
    temporal = None if record.temporal is None else make_temporal_settings(record.temporal)
    return make_videos(
        host,
        plan,
        [Job(clip, styles, target)],
        make_video_settings(record.video),
        request.report("clips"),
        temporal=temporal or False,
        force=request.force,
        begun=request.begun,
        before=record,
    )


def _read(path: Path) -> VideoRecord:
    return validate_record(VideoRecord, read_video_record(path), path)
