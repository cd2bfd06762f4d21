"""`stylize webcam`: a test pattern and a file serve as cameras, a list of keys as the window."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from command import Command
from small_training import make_model
from stylize import Stylizer, make_settings, read_record
from stylize.errors import OutputError
from stylize_webcam import cameras, windows
from stylize_webcam.cameras import Camera, CameraError, Pixels, open_camera
from stylize_webcam.recording import Recording
from stylize_webcam.session import Session

av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")

SIZE = 64


class Keys:
    """A window in which a key is pressed after each picture, and q at the end."""

    def __init__(self, *keys: str) -> None:
        self.keys = [*keys, "q"]
        self.titles: list[str] = []
        self.pictures: list[Pixels] = []

    def show(self, picture: Pixels, title: str) -> str:
        self.titles.append(title)
        self.pictures.append(picture)
        return self.keys.pop(0)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def stylizers(host, tmp_path_factory) -> dict[str, Stylizer]:
    folder = tmp_path_factory.mktemp("models")
    made = {}
    for seed, name in enumerate(("dunes", "waves")):
        path = make_model(folder / f"{name}.safetensors", seed=seed)
        made[name] = Stylizer(make_settings({"model": str(path), "device": "cpu"}), host)
    return made


@pytest.fixture
def camera() -> Iterator[Camera]:
    """A camera that shows one frame forever."""
    coarse = np.random.default_rng(0).integers(256, size=(3, 4, 3), dtype=np.uint8)
    frame = cv2.resize(coarse, (80, 60), interpolation=cv2.INTER_CUBIC)
    made = Camera("still", lambda: frame, rate=100)
    yield made
    made.close()


@pytest.fixture
def run(camera, stylizers, tmp_path) -> Callable[..., SimpleNamespace]:
    """Run a show with keys, and return it, its window and its messages."""

    def run(*keys: str, output: Path | None = None) -> SimpleNamespace:
        window, told = Keys(*keys), []
        session = Session(
            camera, stylizers, size=SIZE, temporal=True, window=window, folder=tmp_path,
            tell=told.append,
        )  # fmt: skip
        session.run(lambda: False, output, force=False)
        return SimpleNamespace(session=session, window=window, told=told)

    return run


def frames_of(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def test_number_keys_choose_the_style_and_others_do_nothing(run):
    shown = run("2", "", "1", "x", "9", "")
    names = [title.split(",")[0] for title in shown.window.titles]
    assert names == ["1 dunes", "2 waves", "2 waves", *["1 dunes"] * 4]
    assert all(picture.shape == (48, SIZE, 3) for picture in shown.window.pictures)
    one, other = (shown.window.pictures[at].astype(float) for at in (0, 1))
    assert np.abs(one - other).mean() > 5


def test_a_still_camera_gives_a_still_picture(run):
    first, *others = run(*[""] * 4).window.pictures
    assert all(np.abs(other.astype(float) - first).max() <= 1 for other in others)


def test_r_records_until_r_at_the_pace_at_which_pictures_came(run, tmp_path):
    shown = run("", "r", "", "", "r", "")
    (path,) = tmp_path.glob("*.mp4")
    assert path.name == "webcam_dunes_1.mp4"
    frames = frames_of(path)
    assert len(frames) == 3
    times = [frame.time for frame in frames]
    assert times == sorted(set(times))
    assert [", recording" in title for title in shown.window.titles].count(True) == 3
    assert f"{path}: 3 pictures recorded" in shown.told
    before = shown.window.pictures[2].astype(float)
    assert np.abs(frames[0].to_ndarray(format="rgb24") - before).mean() < 16


def test_what_is_recorded_when_q_is_pressed_is_kept(run, tmp_path):
    run("r", "")
    assert len(frames_of(tmp_path / "webcam_dunes_1.mp4")) == 2
    assert not list(tmp_path.glob(".stylize-*"))


def test_s_saves_snapshots_with_a_record_and_never_over_another(run, tmp_path):
    shown = run("s", "2", "s", "s")
    names = {"webcam_dunes_1.png", "webcam_waves_1.png", "webcam_waves_2.png"}
    assert {path.name for path in tmp_path.glob("*.png")} == names
    with Image.open(tmp_path / "webcam_dunes_1.png") as saved:
        assert np.array_equal(np.asarray(saved), shown.window.pictures[0])
    record = read_record(tmp_path / "webcam_waves_1.png")
    assert record["camera"] == "still"
    assert record["settings"]["model"].endswith("waves.safetensors")


def test_frames_that_come_meanwhile_are_dropped_and_counted():
    count = iter(range(1000))
    camera = Camera("counting", lambda: np.full((2, 2, 3), next(count) % 256, np.uint8), rate=200)
    seen = []
    for _ in range(3):
        time.sleep(0.1)
        seen.append(int(camera.next()[0, 0, 0]))
    camera.close()
    assert seen == sorted(seen)
    assert seen[-1] > 2
    assert camera.taken == 3
    assert camera.frames > 3


def test_the_end_tells_how_many(run):
    shown = run("", "")
    assert shown.told[-1].startswith("3 pictures in ")
    assert "frames were dropped" in shown.told[-1]


def test_a_camera_that_falls_silent_is_told(monkeypatch):
    monkeypatch.setattr(cameras, "PATIENCE", 0.05)
    camera = Camera("7", lambda: time.sleep(0.3), rate=0)
    with pytest.raises(CameraError, match="camera 7: sent nothing"):
        camera.next()
    camera.close()


@pytest.mark.parametrize("failing", [lambda: None, lambda: 1 / 0], ids=["ended", "broken"])
def test_a_camera_that_is_pulled_out_ends_the_show(failing):
    camera = Camera("7", failing, rate=0)
    assert camera.next() is None
    camera.close()


def test_the_test_pattern_moves():
    with open_camera("test") as camera:
        first, second = camera.next(), camera.next()
    assert first.shape == (480, 640, 3)
    assert (first != second).any()


def test_a_recording_without_space_leaves_nothing(tmp_path, full_disk):
    recording = Recording(tmp_path / "out.mp4", (64, 48), force=False)
    with full_disk(), pytest.raises(OutputError, match=r"out\.mp4: cannot be written"):
        recording.finish()
    assert list(tmp_path.iterdir()) == []


# On the command line, with an OpenCV that has no windows.


@pytest.fixture
def show(command: Command, monkeypatch) -> Command:
    make_model(command.folder / "dunes.safetensors")
    why = "the installed OpenCV has no windows: pip install opencv-python"
    monkeypatch.setattr(windows, "why_no_window", lambda: why)
    return command


LINE = "webcam", "dunes.safetensors", "--size", "64", "--device", "cpu"


def test_without_a_window_a_file_is_recorded(show):
    clip = show.folder / "clip.mp4"
    recording = Recording(clip, (80, 60), force=False)
    for number in range(6):
        picture = np.full((60, 80, 3), 40 * number, np.uint8)
        recording.write(picture, number / 10)
    recording.finish()
    outcome = show(*LINE, "--camera", "clip.mp4", "-o", "out.mp4")
    assert outcome.code == 0, outcome.err
    assert "no window: the installed OpenCV" in outcome.err
    assert "recording out.mp4 until Ctrl-C" in outcome.err
    assert "of the camera's 6 frames were dropped" in outcome.err
    frames = frames_of(show.folder / "out.mp4")
    assert 1 <= len(frames) <= 6
    assert (frames[0].width, frames[0].height) == (64, 48)


def test_the_time_ends_it(show):
    outcome = show(*LINE, "--camera", "test", "--time", "2s", "-o", "out.mkv")
    assert outcome.code == 0, outcome.err
    assert "recording out.mkv for 2 s" in outcome.err
    assert frames_of(show.folder / "out.mkv")


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ((*LINE, "--camera", "test"), 3, "no window: the installed OpenCV has no windows"),
        ((*LINE, "--camera", "77", "-o", "o.mp4"), 3, "camera 77: cannot be opened: check that"),
        ((*LINE, "--camera", "photo.txt", "-o", "o.mp4"), 3, "camera photo.txt: is neither a"),
        (
            (*LINE, "--camera", "dunes.safetensors", "-o", "o.mp4"),
            3,
            "camera dunes.safetensors: is not a video that OpenCV reads: convert it to MP4",
        ),
        ((*LINE, "-o", "."), 2, "-o .: is a folder: name a file, as webcam.mp4"),
        ((*LINE, "-o", "o.avi"), 2, "-o o.avi: a recording ends in .mp4, .mov, .mkv: use o.mp4"),
        ((*LINE, "-o", "away/o.mp4"), 2, "there is no folder away: make it first"),
        ((*LINE, "--size", "5"), 2, "size is '5'"),
        (("webcam", "any", "-o", "o.mp4"), 2, "model any takes a painting"),
        (("webcam", *["dunes.safetensors"] * 10), 2, "10 models are too many for 9 keys"),
        (("webcam", "no_such_model"), 2, "unknown model 'no_such_model'"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(show, options, code, said):
    outcome = show(*options)
    assert (outcome.code, said in outcome.err) == (code, True), outcome.err
    assert "recording" not in outcome.err.replace("a recording ends", "")
    assert show.files == {"dunes.safetensors"}


def test_a_recording_is_replaced_by_force_only(show):
    (show.folder / "out.mp4").write_bytes(b"mine")
    line = (*LINE, "--camera", "test", "--time", "0.2s", "-o", "out.mp4")
    assert "out.mp4: exists" in show(*line).complaint
    assert (show.folder / "out.mp4").read_bytes() == b"mine"
    assert show(*line, "--force").code == 0
    assert frames_of(show.folder / "out.mp4")


def test_a_recording_never_replaces_the_clip_that_serves_as_camera(show):
    (show.folder / "clip.mp4").write_bytes(b"mine")
    outcome = show(*LINE, "--camera", "clip.mp4", "-o", "clip.mp4", "--force")
    assert outcome.code == 2
    assert "-o clip.mp4: is the camera's file: choose another name" in outcome.complaint
    assert (show.folder / "clip.mp4").read_bytes() == b"mine"


@pytest.mark.parametrize("package", ["cv2", "av"])
def test_the_missing_extra_is_named(show, monkeypatch, package):
    monkeypatch.setattr("stylize.extras.find_spec", lambda name: None if name == package else 1)
    outcome = show(*LINE)
    assert outcome.code == 3
    assert "pip install 'stylize-nst[video]'" in outcome.complaint


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_a_missing_screen_is_told(monkeypatch):
    built = SimpleNamespace(getBuildInformation=lambda: "  GUI:       QT5\n")
    monkeypatch.setattr(windows, "opencv", lambda: built)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "there is no screen" in windows.why_no_window()
    monkeypatch.setenv("DISPLAY", ":0")
    assert windows.why_no_window() is None
