"""Evaluation of a stylised clip: its stability, and the judge's distances of some frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from stylize import (
    JUDGE_BACKBONE,
    JUDGE_SIZE,
    MAX_PIXELS,
    Judge,
    fit_size,
    read_image,
    read_record,
    resize,
)
from stylize.errors import ImageError, VideoError
from stylize_video.consistency import Consistency, ConsistencyMeter
from stylize_video.folder import numbered_files
from stylize_video.opening import Timing, open_clip
from stylize_video.record import read_video_record
from stylize_video.settings import VideoSettings, make_video_settings
from stylize_video.tensors import to_tensor

if TYPE_CHECKING:
    from torch import Tensor

    from stylize import ImageSource, PluginHost
    from stylize_video.frames import Pixels, Tell

__all__ = ["JUDGED_FRAMES", "VideoEvaluation", "evaluate_video"]

# Largest number of judged frames of a clip, evenly spread.
JUDGED_FRAMES = 8


@dataclass(frozen=True)
class VideoEvaluation:
    """The measurements of a clip.

    Args:
        frames: number of frames of the clip.
        consistency: measurements of its stability.
        judged: indices of the judged frames; none without a painting.
        content, style, structure, strokes: means of the judge's distances over these frames.
        judge_size: longer side in pixels at which they were judged.
        warnings: reasons to doubt the numbers.
    """

    frames: int
    consistency: Consistency
    judged: tuple[int, ...]
    content: float | None = None
    style: float | None = None
    structure: float | None = None
    strokes: float | None = None
    judge_size: int | None = None
    warnings: tuple[str, ...] = ()

    @property
    def record(self) -> dict[str, Any]:
        """All measurements, ready for JSON."""
        values = {name: value for name, value in vars(self).items() if name != "consistency"}
        return {**asdict(self.consistency), **values}


def evaluate_video(
    output: str | Path,
    content: str | Path,
    style: ImageSource | None = None,
    *,
    judge: Judge | None = None,
    host: PluginHost | None = None,
    device: str = "auto",
    judge_size: int = JUDGE_SIZE,
    max_pixels: int = MAX_PIXELS,
) -> VideoEvaluation:
    """Measure the stability of a stylised clip, and its distances from source and painting.

    Args:
        output, content: video files, GIFs or folders of numbered pictures with matching frames; a
            larger content is read at the output's size. If the output's record says that it was
            made with `start`, `end` or `fps`, the same frames of the content are used.
        style: the painting; without one, no frame is judged.
        judge: evaluates many clips with one loaded network; by default, one is made from `host`,
            `device` and `judge_size`.

    Raises:
        VideoError: a clip cannot be read, or they differ in the number or shape of frames.
        ImageError: the painting cannot be read.
        ExtraMissingError: the extra video is not installed.
    """
    size = judge.size if judge else judge_size
    painting = None if style is None else read_image(style, size=size)
    warnings = [] if painting is None else list(painting.warnings)
    meter = ConsistencyMeter()
    sample = _Sample(size)
    frames = 0
    for made, source in _pairs(Path(output), Path(content), max_pixels, warnings.append):
        meter.add(made, source)
        if painting is not None:
            sample.offer(frames, made, source)
        frames += 1
    if painting is None:
        return VideoEvaluation(frames, meter.result(), (), warnings=tuple(warnings))
    judge = judge or Judge(host, device, size=size)
    measured = judge.measure_style(painting.pixels)
    chosen = list(sample.chosen())
    verdicts = [judge(made, source, measured) for _, made, source in chosen]
    return VideoEvaluation(
        frames,
        meter.result(),
        tuple(number for number, *_ in chosen),
        fmean(verdict.content for verdict in verdicts),
        fmean(verdict.style for verdict in verdicts),
        fmean(verdict.structure for verdict in verdicts),
        fmean(verdict.strokes for verdict in verdicts),
        size,
        (*warnings, *_doubts(Path(output), judge)),
    )


class _Sample:
    """At most `JUDGED_FRAMES` frames, evenly spread over a clip of unknown length."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._step = 1
        self._kept: list[tuple[int, Tensor, Tensor]] = []

    def offer(self, number: int, output: Pixels, content: Pixels) -> None:
        """Keep a frame if it is its turn; twice as many are kept as are chosen in the end."""
        if number % self._step:
            return
        if len(self._kept) == 2 * JUDGED_FRAMES:
            self._kept = self._kept[::2]
            self._step *= 2
            if number % self._step:
                return
        height, width = output.shape[:2]
        width, height = fit_size(width, height, self._size)
        made, source = (
            resize(to_tensor(pixels.copy()), (height, width)) for pixels in (output, content)
        )
        self._kept.append((number, made, source))

    def chosen(self) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yield index, output and content of the chosen frames, (1, 3, H, W) in [0, 1]."""
        count = min(JUDGED_FRAMES, len(self._kept))
        for index in range(count):
            number, made, source = self._kept[index * len(self._kept) // count]
            yield number, made.float() / 255, source.float() / 255


def _pairs(
    output: Path, content: Path, max_pixels: int, tell: Tell
) -> Iterator[tuple[Pixels, Pixels]]:
    """Yield the frames of an output and of its content, at the output's size.

    Raises: VideoError if they do not belong together.
    """
    asked = _asked(output)
    with open_clip(output, VideoSettings(), tell, size=None, max_pixels=max_pixels) as made:
        size = made.info.size
        with open_clip(content, asked, tell, size=max(size), max_pixels=max_pixels) as source:
            if source.info.size != size:
                width, height = source.info.original_size
                raise VideoError(
                    f"{output} is {size[0]}x{size[1]}, but {content} is {width}x{height}: give the "
                    f"clip that it was made from"
                )
            counts = [0, 0]
            kind = output / "%06d.png" if output.is_dir() else output
            timing = Timing.of(source.info, asked, kind, lambda _: None)
            frames = (f for f in timing.frames_of(source) for _ in range(f.repeats))
            for pair in zip_longest(made, frames):
                for index, frame in enumerate(pair):
                    counts[index] += frame is not None
                now, then = pair
                if now is not None and then is not None:
                    yield now.pixels, then.pixels
            if counts[0] != counts[1]:
                raise VideoError(
                    f"{output} has {counts[0]} frames, but {content} has {counts[1]}: give the "
                    f"clip that it was made from"
                )


def _asked(output: Path) -> VideoSettings:
    """Return the part and the rate that an output was made with, as far as its record shows."""
    video = _record_of(output).get("video")
    kept = ("start", "end", "fps")
    asked = {k: v for k, v in video.items() if k in kept} if isinstance(video, dict) else {}
    return make_video_settings(asked)


def _record_of(output: Path) -> dict[str, Any]:
    """Return an output's record; empty if stylize did not make it, or if it is damaged."""
    try:
        if output.is_dir():
            return read_record(numbered_files(output)[0])
        return read_video_record(output)
    except (VideoError, ImageError):
        return {}


def _doubts(output: Path, judge: Judge) -> list[str]:
    """Return the reasons to doubt the judge's numbers."""
    weights = _record_of(output).get("weights")
    if not isinstance(weights, str) or not judge.is_own(weights):
        return []
    doubt = (
        f"{output} was optimised on the judge's own network, {JUDGE_BACKBONE}: its distances "
        f"flatter it compared with clips of other networks"
    )
    return [doubt]
