"""Every pair of container and codec is copied, converted or left out with a message."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

av = pytest.importorskip("av")

from same_frames import convert  # noqa: E402
from small_video import inspect_clip, make_clip  # noqa: E402

CONTAINERS = (".ts", ".mkv", ".mp4", ".mov", ".avi", ".webm", ".flv")
SOUND = ("aac", "libmp3lame", "mp2", "ac3", "libopus", "libvorbis", "pcm_s16le", "flac")
TEXT = ("subrip", "mov_text", "webvtt", "ass")
OUTPUTS = (".mp4", ".mov", ".mkv", ".webm")


def plain(count: int = 10, size: int = 32) -> list[np.ndarray]:
    return [np.full((size, size, 3), 9 * number % 256, np.uint8) for number in range(count)]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A clip of every pair that FFmpeg writes."""
    folder, made = tmp_path_factory.mktemp("pairs"), {}
    for suffix in CONTAINERS:
        for codec in (*SOUND, *TEXT):
            path = folder / f"{codec}{suffix}"
            kind: dict[str, Any] = {"sound" if codec in SOUND else "subtitles": codec}
            try:
                make_clip(
                    path, frames=plain(), codec="libvpx" if suffix == ".webm" else "mpeg4", **kind
                )
            except (av.error.FFmpegError, ValueError):
                continue
            made[path.name] = path
    return made


def seconds_of_sound(path: Path) -> float:
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return 0.0
        return sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))


@pytest.mark.parametrize("suffix", OUTPUTS)
@pytest.mark.parametrize("codec", [*SOUND, *TEXT])
def test_a_track_is_copied_converted_or_left_out_with_a_sentence(
    same, stylizer, clips, tmp_path, codec, suffix
):
    pairs = [path for name, path in clips.items() if name.partition(".")[0] == codec]
    for source in pairs:
        told: list[str] = []
        quick = {} if suffix == ".webm" else {"codec": "mpeg4"}
        result = convert(stylizer, source, tmp_path / f"out{suffix}", told, force=True, **quick)
        after = inspect_clip(result.path)
        assert len(after.frames) == 10
        if "audio" in after.codecs:
            assert seconds_of_sound(result.path) == pytest.approx(0.42, abs=0.04)
        elif "subtitle" in after.codecs:
            assert after.subtitles == [(pytest.approx(0.1, abs=0.04), 0.2, "Hello")]
        else:
            assert "left out" in " ".join(told)
        if not told:
            assert len(after.codecs) == 2


def test_sound_of_mpeg_ts_is_copied_into_mp4(same, stylizer, clips, tmp_path):
    told: list[str] = []
    result = convert(stylizer, clips["aac.ts"], tmp_path / "out.mp4", told)
    assert not told
    with av.open(str(clips["aac.ts"])) as before, av.open(str(result.path)) as after:
        packets = [[bytes(p) for p in c.demux(audio=0) if p.size] for c in (before, after)]
    # For ADTS, without the header of each packet.
    assert [packet[7:] for packet in packets[0]] == packets[1]


def test_subtitles_in_a_longer_mp4_do_not_end_the_process(tmp_path):
    """FFmpeg aborts the process on such subtitles in fragments, without raising an error."""
    made = make_clip(tmp_path / "in.mkv", frames=plain(120), subtitles="subrip", codec="mpeg4")
    code = f"""
from pathlib import Path
from same_frames import Same, convert
from small_training import make_model
from stylize import Stylizer, make_settings
import stylize_video.making as making
making.ClipStylizer = Same
folder = Path({str(tmp_path)!r})
model = make_model(folder / "m.safetensors")
settings = {{"model": str(model), "device": "cpu", "precision": "float32", "size": "full"}}
convert(Stylizer(make_settings(settings)), folder / {made.name!r}, folder / "out.mp4")
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert inspect_clip(tmp_path / "out.mp4").subtitles[0][2] == "Hello"


def edit_packets(path: Path, output: Path, times: Any) -> Path:
    """Copy a file, with the times of its sound changed: times(number, time)."""
    with av.open(str(path)) as source, av.open(str(output), "w") as target:
        streams = {s.index: target.add_stream_from_template(s) for s in source.streams}
        packets = [p for p in source.demux() if p.pts is not None and p.size]
        number = 0
        for packet in packets:
            if packet.stream.type == "audio":
                packet.pts = packet.dts = times(number, packet.pts)
                number += 1
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    return output


@pytest.mark.parametrize("suffix", OUTPUTS)
def test_a_time_of_sound_that_repeats_loses_nothing(same, stylizer, clips, tmp_path, suffix):
    held: list[int] = []

    def repeat(number: int, time: int) -> int:
        held.append(time)
        return held[9] if number == 10 else time

    source = edit_packets(clips["aac.mkv"], tmp_path / "in.mkv", repeat)
    told: list[str] = []
    result = convert(stylizer, source, tmp_path / f"out{suffix}", told)
    assert any("times of its sound fall back, repeat or leap" in line for line in told)
    assert len(inspect_clip(result.path).frames) == 10
    assert seconds_of_sound(result.path) == pytest.approx(0.42, abs=0.04)


def test_what_the_file_refuses_is_not_told_as_a_full_disk(same, stylizer, clips, tmp_path):
    from stylize.errors import OutputError
    from stylize_video.opening import output_errors

    refused = r"Invalid argument\): use another --codec, another kind of file, or --sound no"
    with pytest.raises(OutputError, match=refused), output_errors(tmp_path / "out.mp4"):
        raise av.error.ArgumentError(22, "Invalid argument")
    with pytest.raises(OutputError, match="free some space"), output_errors(tmp_path / "out.mp4"):
        raise OSError(28, "No space left on device")


@pytest.fixture
def joined(tmp_path: Path) -> Iterator[Path]:
    """Two segments of MPEG-TS in a row: the second has other sound and another size."""
    parts = [
        make_clip(
            tmp_path / f"{layout}.ts",
            frames=plain(25, size),
            codec="mpeg4",
            sound="aac",
            layout_of_sound=layout,
        )
        for layout, size in (("mono", 64), ("stereo", 32))
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


@pytest.mark.parametrize("suffix", OUTPUTS)
def test_segments_follow_one_another_whatever_changes(same, stylizer, joined, tmp_path, suffix):
    told: list[str] = []
    result = convert(stylizer, joined, tmp_path / f"out{suffix}", told)
    after = inspect_clip(result.path)
    assert len(after.frames) == 50
    steps = np.diff([float(time) for time in after.times])
    assert steps == pytest.approx([0.04] * 49, abs=0.002)
    assert after.duration == pytest.approx(2.05, abs=0.06)
    assert seconds_of_sound(result.path) == pytest.approx(2.05, abs=0.08)
    assert sum("times of its" in line for line in told) == 2
    assert sum("change proportions" in line for line in told) == 0  # with the same proportions


def test_pictures_of_other_proportions_get_edges_and_are_not_squashed(same, stylizer, tmp_path):
    parts = [
        make_clip(tmp_path / f"{n}.ts", frames=[np.full(shape, 200, np.uint8)] * 5, codec="mpeg4")
        for n, shape in enumerate(((32, 64, 3), (64, 64, 3)))
    ]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    told: list[str] = []
    result = convert(stylizer, joined, tmp_path / "out.mp4", told)
    assert any("change proportions" in line for line in told)
    last = inspect_clip(result.path).frames[-1].mean(axis=2)
    assert last.shape == (32, 64)
    assert last[:, :12].max() < 40
    assert last[:, 52:].max() < 40
    assert last[:, 20:44].min() > 150


def test_the_film_is_the_stream_with_the_most_frames(same, stylizer, tmp_path):
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as container:
        streams = []
        for size in (64, 32):
            stream = container.add_stream("mpeg4", rate=25)
            stream.width = stream.height = size
            streams.append(stream)
        for stream, count in zip(streams, (1, 12), strict=True):
            for picture in plain(count, stream.width):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame.reformat(format="yuv420p")))
            container.mux(stream.encode())
    told: list[str] = []
    result = convert(stylizer, path, tmp_path / "out.mp4", told)
    assert result.frames == 12
    assert inspect_clip(result.path).size == (32, 32)
    assert any("2 video streams: the one with the most frames is used (32x32)" in t for t in told)


@pytest.mark.parametrize("output", ["out.mp4", "out.gif", "frames/%06d.png"])
@pytest.mark.parametrize(
    "asked", [{"start": 0.08}, {"end": 0.2}, {"fps": "12"}, {"start": 0.1, "end": 0.3, "fps": "50"}]
)
def test_a_part_or_another_rate_is_evaluated_against_the_whole_clip(
    same, stylizer, tmp_path, output, asked
):
    pytest.importorskip("cv2")
    from stylize_video.evaluation import evaluate_video

    source = make_clip(tmp_path / "in.mp4", frames=10)
    made = convert(stylizer, source, tmp_path / output, **asked)
    path = made.path.parent if "%" in output else made.path
    evaluated = evaluate_video(path, source)
    assert evaluated.frames == made.frames > 1
    # The same frames: whatever moves in one moves in the other.
    assert (evaluated.consistency.flicker or 0) < 0.02


RATES = ("1/2", "1", "5", "12", "24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001")


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("rate", RATES)
def test_as_many_frames_can_be_seen_as_were_made(tmp_path, rate, suffix):
    """For lengths around the start of a file's fragments, with frames that move."""
    cv2 = pytest.importorskip("cv2")
    from stylize_video.encoding import VideoWriter
    from stylize_video.formats import CONTAINERS, choose_encoder
    from stylize_video.frames import ClipInfo

    each, group = Fraction(rate), max(round(2 * Fraction(rate)), 12)
    noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    lengths = {1, 2, group - 1, group, group + 1, 51}
    for count in sorted(lengths):
        path = tmp_path / f"{count}{suffix}"
        encoder = choose_encoder(path, "auto", None, {"libx264", "mpeg4"})
        clip = ClipInfo(tmp_path, (32, 32), (32, 32), each, 1 / each, count / each)
        writer = VideoWriter(
            path, encoder, clip, rate=each, record={}, origin=Fraction(0), end=None, sound=False,
            crf=None, force=False, tell=print,
        )  # fmt: skip
        for number in range(count):
            writer.write(np.roll(noise, number, axis=1), number / each, 1 / each)
        writer.finish()
        with av.open(str(path)) as container:
            duration = container.duration / 1e6
            assert sum(1 for _ in container.decode(video=0)) == count
        assert duration == pytest.approx(float(count / each), abs=0.002)
        seen = cv2.VideoCapture(str(path))
        assert sum(1 for _ in iter(lambda: seen.read()[0], False)) == count  # noqa: B023
    assert set(CONTAINERS) >= {suffix}
