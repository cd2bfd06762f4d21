"""The gallery: its page, its pictures and its definition agree."""

from __future__ import annotations

import importlib.util
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from stylize.command.app import run

FOLDER = Path(__file__).parents[1] / "docs" / "gallery"
# Size limits in bytes: of one picture, and of all.
LARGEST, ALL = 150_000, 2_500_000
TRIAL = "--size 48 --time 2s --precision float32"


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gallery_make", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pydantic looks annotations up there
    spec.loader.exec_module(module)
    return module


MAKE = load_script()
GALLERY = MAKE.load_gallery()
SHOWN = [name for name, entry in GALLERY.pictures.items() if not entry.waits]


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """A folder with a small stand-in for every picture that the gallery reads."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    for name in GALLERY.inputs:
        if not name.endswith(".mp4"):
            Image.effect_noise((64, 48), 60).convert("RGB").save(folder / name)
    return folder


def in_this_process(line: list[str], *, cwd: Path, check: bool) -> None:
    """Run `python -m stylize ...` without a new process, which takes seconds."""
    assert line[:3] == [sys.executable, "-m", "stylize"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        if (code := run(line[3:])) and check:
            raise subprocess.CalledProcessError(code, line)


def test_the_page_shows_these_commands():
    page = MAKE.PAGE.read_text(encoding="utf-8")
    assert page == MAKE.write_page(GALLERY), "run python docs/gallery/make.py --page"
    for name in SHOWN:
        assert "```sh\n" + "\n".join(GALLERY.pictures[name].commands) + "\n```" in page


def files_of(name: str) -> set[str]:
    """Return the pictures of an entry, relative to the gallery's folder."""
    entry = GALLERY.pictures[name]
    stems = {Path(tile.file).stem for row in entry.rows for tile in row}
    return {f"{name}/{stem}.jpg" for stem in stems} if entry.separate else {f"{name}.jpg"}


def test_every_picture_is_there_and_small():
    pictures = [*FOLDER.glob("*.jpg"), *FOLDER.glob("*/*.jpg")]
    expected = {file for name in SHOWN for file in files_of(name)}
    assert {path.relative_to(FOLDER).as_posix() for path in pictures} == expected
    for path in pictures:
        assert path.stat().st_size <= LARGEST, path.name
        with Image.open(path) as image:
            image.load()
    assert sum(path.stat().st_size for path in pictures) <= ALL


@pytest.mark.parametrize("name", GALLERY.pictures)
def test_commands_read_what_is_declared(name):
    entry = GALLERY.pictures[name]
    words = {word for line in entry.commands for word in shlex.split(line)}
    assert set(entry.inputs) <= words
    assert not (set(GALLERY.inputs) & words) - set(entry.inputs)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
def test_the_script_makes_a_picture(name, inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(MAKE.subprocess, "run", in_this_process)
    options = ["--only", name, "--photos", str(inputs), "--output", str(tmp_path)]
    assert MAKE.main([*options, "--extra", TRIAL]) == 0
    entry = GALLERY.pictures[name]
    across = 1 if entry.separate else max(map(len, entry.rows))
    for file in files_of(name):
        with Image.open(tmp_path / file) as picture:
            assert picture.width >= across * entry.tile


def test_a_picture_is_made_by_the_command_itself(inputs, tmp_path):
    options = ["--only", "large", "--photos", str(inputs), "--output", str(tmp_path)]
    assert MAKE.main([*options, "--keep", str(tmp_path / "kept"), "--extra", TRIAL]) == 0
    with Image.open(tmp_path / "kept" / "large" / "world.png") as picture:
        assert picture.size == (48, 36)


def test_what_cannot_be_made_is_told_and_the_rest_is(inputs, tmp_path, monkeypatch, capsys):
    ran: list[Any] = []
    monkeypatch.setattr(MAKE, "make_entry", lambda *of: ran.append(of) or {})
    monkeypatch.setattr(MAKE.importlib.metadata, "distribution", no_distribution)
    (inputs / "great_wave.jpg").unlink()
    options = ["--only", "several", "fig5", "--paintings", str(inputs), "--output", str(tmp_path)]
    assert MAKE.main(options) == 1
    assert len(ran) == 1
    said = capsys.readouterr().err
    assert said == (
        "several: there is no great_wave.jpg: set PHOTOS or PAINTINGS to a folder with it\n"
    )


def test_a_command_that_fails_is_told(inputs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(MAKE.subprocess, "run", in_this_process)
    options = ["--only", "large", "--photos", str(inputs), "--output", str(tmp_path)]
    assert MAKE.main([*options, "--extra", "--size 0"]) == 1
    assert "large: exit code 2 of stylize --model mosaic_fast bmng.jpg" in capsys.readouterr().err
    assert not (tmp_path / "large.jpg").exists()


def test_the_frame_of_a_video_is_the_one_at_its_time(tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as video:
        stream = video.add_stream("mpeg4", rate=4)
        stream.width = stream.height = 32
        for level in (0, 80, 160, 240):
            frame = av.VideoFrame.from_image(Image.new("RGB", (32, 32), (level,) * 3))
            video.mux(stream.encode(frame))
        video.mux(stream.encode())
    grey = MAKE.read_frame(path, 0.5).getpixel((16, 16))[0]
    assert abs(grey - 160) < 12


def no_distribution(name: str) -> None:
    raise MAKE.importlib.metadata.PackageNotFoundError(name)
