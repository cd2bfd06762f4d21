"""Clips keep their times, sound, subtitles and duration; an early end leaves a file."""

from __future__ import annotations

import errno
import os
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

av = pytest.importorskip("av")

from same_frames import Same, convert  # noqa: E402
from small_video import (  # noqa: E402
    CLOCKWISE,
    COLORS,
    bars,
    inspect_clip,
    make_clip,
    number_of,
    turn_clip,
)
from stylize import Progress, Stylizer  # noqa: E402
from stylize.errors import CodecMissingError, OutputError, SettingsError, VideoError  # noqa: E402
from stylize.files import sha256_of  # noqa: E402
from stylize_video.checking import check_video_output  # noqa: E402
from stylize_video.encoding import VideoWriter, time_base_of  # noqa: E402
from stylize_video.formats import CONTAINERS, ENCODERS, choose_encoder  # noqa: E402
from stylize_video.settings import make_video_settings  # noqa: E402

NTSC = Fraction(30_000, 1001)


# Kept properties.


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".m4v"])
@pytest.mark.parametrize("rate", [Fraction(25), NTSC])
def test_frames_rate_and_sound_are_kept(same, stylizer, tmp_path, suffix, rate):
    source = make_clip(tmp_path / "in.mp4", rate=rate, frames=12, sound="aac", title="Ducks")
    result = convert(stylizer, source, tmp_path / f"out{suffix}")
    before, after = inspect_clip(source), inspect_clip(result.path)
    assert result.frames == 12
    assert [number_of(frame) for frame in after.frames] == list(range(12))
    assert after.rate == rate
    # MKV counts milliseconds only from 0, and so shifts all tracks by the priming of the sound.
    tick, begin = (0.001, float(after.times[0])) if suffix == ".mkv" else (1e-6, 0.0)
    assert begin <= 0.022
    assert [float(t) - begin for t in after.times] == pytest.approx(
        [float(n / rate) for n in range(12)], abs=tick
    )
    assert [float(d) for d in after.durations] == pytest.approx([float(1 / rate)] * 12, abs=tick)
    assert after.codecs == {"video": "h264", "audio": "aac"}
    assert after.packets["audio"] == before.packets["audio"]
    assert np.array(after.starts["audio"]) - begin == pytest.approx(
        np.array(before.starts["audio"]), abs=0.0015
    )
    assert after.duration == pytest.approx(before.duration, abs=0.025)
    assert after.metadata["title"] == "Ducks"


def test_variable_times_are_kept(same, stylizer, tmp_path):
    times = [0, 0.04, 0.13, 0.17, 0.4, 0.41]
    source = make_clip(tmp_path / "in.mp4", frames=6, times=times)
    for suffix, tick in ((".mp4", 1e-4), (".mkv", 1e-3), (".webm", 1e-3), (".gif", 6e-3)):
        result = convert(stylizer, source, tmp_path / f"out{suffix}")
        after = inspect_clip(result.path)
        assert [float(t) for t in after.times] == pytest.approx(times, abs=tick)


def test_sound_that_a_file_cannot_hold_is_encoded_and_said(same, stylizer, tmp_path):
    source = make_clip(tmp_path / "in.mp4", frames=25, sound="aac")
    told: list[str] = []
    result = convert(stylizer, source, tmp_path / "out.webm", told)
    after = inspect_clip(result.path)
    assert after.codecs == {"video": "vp9", "audio": "opus"}
    assert after.starts["audio"][-1] == pytest.approx(1.0, abs=0.05)
    assert told == [
        f"{source}: sound in aac encoded again as opus, as players of webm files do not know aac"
    ]
    assert tone_of(result.path) == pytest.approx(440, abs=3)


def tone_of(path: Path) -> float:
    """Return the loudest frequency of a file's sound, in Hz."""
    with av.open(str(path)) as container:
        samples = np.concatenate(
            [frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)]
        )
    samples = samples[2000:40_000]
    return float(np.abs(np.fft.rfft(samples)).argmax() * 48_000 / len(samples))


@pytest.mark.parametrize(
    ("source", "codec", "target", "written"),
    [
        (".mkv", "srt", ".mkv", "subrip"),
        (".mkv", "ass", ".mkv", "ass"),
        (".mp4", "mov_text", ".mp4", "mov_text"),
        (".mkv", "srt", ".mp4", "mov_text"),
        (".mkv", "ass", ".mp4", "mov_text"),
        (".mkv", "srt", ".webm", "webvtt"),
        (".mp4", "mov_text", ".mkv", "ass"),
    ],
)
def test_subtitles_are_kept(same, stylizer, tmp_path, source, codec, target, written):
    clip = make_clip(tmp_path / f"in{source}", frames=12, subtitles=codec)
    told: list[str] = []
    result = convert(stylizer, clip, tmp_path / f"out{target}", told)
    after = inspect_clip(result.path)
    assert after.codecs["subtitle"] == written
    ((start, length, text),) = [line for line in after.subtitles if line[2]]
    assert text == "Hello"
    assert (start, length) == pytest.approx((0.1, 0.2), abs=0.002)
    assert after.languages["subtitle"] == "eng"
    assert bool(told) == (after.codecs["subtitle"] != inspect_clip(clip).codecs["subtitle"])


def test_chapters_are_kept_and_cut_with_the_clip(same, stylizer, tmp_path):
    source = make_clip(tmp_path / "in.mkv", frames=20, chapters=True)
    whole = inspect_clip(convert(stylizer, source, tmp_path / "out.mkv").path)
    assert whole.chapters == inspect_clip(source).chapters
    part = inspect_clip(convert(stylizer, source, tmp_path / "part.mkv", start=0.4).path)
    assert [title for *_, title in part.chapters] == ["Two"]
    assert part.chapters[0][:2] == pytest.approx((0.0, 0.4), abs=0.01)


def test_sound_can_be_left_out(same, stylizer, tmp_path):
    source = make_clip(tmp_path / "in.mp4", sound="aac", subtitles="mov_text")
    after = inspect_clip(convert(stylizer, source, tmp_path / "out.mp4", sound="no").path)
    assert after.codecs == {"video": "h264"}


def test_sound_longer_than_the_pictures_is_kept_to_its_end(same, stylizer, tmp_path):
    pictures = make_clip(tmp_path / "pictures.mp4", frames=5)
    source = tmp_path / "in.mkv"
    longer = make_clip(tmp_path / "longer.mp4", frames=40, sound="aac")
    with (
        av.open(str(pictures)) as one,
        av.open(str(longer)) as two,
        av.open(str(source), "w") as out,
    ):
        video = out.add_stream_from_template(one.streams.video[0])
        sound = out.add_stream_from_template(two.streams.audio[0])
        for container, kind, stream in ((one, "video", video), (two, "audio", sound)):
            for packet in container.demux(getattr(container.streams, kind)[0]):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
    after = inspect_clip(convert(stylizer, source, tmp_path / "out.mp4").path)
    assert after.packets["audio"] == inspect_clip(longer).packets["audio"]


def test_a_part_begins_at_0_with_its_own_sound(same, stylizer, tmp_path):
    source = make_clip(tmp_path / "in.mp4", frames=30, sound="aac", options={"g": "10"})
    result = convert(stylizer, source, tmp_path / "out.mp4", start="0.52", end="0.8")
    before, after = inspect_clip(source), inspect_clip(result.path)
    assert [number_of(frame) for frame in after.frames] == list(range(13, 20))
    assert [float(t) for t in after.times] == pytest.approx([n / 25 for n in range(7)], abs=1e-5)
    number = before.packets["audio"].index(after.packets["audio"][0])
    assert before.starts["audio"][number] == pytest.approx(0.52, abs=0.022)
    assert after.starts["audio"][0] == pytest.approx(
        before.starts["audio"][number] - 0.52, abs=0.002
    )
    assert after.starts["audio"][-1] < 0.28


@pytest.mark.parametrize(("fps", "rate"), [("10", 10), ("50", 50), ("29.97", NTSC), ("12.5", 12.5)])
def test_another_rate_keeps_the_duration_and_the_sound(same, stylizer, tmp_path, fps, rate):
    source = make_clip(tmp_path / "in.mp4", frames=25, sound="aac")
    result = convert(stylizer, source, tmp_path / "out.mp4", fps=fps)
    after = inspect_clip(result.path)
    assert after.rate == Fraction(rate)
    assert len(after.frames) == round(Fraction(rate))
    assert after.packets["audio"] == inspect_clip(source).packets["audio"]
    shown = [number_of(frame) for frame in after.frames]
    expected = [min(float(n / Fraction(rate)) * 25, 24) for n in range(len(shown))]
    assert np.abs(np.subtract(shown, expected)).max() <= 1


def test_a_repeated_frame_is_stylised_once(same, stylizer, tmp_path, monkeypatch):
    made: list[int] = []
    whole = Same.__call__
    monkeypatch.setattr(Same, "__call__", lambda self, f, _: made.append(1) or whole(self, f))
    source = make_clip(tmp_path / "in.mp4", frames=5)
    assert convert(stylizer, source, tmp_path / "out.mp4", fps=100).frames == 20
    assert len(made) == 5


def test_a_turned_clip_is_written_upright(same, stylizer, tmp_path):
    source = make_clip(tmp_path / "in.mp4", frames=[bars()] * 3)
    turn_clip(source, CLOCKWISE)
    after = inspect_clip(convert(stylizer, source, tmp_path / "out.mp4").path)
    assert after.size == (64, 96)
    assert np.abs(after.frames[0][12::24, 32].astype(int) - COLORS).max() <= 8


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_an_odd_size_is_padded_and_said(same, stylizer, tmp_path, suffix):
    picture = bars(97, 65)
    source = make_clip(tmp_path / "in.mkv", frames=[picture] * 3, codec="ffv1", layout="bgr0")
    told: list[str] = []
    after = inspect_clip(convert(stylizer, source, tmp_path / f"out{suffix}", told).path)
    assert after.size == (98, 66)
    assert np.abs(after.frames[0][-1, -1].astype(int) - COLORS[3]).max() <= 8
    assert "97x65 is padded to 98x66 by repeating the last row or column" in told[0]


@pytest.mark.parametrize("options", [{}, {"codec": "ffv1"}])
def test_colours_are_those_that_went_in(same, stylizer, tmp_path, options):
    source = make_clip(tmp_path / "in.mkv", frames=[bars()] * 3, codec="ffv1", layout="bgr0")
    path = convert(stylizer, source, tmp_path / "out.mkv", **options).path
    middle = inspect_clip(path).frames[1][32, 12::24].astype(int)
    assert np.abs(middle - COLORS).max() <= (0 if options else 4)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    if not options:
        assert (frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc) == (
            1, 1, 1, 1,
        )  # fmt: skip


def test_the_record_is_in_the_file(same, stylizer, tmp_path, painting):
    from stylize_video.record import read_video_record

    source = make_clip(tmp_path / "in.mp4", sound="aac")
    for suffix in (".mp4", ".mkv", ".webm", ".gif"):
        result = convert(stylizer, source, tmp_path / f"out{suffix}", end=0.2)
        record = read_video_record(result.path)
        assert record["content"] == {
            "name": "in.mp4", "path": "in.mp4", "sha256": sha256_of(source),
        }  # fmt: skip
        assert record["video"]["end"] == 0.2
        assert record["settings"]["model"].endswith("noise.safetensors")


# Kinds of files.


def test_a_gif_keeps_times_and_repeats(same, stylizer, tmp_path):
    source = make_clip(tmp_path / "in.mp4", frames=[bars()] * 10, rate=Fraction(30))
    path = convert(stylizer, source, tmp_path / "out.gif").path
    with Image.open(path) as image:
        assert image.n_frames == 10
        assert image.info["loop"] == 0
        durations = []
        for number in range(10):
            image.seek(number)
            durations.append(image.info["duration"])
        pixels = np.asarray(image.convert("RGB"))
    assert sum(durations) == pytest.approx(333, abs=10)
    assert set(durations) <= {30, 40}
    assert np.abs(pixels[32, 12::24].astype(int) - COLORS).max() <= 24


def test_a_gif_faster_than_gif_can_be_is_thinned_and_said(same, stylizer, tmp_path):
    source = make_clip(tmp_path / "in.mp4", frames=20, rate=Fraction(100))
    told: list[str] = []
    result = convert(stylizer, source, tmp_path / "out.gif", told)
    assert result.frames == 10
    assert "GIF has at most 50 frames per second" in told[0]


def test_numbered_pictures_are_a_clip_and_back(same, stylizer, tmp_path):
    source = make_clip(tmp_path / "in.mp4", frames=7, sound="aac")
    told: list[str] = []
    result = convert(stylizer, source, tmp_path / "frames" / "%04d.png", told)
    files = sorted((tmp_path / "frames").iterdir())
    assert [file.name for file in files] == [f"{n:04}.png" for n in range(1, 8)]
    assert [number_of(np.asarray(Image.open(file))) for file in files] == list(range(7))
    assert result.frames == 7
    assert any("sound" in line for line in told)
    back = convert(stylizer, tmp_path / "frames", tmp_path / "back.mp4", fps=NTSC)
    after = inspect_clip(back.path)
    assert [number_of(frame) for frame in after.frames] == list(range(7))
    assert after.rate == NTSC


def test_a_variable_rate_is_lost_in_numbered_pictures_and_said(same, stylizer, tmp_path):
    source = make_clip(tmp_path / "in.mp4", frames=4, times=[0, 0.04, 0.2, 0.24])
    told: list[str] = []
    convert(stylizer, source, tmp_path / "frames" / "%04d.png", told)
    assert any("variable" in line and "--fps" in line for line in told)


def test_numbered_pictures_are_not_overwritten(same, stylizer, tmp_path):
    source = make_clip(tmp_path / "in.mp4", frames=2)
    output = tmp_path / "frames" / "%04d.png"
    convert(stylizer, source, output)
    with pytest.raises(OutputError, match=r"0001.png: exists"):
        convert(stylizer, source, output)
    assert convert(stylizer, source, output, force=True).frames == 2
    with pytest.raises(OutputError, match="is the input"):
        convert(stylizer, tmp_path / "frames", output, force=True)


@pytest.mark.parametrize(
    ("name", "codec", "message"),
    [
        ("out.webm", "h264", r"holds vp9, av1, not h264: leave out --codec, or write \.mp4"),
        ("out.gif", "h264", "holds gif, not h264"),
        ("out.mov", "vp9", "not vp9"),
        ("out.avi", "auto", "unknown extension '.avi'"),
        ("out.png", "auto", "unknown extension '.png'"),
        ("missing/out.mp4", "auto", "there is no folder"),
        ("%04d.mp4", "auto", "numbered pictures end in .png"),
        ("", "auto", "is a folder"),
    ],
)
def test_outputs_that_cannot_be_written_are_refused_early(tmp_path, name, codec, message):
    settings = make_video_settings({"codec": codec})
    with pytest.raises(OutputError, match=message):
        check_video_output(tmp_path / name, settings, force=False, inputs=[])


def test_an_encoder_that_ffmpeg_lacks_is_named_with_what_is_there():
    with pytest.raises(
        CodecMissingError,
        match=r"none of the encoders libx265: use --codec with "
        r"one of h264 \(libx264\), mpeg4 \(mpeg4\)",
    ):
        choose_encoder(Path("a.mp4"), "hevc", None, {"libx264", "mpeg4"})
    assert choose_encoder(Path("a.mp4"), "auto", None, {"mpeg4"}).name == "mpeg4"
    assert choose_encoder(Path("a.mp4"), "h264", None, {"libopenh264"}).name == "libopenh264"


def test_crf_has_the_range_of_its_codec():
    there = {"libx264", "mpeg4"}
    with pytest.raises(SettingsError, match=r"crf is 60: for libx264 it is 0 .* to 51"):
        choose_encoder(Path("a.mp4"), "auto", 60, there)
    with pytest.raises(SettingsError, match="mpeg4 has none"):
        choose_encoder(Path("a.mp4"), "mpeg4", 20, there)


class Policies:
    """Observes how the threads of this program are scheduled while a clip is made."""

    def __init__(self) -> None:
        self.own = self.now()
        self.seen: set[int] = set()

    def progressed(self, progress: Progress) -> None:
        self.seen |= self.now()

    def now(self) -> set[int]:
        threads = Path("/proc/self/task")  # of Linux
        if not threads.is_dir():
            return set()
        return {os.sched_getscheduler(int(thread.name)) for thread in threads.iterdir()}


@pytest.mark.parametrize("codec", sorted(set(ENCODERS) - {"gif"}))
def test_every_codec_writes_a_file_that_can_be_read(same, stylizer, tmp_path, codec):
    suffix = next(s for s, c in CONTAINERS.items() if codec in c.codecs)
    source = make_clip(tmp_path / "in.mp4", frames=6, sound="aac")
    settings = make_video_settings({"codec": codec})
    try:
        check_video_output(tmp_path / f"out{suffix}", settings, force=False, inputs=[])
    except CodecMissingError as error:
        pytest.skip(str(error))
    policies = Policies()
    made = convert(stylizer, source, tmp_path / f"out{suffix}", codec=codec, observers=[policies])
    after = inspect_clip(made.path)
    assert [number_of(frame) for frame in after.frames] == list(range(6))
    assert after.codecs["video"] == codec
    # An encoder that root runs must not move the program, and all that it starts, to real time.
    assert policies.seen == policies.own


def test_a_smaller_crf_makes_a_larger_file(same, stylizer, tmp_path):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (64, 96, 3), np.uint8) for _ in range(4)]
    source = make_clip(tmp_path / "in.mp4", frames=noise)
    sizes = [
        convert(stylizer, source, tmp_path / f"{crf}.mp4", crf=crf).path.stat().st_size
        for crf in (10, 40)
    ]
    assert sizes[0] > 2 * sizes[1]


def test_units_of_time_hold_both_rates_and_times():
    assert time_base_of(Fraction(25), Fraction(1, 12_800)) == Fraction(1, 12_800)
    assert time_base_of(NTSC, Fraction(1, 1000)) == Fraction(1, 30_000)
    assert time_base_of(Fraction(24), Fraction(1, 90_000)) == Fraction(1, 90_000)
    assert time_base_of(Fraction(25), Fraction(1, 90_000), 65_535).denominator <= 65_535


# Early ends.


class Cancel:
    """Cancels the run after a number of frames."""

    def __init__(self, stylizer: Stylizer, after: int) -> None:
        self.stylizer, self.after = stylizer, after

    def progressed(self, progress: Any) -> None:
        if progress.step == self.after:
            self.stylizer.cancel()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".gif"])
def test_an_interrupted_run_leaves_a_file_with_what_was_done(same, stylizer, tmp_path, suffix):
    source = make_clip(tmp_path / "in.mp4", frames=30, sound="aac")
    result = convert(stylizer, source, tmp_path / f"out{suffix}", observers=[Cancel(stylizer, 8)])
    assert result.stopped == "interrupted"
    assert (result.frames, result.duration) == (8, pytest.approx(8 / 25))
    after = inspect_clip(result.path)
    assert [number_of(frame) for frame in after.frames] == list(range(8)) or suffix == ".gif"
    assert len(after.frames) == 8
    if suffix != ".gif":
        assert max(after.starts["audio"]) <= 8 / 25
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["in.mp4", f"out{suffix}"])


def test_a_run_that_is_interrupted_before_its_first_frame_leaves_nothing(same, stylizer, tmp_path):
    source = make_clip(tmp_path / "in.mp4")
    stylizer.cancel()
    with pytest.raises(VideoError, match="before the first frame"):
        convert(stylizer, source, tmp_path / "out.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


def test_a_time_limit_ends_the_file(same, stylizer, tmp_path, monkeypatch):
    whole = Same.__call__
    monkeypatch.setattr(Same, "__call__", lambda self, f, _: time.sleep(0.1) or whole(self, f))
    source = make_clip(tmp_path / "in.mp4", frames=30)
    began = time.monotonic()
    result = convert(stylizer, source, tmp_path / "out.mp4", deadline=began + 1)
    assert result.stopped == "time"
    assert 2 <= result.frames < 12
    assert len(inspect_clip(result.path).frames) == result.frames


def test_a_frame_that_fails_leaves_those_before_it(same, stylizer, tmp_path, monkeypatch):
    whole = Same.__call__

    def fail(self: Same, frame: torch.Tensor, observers: Any) -> torch.Tensor:
        if self.made == 5:
            raise MemoryError("no more")
        return whole(self, frame)

    monkeypatch.setattr(Same, "__call__", fail)
    source = make_clip(tmp_path / "in.mp4", frames=10)
    with pytest.raises(MemoryError) as caught:
        convert(stylizer, source, tmp_path / "out.mp4")
    (note,) = caught.value.__notes__
    assert note == f"{tmp_path / 'out.mp4'} has the first 5 frames (0:00.200)"
    assert len(inspect_clip(tmp_path / "out.mp4").frames) == 5


@pytest.fixture
def small_disk(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A disk that is full after a number of frames, and stays full."""
    written = [0]
    whole = VideoWriter._mux

    def mux(self: VideoWriter, packets: Any) -> None:
        written[0] += 1
        if written[0] > 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(self, packets)

    monkeypatch.setattr(VideoWriter, "_mux", mux)
    return written


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_disk_that_is_full_before_a_frame_is_written_leaves_nothing(
    same, stylizer, tmp_path, small_disk, suffix
):
    source = make_clip(tmp_path / "in.mp4", frames=20)
    output = tmp_path / f"out{suffix}"
    with pytest.raises(OutputError, match="No space left on device") as caught:
        convert(stylizer, source, output)
    (note,) = caught.value.__notes__
    assert note == f"nothing is left of {output}"
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


def test_memory_does_not_grow_with_the_clip(same, stylizer, tmp_path):
    import tracemalloc

    peaks = []
    for count in (20, 40):
        source = make_clip(tmp_path / f"{count}.mp4", frames=[bars(320, 240)] * count, sound="aac")
        tracemalloc.start()
        convert(stylizer, source, tmp_path / f"{count}.mkv")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 320 * 240 * 3 * 2


@pytest.mark.parametrize("target", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("codec", ["aac", "libmp3lame", "ac3", "flac", "libopus", "pcm_s16le"])
def test_every_kind_of_sound_is_heard_in_every_kind_of_file(
    same, stylizer, tmp_path, codec, target
):
    source = make_clip(tmp_path / "in.mkv", frames=25, sound=codec)
    told: list[str] = []
    result = convert(stylizer, source, tmp_path / f"out{target}", told)
    before, after = inspect_clip(source), inspect_clip(result.path)
    copied = before.codecs["audio"] == after.codecs["audio"]
    assert copied != any("encoded again" in line for line in told)
    if copied:  # MOV cuts PCM into other packets
        assert b"".join(after.packets["audio"]) == b"".join(before.packets["audio"])
    assert after.codecs["audio"] in CONTAINERS[target].sound
    assert tone_of(result.path) == pytest.approx(440, abs=3)
    assert after.duration == pytest.approx(1, abs=0.08)


@pytest.mark.parametrize(("layout", "codec"), [("5.1(side)", "ac3"), ("stereo", "pcm_s16le")])
def test_channels_are_kept_when_sound_is_encoded_anew(same, stylizer, tmp_path, layout, codec):
    source = make_clip(tmp_path / "in.mkv", frames=12, sound=codec, layout_of_sound=layout)
    with av.open(str(convert(stylizer, source, tmp_path / "out.webm").path)) as container:
        channels = container.streams.audio[0].codec_context.layout.nb_channels
    assert channels == {"5.1(side)": 6, "stereo": 2}[layout]
