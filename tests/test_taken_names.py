"""A run does not touch files of others, even if they appear while it runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from command import FAST
from small_training import TRAIN, make_photographs
from stylize.command import write_file
from stylize.errors import OutputError
from stylize.placing import place_file

OTHERS = b"somebody's"


def before(monkeypatch: pytest.MonkeyPatch, where: str, act: Callable[[], object]) -> None:
    """Run a function before another one is called."""
    module, _, name = where.rpartition(".")
    owner: Any = pytest.importorskip(module)
    called = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *a, **k: (act() and None) or called(*a, **k))


@pytest.mark.parametrize(
    ("line", "where", "output", "kept"),
    [
        (
            ("photo.png", "painting.png", *FAST),
            "stylize.making.stylizer.deadline_of",
            "out.png",
            "out_2.png",
        ),
        (TRAIN, "stylize_train.session.write_model", "m.safetensors", "m_2.safetensors"),
        (
            ("analyze", "activations", "photo.png", "--backbone", "resnet50_thin"),
            "stylize_measure.analysis.analyze_activations",
            "rows.csv",
            "rows_2.csv",
        ),
    ],
    ids=["picture", "model", "table"],
)
def test_what_a_command_made_goes_beside_a_file_that_has_appeared(
    command, monkeypatch, line, where, output, kept
):
    if line == TRAIN:
        make_photographs(command.folder / "photographs")
    before(monkeypatch, where, lambda: (command.folder / output).write_bytes(OTHERS))
    ended = command(*line, "-o", output)
    assert ended.code == 2
    assert f"{output}: has appeared since this run began, and is left as it is" in ended.err
    assert kept in ended.err
    assert (command.folder / output).read_bytes() == OTHERS
    assert (command.folder / kept).stat().st_size > len(OTHERS)
    assert not list(command.folder.glob(".stylize*"))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".gif"])
def test_a_clip_goes_beside_a_file_that_has_appeared(same, stylizer, tmp_path, monkeypatch, suffix):
    small_video = pytest.importorskip("small_video")
    from same_frames import convert

    source, output = small_video.make_clip(tmp_path / "in.mp4", frames=3), tmp_path / f"out{suffix}"
    whole = same.__call__

    def appear(self: Any, frame: torch.Tensor, observers: Any = ()) -> torch.Tensor:
        output.write_bytes(OTHERS)
        return whole(self, frame, observers)

    monkeypatch.setattr(same, "__call__", appear)
    with pytest.raises(OutputError, match=rf"has appeared.*out_2\{suffix}$"):
        convert(stylizer, source, output)
    assert output.read_bytes() == OTHERS
    assert len(small_video.inspect_clip(tmp_path / f"out_2{suffix}").frames) == 3
    assert convert(stylizer, source, output, force=True).path == output
    assert {file.name for file in tmp_path.iterdir()} == {
        "in.mp4", f"out{suffix}", f"out_2{suffix}"
    }  # fmt: skip


def test_names_are_counted_on_and_disks_without_links_serve_too(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    for name in ("a.bin", "a_2.bin"):
        (tmp_path / name).write_bytes(OTHERS)
    for expected in ("a_3.bin", "a_4.bin"):
        (tmp_path / "made").write_bytes(b"ours")
        assert place_file(tmp_path / "made", tmp_path / "a.bin", force=False).name == expected
        monkeypatch.setattr(os, "link", refuse)
    assert not (tmp_path / "made").exists()
    assert (tmp_path / "a.bin").read_bytes() == OTHERS


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_force_writes_into_a_fifo_and_leaves_it_one(command):
    os.mkfifo(command.folder / "out.png")
    assert "exists" in command("photo.png", "painting.png", *FAST, "-o", "out.png").complaint
    got: list[bytes] = []
    reader = threading.Thread(
        target=lambda: got.append((command.folder / "out.png").read_bytes()), daemon=True
    )
    reader.start()
    assert command("photo.png", "painting.png", *FAST, "-o", "out.png", "-f").code == 0
    reader.join(10)
    assert (command.folder / "out.png").is_fifo()
    (command.folder / "got.png").write_bytes(got[0])
    with Image.open(command.folder / "got.png") as picture:
        assert picture.size == (48, 36)


def test_a_device_gets_what_is_written():
    write_file(os.devnull, b"anything")
    assert Path(os.devnull).is_char_device() or os.name == "nt"
