"""`stylize web`, in a real browser: the page of the real command, as people use it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from command import Command
from small_video import inspect_clip, make_clip, moving_square
from stylize import PluginHost, Progress, read_record
from stylize_web import markup
from stylize_web.clipjob import ClipJob
from stylize_web.recipe import ClipRecipe, Recipe, Upload
from stylize_web.serving import OnlyFromHere
from stylize_web.session import Session
from stylize_web.studio import Studio
from stylize_web.styles import Style, learnt_styles

PHOTO = (96, 72)
MAX_PIXELS = 1_000_000
STARTS_IN = 240  # seconds; Gradio alone takes 7 s of an idle core of 2025
SLOW = 120_000  # milliseconds


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        missing = "Chromium is missing (apt-get install chromium): the page is not tried"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    return found


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for the server's temporary files."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def server(chromium: str, uploads: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page; all uploads are gone when the command has ended."""
    port = free_port()
    line = ["web", "--no-open", "--port", str(port), "--max-pixels", str(MAX_PIXELS)]
    said = tmp_path_factory.mktemp("log") / "said.txt"
    with said.open("w") as log:
        running = subprocess.Popen(
            [sys.executable, "-m", "stylize", *line, "--device", "cpu"],
            env={**os.environ, "TMPDIR": str(uploads), "OMP_NUM_THREADS": "1"},
            stderr=log,
        )
        ends = time.monotonic() + STARTS_IN
        while "stylize is at" not in said.read_text():
            assert running.poll() is None, said.read_text()
            assert time.monotonic() < ends, said.read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
    assert "Traceback" not in said.read_text()
    assert not [path for path in uploads.rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """One thread for what the tests make themselves, as the server has: bfloat16 rounds by it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def browser(chromium: str):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_tab(browser, server: str):
    """Opens tabs; none of them contacts another server, and none of their scripts fails."""
    asked: list[str] = []
    failed: list[str] = []
    contexts = []

    def open_one():
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        tab = context.new_page()
        tab.on("pageerror", lambda error: failed.append(str(error)))
        tab.set_default_timeout(SLOW)
        tab.goto(server)
        tab.wait_for_selector("#wall .tile")
        return tab

    yield open_one
    for context in contexts:
        context.close()
    assert asked
    assert not [url for url in asked if not url.startswith((server, "data:", "blob:"))]
    assert not failed


@pytest.fixture
def tab(open_tab):
    return open_tab()


def drop(tab, *files: Path) -> None:
    before = tab.locator("#photos .tile").count()
    tab.set_input_files("#drop-photo input[type=file]", [str(file) for file in files])
    tab.wait_for_function(
        "count => document.querySelectorAll('#photos .tile').length == count",
        arg=before + len(files),
    )


def drop_painting(tab, file: Path) -> None:
    tab.set_input_files("#drop-painting input[type=file]", str(file))
    tab.wait_for_selector("#wall .tile[aria-pressed=true]")


DRAG = """async ([bytes, name, place, paste]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name));
  const about = { bubbles: true, cancelable: true };
  const event = paste
    ? new ClipboardEvent("paste", { ...about, clipboardData: data })
    : new DragEvent("drop", { ...about, dataTransfer: data });
  document.querySelector(place).dispatchEvent(event);
  return event.defaultPrevented;
}"""


def drag(tab, file: Path, place: str, *, paste: bool = False) -> bool:
    """Drop or paste a file; return whether the page, not the browser, takes care of it."""
    taken: bool = tab.evaluate(DRAG, [list(file.read_bytes()), file.name, place, paste])
    return taken


def choose(tab, title: str) -> None:
    tab.click(f"#wall .tile:has-text('{title}')")
    tab.wait_for_selector(f"#wall .tile[aria-pressed=true]:has-text('{title}')")


def make(tab) -> None:
    tab.click("#make:not([disabled])")
    tab.wait_for_selector("#stage .compare, #stage .failed")


def download(tab, folder: Path, button: str = "#download") -> Path:
    with tab.expect_download() as started:
        tab.click(button)
    file = folder / "downloads" / started.value.suggested_filename
    started.value.save_as(file)
    return file


def lines_of(tab) -> tuple[str, str]:
    """The command and the lines of Python that the page shows."""
    if not tab.locator("#command .cm-content").is_visible():
        tab.click("#lines > button, #lines .label-wrap")
    texts = [tab.locator(f"{place} .cm-content").inner_text() for place in ("#command", "#python")]
    return texts[0], texts[1]


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def small_frames() -> list[np.ndarray]:
    """Six frames of 64 x 48 pixels."""
    return [moving_square(number, 64, 48) for number in range(6)]


def frames_of(file: Path) -> np.ndarray:
    return np.stack(inspect_clip(file).frames)


@pytest.fixture
def pictures(tmp_path: Path, photo: Path, painting: Path, monkeypatch) -> Path:
    """The working folder, with a small photo.jpg and painting.jpg."""
    monkeypatch.chdir(tmp_path)
    for source, name in ((photo, "photo.jpg"), (painting, "painting.jpg")):
        with Image.open(source) as image:
            image.resize(PHOTO).save(tmp_path / name)
    return tmp_path


def test_a_dropped_photograph_becomes_the_very_picture_of_the_command(
    tab, pictures, command: Command
):
    drop(tab, pictures / "photo.jpg")
    tab.wait_for_function("!document.querySelector('#wall .waits')")
    assert tab.locator("#wall .tile img").count() >= 4
    choose(tab, "Starry Night")
    make(tab)
    file = download(tab, pictures)
    assert file.name == "photo_starry_night.png"
    line, python = lines_of(tab)
    assert line == "stylize photo.jpg --model starry_night -o photo_starry_night.png"
    assert command(*line.split()[1:]).code == 0
    by_command = pictures / file.name
    assert np.array_equal(pixels(file), pixels(by_command))
    by_command.unlink()
    exec(python, {})
    assert np.array_equal(pixels(file), pixels(by_command))
    by_command.unlink()
    assert command("rerun", f"downloads/{file.name}", "-o", by_command.name).code == 0
    assert np.array_equal(pixels(file), pixels(by_command))
    record = read_record(file)
    assert record["content"]["name"] == "photo.jpg"
    assert record["settings"]["model"] == "starry_night"
    assert "stylize-web" not in str(record["content"])


def test_what_is_chosen_is_in_the_picture_and_its_lines(tab, pictures):
    drop(tab, pictures / "photo.jpg")
    choose(tab, "mosaic")
    tab.click("#look > button, #look .label-wrap")
    tab.get_by_label("draft").check()
    tab.get_by_label("the photograph's, only brightness changes").check()
    make(tab)
    line, _ = lines_of(tab)
    assert "--model mosaic --keep-color luminance --quality draft" in line
    assert tab.locator("#history .tile").count() == 1


def test_what_is_stopped_is_kept_and_repeats(tab, pictures):
    drop(tab, pictures / "photo.jpg")
    drop_painting(tab, pictures / "painting.jpg")
    tab.get_by_label("gatys").check()
    tab.click("#look > button, #look .label-wrap")
    tab.get_by_label("best").check()
    tab.click("#make:not([disabled])")
    tab.wait_for_selector("#stage .live")  # the picture so far
    assert re.search(r"step \d+ of \d+", tab.locator("#stage .told").inner_text())
    tab.click("#stop")
    tab.wait_for_selector("#stage .compare")
    assert "stopped" in tab.locator("#stage .told").inner_text()
    file = download(tab, pictures)
    assert read_record(file)["stopped"] == "interrupted"
    line, python = lines_of(tab)
    assert "--set gatys.iterations=" in line
    exec(python, {})
    assert np.array_equal(pixels(file), pixels(pictures / file.name))


def test_outside_of_the_mask_the_photograph_stays(tab, pictures):
    drop(tab, pictures / "photo.jpg")
    choose(tab, "Starry Night")
    tab.click("#part > button, #part .label-wrap")
    tab.locator("#mask canvas").hover()  # as soon as it holds still
    box = tab.locator("#mask canvas").bounding_box()
    for height in range(10, 90, 8):  # the left third
        tab.mouse.move(box["x"] + 2, box["y"] + box["height"] * height / 100)
        tab.mouse.down()
        tab.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] * height / 100)
        tab.mouse.up()
    tab.wait_for_timeout(1000)
    make(tab)
    made = download(tab, pictures)
    download(tab, pictures, "#get-mask").rename(pictures / "mask.png")
    far = np.abs(pixels(made) - pixels(pictures / "photo.jpg"))
    assert far[:, 60:].max() == 0
    assert far[10:60, 5:25].mean() > 10
    line, python = lines_of(tab)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = ["bash", "-e", "-c", line]
    subprocess.run(shell, cwd=pictures, check=True, env={**os.environ, "PATH": path})
    assert np.array_equal(pixels(made), pixels(pictures / made.name))
    (pictures / made.name).unlink()
    exec(python, {})
    assert np.array_equal(pixels(made), pixels(pictures / made.name))


def test_two_tabs_are_served_one_after_the_other_and_keep_apart(open_tab, pictures):
    first, second = open_tab(), open_tab()
    for tab, style in ((first, "mosaic"), (second, "Great Wave")):
        drop(tab, pictures / "photo.jpg")
        choose(tab, style)
    first.click("#make:not([disabled])")
    second.click("#make:not([disabled])")
    for tab, name in ((first, "photo_mosaic.png"), (second, "photo_great_wave.png")):
        tab.wait_for_selector("#stage .compare")
        assert [tile.get_attribute("title") for tile in tab.locator("#history .tile").all()] == [
            name
        ]


def test_a_closed_tab_stops_its_run_and_takes_its_files_along(open_tab, pictures, uploads):
    kept, closed = open_tab(), open_tab()
    drop(kept, pictures / "photo.jpg")
    choose(kept, "mosaic")
    before = set(uploads.rglob("tab-*"))
    with Image.open(pictures / "photo.jpg") as image:
        image.resize((480, 360)).save(pictures / "large.jpg")
    drop(closed, pictures / "large.jpg")
    (folder,) = set(uploads.rglob("tab-*")) - before
    drop_painting(closed, pictures / "painting.jpg")
    closed.get_by_label("gatys").check()
    closed.click("#look > button, #look .label-wrap")
    closed.get_by_label("best").check()
    closed.click("#make:not([disabled])")
    closed.wait_for_selector("#stage .live")
    kept.click("#make:not([disabled])")
    kept.wait_for_selector("#stage .told:has-text('1 before this one')")
    closed.close()
    kept.wait_for_selector("#stage .compare")  # gatys would take minutes
    assert not folder.exists()


def test_what_is_no_picture_is_told_in_a_sentence(tab, pictures, uploads):
    (pictures / "broken.jpg").write_bytes(b"no picture")
    (pictures / "empty.png").write_bytes(b"")
    Image.new("RGB", (2000, 2000)).save(pictures / "huge.png")
    for name, said in (
        ("broken.jpg", "not a picture, damaged, or not one of"),
        ("empty.png", "is empty"),
        ("huge.png", "has 4 million pixels; the limit is 1 million"),
    ):
        tab.set_input_files("#drop-photo input[type=file]", str(pictures / name))
        tab.wait_for_selector(f"#notice .notice:has-text('{name}: {said}')")
        assert not list(uploads.rglob(name))
    assert "Traceback" not in tab.content()
    drop(tab, pictures / "photo.jpg")  # and the page still works
    assert tab.locator("#notice .notice").count() == 0


def test_what_went_wrong_is_told_in_view(tab, pictures):
    tab.set_viewport_size({"width": 420, "height": 700})
    (pictures / "notes.txt").write_text("no picture")
    (pictures / "large.jpg").write_bytes(b"x" * (MAX_PIXELS + 1))
    for name, notice in (("notes.txt", "#notice .notice"), ("large.jpg", "#refused")):
        tab.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        tab.set_input_files("#drop-painting input[type=file]", str(pictures / name))
        box = tab.wait_for_selector(f"{notice}:has-text('{name}')").bounding_box()
        assert 0 <= box["y"] <= 700 - box["height"]
        assert 0 <= box["x"] <= 420 - box["width"]


def test_an_upload_that_is_too_large_is_refused(tab, pictures):
    (pictures / "large.jpg").write_bytes(b"x" * (MAX_PIXELS + 1))
    for place in ("#drop-photo", "#drop-painting"):
        tab.set_input_files(f"{place} input[type=file]", str(pictures / "large.jpg"))
        told = tab.wait_for_selector("#refused").inner_text()
        assert "large.jpg has 2 MB; the limit is 1 MB: make it smaller" in told
        assert "--max-pixels" in told
    assert drag(tab, pictures / "large.jpg", "#stage")
    assert tab.locator("#photos .tile").count() == 0
    drop(tab, pictures / "photo.jpg")
    assert tab.locator("#refused").count() == 0


def test_the_server_itself_refuses_what_is_too_large(server):
    import httpx

    address = f"{server}/gradio_api/upload"
    large = {"files": ("large.jpg", b"x" * (MAX_PIXELS + 1))}
    assert httpx.post(address, files=large, trust_env=False).status_code == 413


def test_no_other_page_can_send_files(server):
    import httpx

    file = {"files": ("photo.jpg", b"x")}
    for headers, status in (
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": server.rstrip("/")}, 200),
        ({"Origin": "http://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "elsewhere.example", "Origin": "http://elsewhere.example"}, 400),
    ):
        address = f"{server}/gradio_api/upload"
        answer = httpx.post(address, files=file, headers=headers, trust_env=False)
        assert answer.status_code == status, headers


@pytest.mark.parametrize("place", ["#drop-photo button", "#stage", "#top"])
def test_a_photograph_is_taken_wherever_it_is_dropped(tab, pictures, place):
    assert drag(tab, pictures / "photo.jpg", place)  # else the browser would leave the page
    tab.wait_for_selector("#photos .tile:has-text('photo.jpg')")


def test_a_pasted_photograph_is_taken(tab, pictures):
    assert drag(tab, pictures / "photo.jpg", "body", paste=True)
    tab.wait_for_selector("#photos .tile:has-text('photo.jpg')")


def test_a_painting_in_the_photograph_s_place_can_be_moved(tab, pictures):
    drop(tab, pictures / "painting.jpg")
    tab.click("#photos [data-key=move]")
    tab.wait_for_selector("#wall .tile[aria-pressed=true]:has-text('painting')")
    assert tab.locator("#photos .tile").count() == 0


def test_a_photograph_can_be_taken_off_the_page(tab, pictures):
    shutil.copy(pictures / "photo.jpg", pictures / "second.jpg")
    drop(tab, pictures / "photo.jpg", pictures / "second.jpg")
    choose(tab, "mosaic")
    assert tab.locator("#make-all").inner_text() == "Make all 2"
    tab.click("#photos [data-key=remove]")
    tab.wait_for_selector("#photos .tile[aria-pressed=true]:has-text('photo.jpg')")
    assert tab.locator("#photos .tile").count() == 1
    tab.wait_for_selector("#make-all", state="hidden")


def test_all_photographs_are_made_and_the_first_is_shown(tab, pictures):
    shutil.copy(pictures / "photo.jpg", pictures / "second.jpg")
    drop(tab, pictures / "photo.jpg", pictures / "second.jpg")
    choose(tab, "mosaic")
    tab.click("#make-all")
    tab.wait_for_selector("#history .tile[aria-pressed=true]:has-text('photo_mosaic.png')")
    tab.wait_for_selector("#stage .told:has-text('photo_mosaic.png')")
    tab.wait_for_function("!document.querySelector('#history .waits')")
    titles = [tile.get_attribute("title") for tile in tab.locator("#history .tile").all()]
    assert titles == ["second_mosaic.png", "photo_mosaic.png"]


def test_a_run_is_found_again_after_looking_at_another_picture(tab, pictures):
    drop(tab, pictures / "photo.jpg")
    choose(tab, "mosaic")
    make(tab)
    drop_painting(tab, pictures / "painting.jpg")
    tab.get_by_label("gatys").check()
    tab.click("#look > button, #look .label-wrap")
    tab.get_by_label("best").check()
    tab.click("#make:not([disabled])")
    tab.wait_for_selector("#stage .live")
    tab.click("#history .tile:has-text('photo_mosaic.png')")
    tab.wait_for_selector("#stage .compare")
    tab.wait_for_selector("#stop", state="hidden")
    tab.click("#history .tile.waits:has-text('photo_painting_gatys.png')")
    tab.wait_for_selector("#stage .live")
    tab.click("#stop")
    tab.wait_for_selector("#stage .told:has-text('stopped')")


def test_nothing_is_wider_than_the_screen(tab, pictures):
    drop(tab, pictures / "photo.jpg")
    choose(tab, "mosaic")
    for width in (1400, 800, 420):
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_a_dropped_clip_becomes_the_very_clip_of_the_command(tab, pictures, command: Command):
    clip = make_clip(pictures / "clip.mp4", frames=small_frames())
    drop(tab, clip)
    choose(tab, "mosaic")
    assert tab.locator("#make").inner_text() == "Make the clip"
    tab.click("#make:not([disabled])")
    tab.wait_for_selector("#stage .bar, #stage video")
    tab.wait_for_selector("#stage video")
    tab.wait_for_function("document.querySelector('#stage video').duration > 0.2")  # it plays
    assert "64 x 48 px, 6 frames" in tab.locator("#stage .told").inner_text()
    file = download(tab, pictures)
    line, _ = lines_of(tab)
    assert line == "stylize video clip.mp4 --model mosaic -o clip_mosaic.mp4"
    assert command(*line.split()[1:]).code == 0
    by_command = pictures / file.name
    made = frames_of(file)
    assert len(made) == 6
    assert np.array_equal(made, frames_of(by_command))


# Without a browser.


class StoppedAfterTwo(ClipJob):
    """The user clicks on stop when the second frame is finished."""

    def progressed(self, progress: Progress) -> None:
        super().progressed(progress)
        if progress.step == 2:
            self.cancelled.set()


def test_of_a_clip_that_is_stopped_the_first_frames_are_kept_and_repeat(
    pictures, command: Command, host: PluginHost
):
    clip = make_clip(pictures / "clip.mp4", frames=small_frames())
    recipe = ClipRecipe(
        Upload(clip, "clip.mp4", "clip.mp4", clip),
        None,
        {"model": "mosaic_fast"},
        maker="mosaic_fast",
    )
    job = StoppedAfterTwo(recipe, pictures / "job")
    job.make(host, "cpu", MAX_PIXELS)
    assert (job.state, job.error) == ("done", "")
    assert job.told.endswith(", stopped")
    assert job.strip
    line = job.recipe.command()
    assert "--end 0.08" in line
    assert command(*line.split()[1:]).code == 0
    assert job.file is not None
    made = frames_of(job.file)
    assert len(made) == 2
    by_command = pictures / job.file.name
    assert np.array_equal(made, frames_of(by_command))
    by_command.unlink()
    exec(job.recipe.python(), {})
    assert np.array_equal(made, frames_of(by_command))


@pytest.mark.parametrize("begun", [False, True])
def test_a_request_that_gradio_fails_to_answer_is_refused_in_a_line(begun: bool, capsys):
    async def fails(scope, receive, send):
        if begun:
            await send({"type": "http.response.start", "status": 200})
        raise KeyError(999)

    async def keep(message):
        sent.append(message)

    sent: list[dict] = []
    scope = {"type": "http", "method": "POST", "path": "/queue/join", "headers": []}
    # In a thread of its own: a browser of another test may keep a loop running in this one.
    with ThreadPoolExecutor(1) as alone:
        alone.submit(asyncio.run, OnlyFromHere(fails, direct=True)(scope, None, keep)).result()
    assert [message["status"] for message in sent if "status" in message] == [200 if begun else 400]
    told = "stylize: warning: /queue/join: Gradio cannot answer this request (KeyError(999))\n"
    assert capsys.readouterr().err == told


def test_thumbnails_use_one_core_and_pictures_all(tmp_path, host: PluginHost):
    def used_after_work() -> int:
        torch.rand(512, 512) @ torch.rand(512, 512)
        return torch.get_num_threads()

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        studio = Studio(host, tmp_path, device="cpu", max_pixels=MAX_PIXELS)
        assert studio._thumbnails.submit(used_after_work).result() == 1
        assert studio._pictures.submit(used_after_work).result() == 2
        assert used_after_work() == 2
        studio.close()
    finally:
        torch.set_num_threads(before)


def test_a_style_whose_thumbnail_failed_no_longer_waits(tmp_path, photo):
    session = Session(tmp_path / "tab", MAX_PIXELS)
    session.add_photos([str(shutil.copy(photo, tmp_path / "photo.jpg"))])
    assert session.photo is not None
    key = session.photo.path, "gone"
    session.thumbnails[key] = b""
    styles = [Style("gone", "Gone", model="gone")]
    assert "waits" in markup.wall(session, styles, {})
    session.thumbnails[key] = None
    assert "waits" not in markup.wall(session, styles, {})


def test_a_clip_is_refused_in_a_sentence(tmp_path, monkeypatch):
    session = Session(tmp_path / "tab", MAX_PIXELS)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no clip")
    session.add_photos([str(broken)])
    assert session.notice.startswith("broken.mp4: cannot be read as a video")
    assert not broken.exists()
    huge = make_clip(tmp_path / "huge.mp4", frames=1)
    session.max_pixels = 1000
    session.add_photos([str(huge)])
    assert "huge.mp4: is 96x64; the limit is 1,000 pixels" in session.notice
    monkeypatch.setattr("stylize.extras.find_spec", lambda name: None)
    clip = make_clip(tmp_path / "clip.mp4", frames=1)
    session.add_photos([str(clip)])
    assert "pip install 'stylize-nst[video]'" in session.notice
    assert not session.photos
    assert not clip.exists()


def test_the_extra_that_is_missing_is_told_with_its_command(command: Command, monkeypatch):
    monkeypatch.setattr("stylize.extras.find_spec", lambda name: None)
    ended = command("web")
    assert ended.code == 3
    assert "pip install 'stylize-nst[web]'" in ended.err


def test_a_port_that_is_taken_is_told_before_anything_is_loaded(command: Command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = command("web", "--no-open", "--port", str(port))
    assert ended.code == 2
    assert f"cannot listen on port {port} of 127.0.0.1" in ended.err
    assert "choose another with --port" in ended.err


def test_a_host_that_is_no_address_is_named(command: Command):
    ended = command("web", "--no-open", "--host", "no such host")
    assert ended.code == 2
    assert "--host no such host is not an address of this machine" in ended.err


def test_names_that_a_shell_would_take_apart_are_quoted(tmp_path):
    photo = Upload(tmp_path / "1", "-my photo's.jpg", "-my photo's.jpg")
    recipe = Recipe(photo, None, {"model": "mosaic", "size": "full"}, maker="mosaic")
    assert recipe.command() == (
        """stylize './-my photo'"'"'s.jpg' --model mosaic --size full """
        """-o './-my photo'"'"'s_mosaic.png'"""
    )


def test_every_model_that_has_learnt_a_style_is_on_the_wall_once(host: PluginHost):
    styles = {style.model: style.fast for style in learnt_styles(host)}
    assert styles["mosaic"] == "mosaic"
    assert "mosaic_fast" not in styles
    titles = {style.model: style.title for style in learnt_styles(host)}
    assert titles["starry_night"].startswith("Van Gogh, The Starry Night")
    assert not set(titles) & set(titles.values())  # each says more than its name
    assert "any" not in styles
