"""Unusual streams, folders and signals: one sentence, and nothing lost."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from command import FAST
from stylize.command import interruptible
from stylize.command.app import run
from stylize.command.saying import explain, say

PAIR = ("photo.png", "painting.png", *FAST)


def start(*arguments: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stylize", *arguments], stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_standard_output_is_told_as_that():
    with Path("/dev/full").open("w") as full:
        process = start("presets", stdout=full)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "standard output cannot be written (No space left on device)" in err
    assert "Traceback" not in err


def test_a_working_folder_that_is_gone_is_told_as_that(tmp_path, capsys, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert run(["a.png", "b.png", "-q"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_standard_error_that_is_gone_loses_no_picture(command, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("stylize.command.saying.typer.echo", fail)
    say("anything")
    assert command(*PAIR, "-o", "out.png").code == 0
    assert (command.folder / "out.png").exists()


def test_a_standard_input_that_is_closed_is_told_as_that(command, monkeypatch):
    monkeypatch.chdir(command.folder)
    monkeypatch.setattr(sys, "stdin", None)
    assert run(["-", "painting.png", *FAST, "-o", "out.png"]) == 2


def test_too_little_memory_for_torch_is_told_as_memory():
    error = ImportError("libtorch_cuda.so: failed to map segment from shared object")
    message, code = explain(error)
    assert (message.startswith("out of memory"), code) == (True, 1)


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_signals_end_a_run_as_ctrl_c_does(name):
    cancelled, number = threading.Event(), getattr(signal, name)
    # The parent may ignore some signals, as a shell does for background processes.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with interruptible(cancelled, "saving"):
            os.kill(os.getpid(), number)
            assert cancelled.wait(5)
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_hangup_that_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible(threading.Event(), "saving"):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_ctrl_c_while_modules_are_loaded_is_one_line(tmp_path):
    """Even if the module being loaded swallows every exception."""
    (tmp_path / "swallowing.py").write_text(
        "import time\n"
        "try:\n    print('here', flush=True)\n    time.sleep(60)\n"
        "except BaseException:\n    time.sleep(60)\n"
    )
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import sys; sys.argv = ['stylize', 'presets']\n"
        "import stylize.__main__ as m, stylize.command.app as app\n"
        "app.PluginHost.discover = lambda **_: __import__('swallowing')\n"
        "m.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.strip()) == (130, "stylize: interrupted")


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_ctrl_c_that_a_library_swallows_ends_with_one_line_too(tmp_path):
    code = (
        "import signal, time, stylize.__main__ as m\n"
        "m.GRACE = 0.5\n"
        "signal.signal(signal.SIGINT, m.interrupt)\n"
        # Said inside: before the try, Ctrl-C would end the loop that shall swallow it.
        "while True:\n"
        "    try:\n        print('here', flush=True)\n        time.sleep(60)\n"
        "    except KeyboardInterrupt:\n        pass\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.strip()) == (130, "stylize: interrupted")


def test_a_plugin_that_hangs_is_named_with_what_leaves_it_out(command, monkeypatch):
    from stylize.command import app
    from stylize.discovery.rows import PluginInfo

    whole = app.PluginHost.discover.__func__

    def slow(cls, *args, loading=None, **options):
        if loading:
            loading(PluginInfo("slow-parts", entry="slow"))
            time.sleep(0.3)
        return whole(cls, *args, loading=loading, **options)

    monkeypatch.setattr(app, "LONG", 0.1)
    monkeypatch.setattr(app.PluginHost, "discover", classmethod(slow))
    ended = command("presets")
    assert ended.code == 0
    assert "plugin slow-parts:slow is loading for 0.1 s: Ctrl-C ends, and " in ended.err
    assert "STYLIZE_DISABLE_PLUGINS=slow leaves it out" in ended.err


# Messages.


def test_a_file_that_begins_with_a_dash_is_told_how_to_write_it(command):
    (command.folder / "-photo.png").write_bytes((command.folder / "photo.png").read_bytes())
    refused = command("-photo.png", "painting.png", *FAST)
    assert refused.code == 2
    assert "-photo.png: begins with a dash, as options do: write ./-photo.png" in refused.err


def test_a_painting_beside_a_model_of_one_is_told(command):
    line = ("photo.png", "painting.png", "--model", "starry_night", "-o", "out.png")
    refused = command(*line)
    assert refused.code == 2
    assert "painting.png is restyled as a photograph, as model starry_night has learnt" in (
        refused.err
    )


def test_a_size_that_is_too_small_is_told_as_that(command):
    refused = command("photo.png", "painting.png", *FAST, "--size", "16", "-o", "out.png")
    assert refused.complaint == (
        "stylize: photo.png: image is 16x12; vgg16 at conv5_1 needs 16x16: use a --size above 16"
    )


def test_inputs_are_found_from_folders_above_the_picture(command, monkeypatch):
    (command.folder / "out").mkdir()
    assert command(*PAIR, "-o", "out/made.png").code == 0
    monkeypatch.chdir("/")
    again = command("rerun", str(command.folder / "out" / "made.png"))
    assert again.code == 0, again.err
    assert (command.folder / "out" / "made_rerun.png").exists()
