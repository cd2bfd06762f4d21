"""`stylize video`, as typed: its results, its messages, and its files after an early end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("av")

import av

from command import Command
from small_adain import make_adain_model
from small_training import make_model
from small_video import bars, inspect_clip, make_clip, moving_square
from stylize import extras, stylize_video
from stylize.command.app import run
from stylize_video.decoding import VideoFile

FLOAT = ("--precision", "float32", "--device", "cpu")
NOISE = ("--model", "noise.safetensors", *FLOAT)


@pytest.fixture
def clip(command: Command) -> Path:
    """clip.mp4 of 10 frames with sound, and a model, in the command's folder."""
    make_model(command.folder / "noise.safetensors")
    return make_clip(command.folder / "clip.mp4", frames=10, sound="aac")


OWN = {"clip.mp4", "noise.safetensors"}


def test_a_video_is_made_with_its_sound(command, clip):
    outcome = command("video", "clip.mp4", *NOISE)
    assert outcome.code == 0
    assert command.files == {*OWN, "clip_noise.mp4"}
    before, after = inspect_clip(clip), inspect_clip(command.folder / "clip_noise.mp4")
    assert after.times == before.times
    assert after.packets["audio"] == before.packets["audio"]
    assert np.abs(after.frames[0].astype(int) - before.frames[0]).mean() > 10
    assert re.search(r"clip_noise.mp4: 96x64, 10 frames \(0:00.400\), .* on cpu", outcome.err)


def test_a_time_limit_and_the_seconds_count_from_the_program_s_start(command, clip, capsysbinary):
    line = ["video", "clip.mp4", *NOISE]
    assert run([*line, "--time", "5s"], begun=time.monotonic() - 30) == 2
    assert "so nothing is written: give a longer --time" in capsysbinary.readouterr().err.decode()
    assert run(line, begun=time.monotonic() - 30) == 0
    said = capsysbinary.readouterr().err.decode()
    assert float(re.search(r"([\d.]+) s on cpu", said)[1]) >= 30


def test_a_model_that_we_ship(command, clip):
    assert command("video", "clip.mp4", "--model", "starry_night", "-o", "a.mkv").code == 0
    after = inspect_clip(command.folder / "a.mkv")
    assert len(after.frames) == 10
    blue = after.frames[5].astype(int)
    assert (blue[..., 2] - blue[..., 0]).mean() > 10


@pytest.mark.parametrize(
    ("output", "codec"), [("a.mkv", "h264"), ("a.webm", "vp9"), ("a.gif", "gif"), ("a.mov", "h264")]
)
def test_the_extension_says_what_is_written(command, clip, output, codec):
    assert command("video", "clip.mp4", *NOISE, "-o", output).code == 0
    after = inspect_clip(command.folder / output)
    assert after.codecs["video"] == codec
    assert len(after.frames) == 10


def test_numbered_pictures_out_and_in(command, clip):
    assert command("video", "clip.mp4", *NOISE, "-o", "frames/%03d.png").code == 0
    assert {f"frames/{n:03}.png" for n in range(1, 11)} < command.files
    outcome = command("video", "frames", *NOISE, "--fps", "10")
    assert outcome.code == 0
    after = inspect_clip(command.folder / "frames_noise.mp4")
    assert (len(after.frames), after.rate) == (10, 10)


def test_size_start_end_fps_codec_and_crf(command, clip):
    options = ("--size", "72", "--start", "0.08", "--end", "0.32", "--fps", "12.5", "--crf", "30")
    assert command("video", "clip.mp4", *NOISE, *options, "--codec", "hevc").code == 0
    after = inspect_clip(command.folder / "clip_noise.mp4")
    assert after.size == (72, 48)
    assert after.codecs["video"] == "hevc"
    assert after.times == [0, Fraction(2, 25), Fraction(4, 25)]


def test_strength_reaches_the_method(command, clip):
    assert command("video", "clip.mp4", *NOISE, "--strength", "0").code == 0
    before, after = inspect_clip(clip), inspect_clip(command.folder / "clip_noise.mp4")
    assert np.abs(after.frames[3].astype(int) - before.frames[3]).mean() < 2


def test_several_clips_go_into_a_folder_and_are_skipped_when_done(command, clip):
    shutil.copy(clip, command.folder / "other.mp4")
    arguments = ("video", "clip.mp4", "other.mp4", *NOISE, "-o", "out/")
    assert command(*arguments).code == 0
    assert {"out/clip_noise.mp4", "out/other_noise.mp4"} < command.files
    outcome = command(*arguments)
    assert outcome.code == 0
    assert "2 of 2 clips skipped: already made with these settings" in outcome.err


def test_other_settings_are_numbered_and_the_same_are_made_once(command, clip):
    assert command("video", "clip.mp4", *NOISE).code == 0
    second = command("video", "clip.mp4", *NOISE, "--sound", "no", "--strength", "0.5")
    assert second.code == 0, second.err
    assert "; unlike clip_noise.mp4: strength 0.5, not 1, video.sound false, not true" in second.err
    again = command("video", "clip.mp4", *NOISE, "--sound", "no", "--strength", "0.5")
    assert "clip_noise_2.mp4: already made with these settings" in again.err
    assert {"clip_noise.mp4", "clip_noise_2.mp4"} < command.files
    assert "clip_noise_3.mp4" not in command.files


def test_one_bad_clip_of_several_does_not_stop_the_rest(command, clip):
    (command.folder / "bad.mp4").write_bytes(b"no video at all" * 9)
    outcome = command("video", "bad.mp4", "clip.mp4", *NOISE, "-o", "out/")
    assert outcome.code == 1
    assert "out/clip_noise.mp4" in command.files
    assert "1 of 2 clips failed: bad.mp4" in outcome.err


def test_a_painting_for_adain(command, clip, host):
    make_adain_model(host, command.folder / "any.safetensors")
    arguments = ("video", "clip.mp4", "painting.png", "--model", "any.safetensors", *FLOAT)
    made = command(*arguments, "--alpha", "0.5", "--json")
    assert made.code == 0, made.err
    assert made.records[0]["settings"]["options"]["adain"]["alpha"] == "0.5"
    assert "alpha is '2': " in command(*arguments, "--alpha", "2").complaint
    assert len(inspect_clip(command.folder / "clip_painting_any.mp4").frames) == 10


def test_a_painting_alone_takes_a_method_of_one_pass_where_one_has_a_model(host, monkeypatch):
    from stylize import PluginHost, make_settings
    from stylize_video.choosing import choose_method

    assert choose_method(host, make_settings({"size": 64})).method == "adain"
    assert choose_method(host, make_settings({"method": "gatys"})).method == "gatys"
    assert choose_method(host, make_settings({"model": "mosaic"})).model == "mosaic"
    monkeypatch.setattr(PluginHost, "specs", lambda *_: [])
    assert choose_method(host, make_settings({})).method == "neighbors"


def test_gatys_makes_a_video_slowly(command):
    make_clip(command.folder / "clip.mp4", frames=2)
    outcome = command(
        "video", "clip.mp4", "painting.png", "--method", "gatys", "--size", "48",
        "--set", "gatys.iterations=2", *FLOAT,
    )  # fmt: skip
    assert outcome.code == 0
    assert len(inspect_clip(command.folder / "clip_painting_gatys.mp4").frames) == 2


def test_json_has_a_record_a_clip(command, clip):
    outcome = command("video", "clip.mp4", *NOISE, "--json")
    record = json.loads(outcome.out)
    assert record["status"] == "made"
    assert (record["frames"], record["duration"], record["stopped"]) == (10, 0.4, "done")
    assert record["video"]["codec"] == "auto"
    assert record["content"]["name"] == "clip.mp4"


# Again.


def test_a_video_can_be_made_again(command, clip):
    assert command("video", "clip.mp4", *NOISE, "--end", "0.2", "--no-temporal").code == 0
    outcome = command("rerun", "clip_noise.mp4")
    assert outcome.code == 0, outcome.err
    first, again = (inspect_clip(command.folder / f"clip_noise{end}.mp4") for end in ("", "_rerun"))
    assert again.packets == first.packets
    assert len(again.frames) == 5


def test_a_rerun_says_what_has_changed(command, clip):
    assert command("video", "clip.mp4", *NOISE).code == 0
    make_clip(clip, frames=5)
    outcome = command("rerun", "clip_noise.mp4")
    assert outcome.code == 2
    assert "clip.mp4 has changed since" in outcome.err
    outcome = command("rerun", "clip.mp4")
    assert outcome.code == 2
    assert "clip.mp4: has no stylize record: only videos made by stylize" in outcome.err


def test_a_frame_cannot_be_made_again_by_itself(command, clip):
    assert command("video", "clip.mp4", *NOISE, "-o", "frames/%03d.png").code == 0
    outcome = command("rerun", "frames/001.png")
    assert outcome.code == 2
    assert "is one frame of a clip" in outcome.err


# Bad input.


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "no clip: stylize video IN.mp4 PAINTING.jpg, or IN.mp4 --model NAME"),
        (("clip.mp4",), 2, "clip.mp4 alone: give a painting too, or a --model"),
        (("-", "painting.png"), 2, "- as a clip"),
        (("missing.mp4", *NOISE), 2, "missing.mp4: no such file"),
        (("photo.png", *NOISE), 2, "photo.png: is a picture, not a video: use stylize photo.png"),
        (("noise.safetensors", *NOISE), 2, "cannot be read as a video"),
        (("clip.mp4", *NOISE, "--start", "3", "--end", "2"), 2, "start 3 s is not before end 2 s"),
        (("clip.mp4", *NOISE, "--start", "9"), 2, "--start 0:09.000 is beyond the end"),
        (("clip.mp4", *NOISE, "--start", "soon"), 2, "start is 'soon': must be a time like 90"),
        (("clip.mp4", *NOISE, "--fps", "fast"), 2, "fps is 'fast': must be frames per second"),
        (("clip.mp4", *NOISE, "--fps", "0"), 2, "must be above 0"),
        (("clip.mp4", *NOISE, "-o", "a.webm", "--codec", "h264"), 2, "holds vp9, av1, not h264"),
        (("clip.mp4", *NOISE, "-o", "clip.mp4", "--force"), 2, "is an input of this run"),
        (("clip.mp4", *NOISE, "-o", "photo.png"), 2, "unknown extension '.png': use one of .mp4"),
        (("clip.mp4", *NOISE, "--crf", "60"), 2, "crf is 60: for libx264 it is 0"),
        (("clip.mp4", *NOISE, "--set", "temporal.wobble=1"), 2, "unknown setting 'wobble'"),
        (("clip.mp4", *NOISE, "--no-temporal", "--set", "temporal.strength=1"), 2,
         "needs --temporal"),
        (("clip.mp4", "--model", "nobody"), 2, "unknown model 'nobody'"),
        (("empty", *NOISE), 2, "has no pictures"),
        (("clip.mp4", *NOISE, "--codec", "hevc", "--size", "48"), 2, "needs 64x16 or more"),
    ],
)  # fmt: skip
def test_wrong_requests(command, clip, arguments, code, message):
    (command.folder / "empty").mkdir()
    outcome = command("video", *arguments)
    assert outcome.code == code
    assert message in outcome.err
    assert outcome.err.count("stylize: ") == 1
    assert command.files == {*OWN, "empty"}


def test_an_existing_output_is_kept(command, clip):
    (command.folder / "clip_noise.mp4").write_bytes(b"mine")
    outcome = command("video", "clip.mp4", *NOISE, "-o", "clip_noise.mp4")
    assert outcome.code == 2
    assert "clip_noise.mp4: exists: choose another name, or replace it with --force" in outcome.err
    assert (command.folder / "clip_noise.mp4").read_bytes() == b"mine"
    outcome = command("video", "clip.mp4", *NOISE)
    assert outcome.code == 0
    assert "; unlike clip_noise.mp4: its settings are unknown" in outcome.err
    assert (command.folder / "clip_noise.mp4").read_bytes() == b"mine"
    assert command("video", "clip.mp4", *NOISE, "--force").code == 0
    assert len(inspect_clip(command.folder / "clip_noise.mp4").frames) == 10


def test_a_video_among_pictures_points_to_the_command(command, clip):
    outcome = command("clip.mp4", "painting.png")
    assert outcome.code == 2
    assert "clip.mp4: is a video, not a picture: use stylize video clip.mp4 ..." in outcome.err


def test_without_the_extra_the_command_says_what_to_install(command, clip, monkeypatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    outcome = command("video", "clip.mp4", *NOISE)
    assert outcome.code == 3
    assert "pip install 'stylize-nst[video]'" in outcome.err


def test_warnings_are_said(command, clip):
    pictures = [picture.astype(np.uint16) * 257 for picture in (bars(97, 65),) * 3]
    make_clip(command.folder / "deep.mkv", frames=pictures, codec="ffv1", layout="yuv444p10le")
    outcome = command("video", "deep.mkv", *NOISE)
    assert outcome.code == 0
    assert "warning: deep.mkv: has more than 8 bits per colour: converted to 8" in outcome.err
    assert "97x65 is padded to 98x66" in outcome.err


# Early ends of the real command in its own process.


def start(folder: Path, *arguments: str, limit: int | None = None) -> subprocess.Popen[str]:
    def restrict() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        [sys.executable, "-m", "stylize", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=restrict,
    )


def make_long_clip(folder: Path) -> None:
    make_model(folder / "noise.safetensors")
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 60, (64, 96, 3), np.uint8)
    make_clip(
        folder / "clip.mp4", frames=[moving_square(n % 40) // 2 + noise for n in range(400)],
        sound="aac",
    )  # fmt: skip


@pytest.mark.slow
def test_ctrl_c_leaves_a_file_that_can_be_played(tmp_path):
    make_long_clip(tmp_path)
    process = start(tmp_path, "video", "clip.mp4", *NOISE, "-o", "out.mp4", "--fps", "1000")
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("out.part-*.mp4")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "ending the file after the last complete frame" in err
    after = inspect_clip(tmp_path / "out.mp4")
    # Thousands on a fast machine: 1,080 frames.
    (frames,) = re.findall(r"out.mp4: 96x64, ([\d,]+) frames? .*interrupted: it can be played", err)
    assert len(after.frames) == int(frames.replace(",", "")) > 0
    assert "e+" not in err
    assert not list(tmp_path.glob("*.part-*"))


def count_until_broken(path: Path) -> int:
    """Count the frames that a player shows: the one being written is cut short."""
    count = 0
    with av.open(path) as container, contextlib.suppress(av.error.InvalidDataError):
        for _ in container.decode(video=0):
            count += 1
    return count


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk_leaves_what_can_be_played(tmp_path, suffix):
    make_long_clip(tmp_path)
    # Files may not grow beyond this: the system then raises an error, as for a full disk.
    process = start(tmp_path, "video", "clip.mp4", *NOISE, "-o", f"out{suffix}", limit=150_000)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2, err
    assert "cannot be written" in err
    frames = count_until_broken(tmp_path / f"out{suffix}")
    assert f"out{suffix} has the first {frames} frames" in err
    assert 10 < frames < 400
    assert not list(tmp_path.glob("*.part-*"))


@pytest.mark.slow
def test_what_a_killed_run_leaves_can_be_played(tmp_path):
    make_long_clip(tmp_path)
    process = start(tmp_path, "video", "clip.mp4", *NOISE, "-o", "out.mp4")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        parts = list(tmp_path.glob("out.part-*.mp4"))
        if parts and parts[0].stat().st_size > 120_000:
            break
        time.sleep(0.05)
    process.kill()
    process.communicate()
    (part,) = tmp_path.glob("out.part-*.mp4")
    # The last fragment may be cut short; players, and our own reader, show the frames before it.
    with VideoFile(part, size=None, start=None, tell=[].append) as left:
        assert sum(1 for _ in left) > 10
    assert not (tmp_path / "out.mp4").exists()


# From Python.


def test_the_python_function(tmp_path):
    model = make_model(tmp_path / "noise.safetensors")
    source = make_clip(tmp_path / "clip.mp4", frames=6, sound="aac")
    steps: list[int] = []

    class Follow:
        def progressed(self, progress):
            steps.append(progress.step)

    result = stylize_video(
        source, None, tmp_path / "out.mp4", model=str(model), device="cpu", start=0.08,
        observers=[Follow()],
    )  # fmt: skip
    assert (result.frames, result.stopped, result.path) == (4, "done", tmp_path / "out.mp4")
    assert steps == [1, 2, 3, 4]
    assert len(inspect_clip(result.path).frames) == 4


def test_a_picture_as_the_painting(tmp_path, host):
    model = make_adain_model(host, tmp_path / "any.safetensors")
    source = make_clip(tmp_path / "clip.mp4", frames=3)
    painting = Image.fromarray(bars())
    result = stylize_video(
        source, painting, tmp_path / "out.gif", model=str(model), device="cpu", size=64
    )
    assert result.frames == 3
    assert result.record["styles"][0]["path"] == ""


def test_evaluate_names_the_command_that_its_option_has_become(command):
    said = command("evaluate", "--video", "clip.mp4")
    assert said.code == 2
    assert "stylize evaluate-video CLIP --content SOURCE" in said.complaint
