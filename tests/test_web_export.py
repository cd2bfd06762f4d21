"""`stylize models export --web`: a page that applies models in a browser, and needs no server."""

from __future__ import annotations

import functools
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from command import Command
from small_training import make_model
from stylize import ModelFile, Stylizer, find_model, make_settings, read_header
from stylize.errors import UsageError, WeightsUnavailableError
from stylize_models import runtime
from stylize_models.exporting import Converted
from stylize_models.runtime import SCRIPTS, read_runtime
from stylize_models.webpage import export_page

pytestmark = pytest.mark.slow  # torch's exporter takes seconds to start, and so does a browser

PATIENCE = 120_000  # milliseconds, on a busy machine


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The npm package, as the command itself gets it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("STYLIZE_OFFLINE")
        try:
            return runtime._download(tmp_path_factory.mktemp("npm"))
        except WeightsUnavailableError as error:
            pytest.skip(f"no page can be tried here: {error}")


@pytest.fixture(scope="module")
def models(host, tmp_path_factory: pytest.TempPathFactory) -> list[ModelFile]:
    path = make_model(tmp_path_factory.mktemp("model") / "two dunes #1.safetensors")
    own = ModelFile(str(path), path, read_header(path))
    return [own, find_model(host, "starry_night")]


@pytest.fixture(scope="module")
def site(host, models, package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("web") / "site"
    export_page(host, models, folder, package=package, tell=lambda name: None)
    return folder


class Quiet(SimpleHTTPRequestHandler):
    """A simple web server for files; like some, it does not know .mjs."""

    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/plain"}  # noqa: RUF012

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed: the page is not tried")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def opened(browser, address) -> Iterator[Any]:
    """The page, once it has shown its sample; `requests` are all of its requests."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.requests, page.complaints = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("console", lambda said: page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(address)
    wait_for(page, "'two dunes #1.safetensors' --size 512 sample.jpg")
    page.select_option("#size", "256")
    yield page
    page.close()


@pytest.fixture
def page(opened) -> Iterator[Any]:
    """The page, which must not fail in the test."""
    yield opened
    assert opened.complaints == []


def choose(page: Any, *files: Path) -> None:
    page.set_input_files("#file", files)


def wait_for(page: Any, line: str) -> None:
    """Wait for the picture of a command line that ends with this text."""
    page.wait_for_function("line => document.getElementById('line').textContent.endsWith(line)",
                           arg=line)  # fmt: skip


def download(page: Any, path: Path) -> np.ndarray:
    with page.expect_download() as arriving:
        page.get_by_role("link", name="Download").click()
    arriving.value.save_as(path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"), np.float64)


def made_by_pytorch(host, model: str, photo: Path, size: int) -> np.ndarray:
    settings = make_settings(
        {"model": model, "size": size, "precision": "float32", "device": "cpu"}, host
    )
    return np.asarray(Stylizer(settings, host)(photo, []).image.convert("RGB"), np.float64)


@pytest.mark.parametrize(
    ("given", "shown"), [((700, 467), (256, 171)), ((131, 250), (131, 250))], ids=["shrunk", "kept"]
)
def test_the_page_makes_the_picture_that_pytorch_makes(page, host, demo, tmp_path, given, shown):
    photo = tmp_path / f"my photo {given[0]}.png"
    with Image.open(demo / "china.jpg") as whole:
        whole.resize(given).save(photo)
    page.get_by_text("The Starry Night").click()
    choose(page, photo)
    wait_for(page, f"stylize --model starry_night --size 256 '{photo.name}'")
    picture = download(page, tmp_path / "made.png")
    expected = made_by_pytorch(host, "starry_night", photo, 256)
    assert picture.shape == expected.shape == (*shown[::-1], 3)
    assert np.abs(picture - expected).mean() <= 2
    with Image.open(photo) as photograph:
        before = np.asarray(photograph.convert("RGB").resize(shown), np.float64)
    assert np.abs(picture - before).mean() > 20
    assert page.get_attribute("#download", "download") == f"{photo.stem}_starry_night.png"
    assert page.text_content("#status").startswith(f"{shown[0]} x {shown[1]}, made in ")


def test_a_style_is_called_what_the_list_of_models_says(page):
    called = [label.inner_text().strip() for label in page.locator("#wall label").all()]
    assert called == ["Noise", "Van Gogh, The Starry Night, 1889: swirling strokes"]


def test_another_style_gives_another_picture(page, photo, tmp_path):
    choose(page, Path(photo))
    page.get_by_text("The Starry Night").click()
    wait_for(page, f"starry_night --size 256 {Path(photo).name}")
    first = download(page, tmp_path / "first.png")
    page.get_by_text("Noise", exact=True).click()
    wait_for(page, f"'two dunes #1.safetensors' --size 256 {Path(photo).name}")
    assert np.abs(download(page, tmp_path / "second.png") - first).mean() > 10


def test_transparency_stays(page, demo, tmp_path):
    photo = tmp_path / "part.png"
    with Image.open(demo / "china.jpg") as whole:
        part = whole.resize((101, 63))
    part.putalpha(Image.linear_gradient("L").resize(part.size))
    part.save(photo)
    choose(page, photo)
    wait_for(page, "part.png")
    download(page, tmp_path / "made.png")
    with Image.open(tmp_path / "made.png") as made:
        difference = np.asarray(made.getchannel("A"), int) - np.asarray(part.getchannel("A"), int)
    assert np.abs(difference).max() <= 1


def test_nothing_is_asked_of_another_host(page, address):
    assert len(page.requests) > 8
    assert [url for url in page.requests if not url.startswith((address, "blob:"))] == []
    # Were a script to try, the page's policy would stop it.
    tried = page.evaluate("fetch('http://127.0.0.1:9/').catch((error) => error.message)")
    assert tried == "Failed to fetch"
    assert any("Content Security Policy" in said for said in page.complaints)
    page.complaints.clear()


def test_the_last_of_several_choices_is_what_is_shown(page):
    for size in ("512", "256", "512", "1024"):
        page.select_option("#size", size)
    wait_for(page, "--size 1024 part.png")
    page.wait_for_timeout(300)
    assert "--size 1024" in page.text_content("#line")
    page.select_option("#size", "256")
    wait_for(page, "--size 256 part.png")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_photograph_can_be_dropped_and_pasted(page, tmp_path, kind):
    Image.linear_gradient("L").resize((60, 40)).save(tmp_path / "small.png")
    page.evaluate(
        """([kind, data]) => {
            const files = new DataTransfer();
            const bytes = new Uint8Array(data);
            files.items.add(new File([bytes], `${kind}.png`, { type: "image/png" }));
            document.body.dispatchEvent(kind === "drop"
                ? new DragEvent("drop", { dataTransfer: files, bubbles: true })
                : new ClipboardEvent("paste", { clipboardData: files, bubbles: true }));
        }""",
        [kind, list((tmp_path / "small.png").read_bytes())],
    )
    wait_for(page, f"{kind}.png")


def test_what_is_no_picture_gets_a_sentence_and_the_page_works_on(page, tmp_path, photo):
    notes, huge = tmp_path / "notes.png", tmp_path / "huge.png"
    notes.write_text("not a picture")
    with huge.open("wb") as file:
        file.truncate(200_000_000)
    for wrong, said in (
        (notes, "notes.png is not a picture that this browser reads"),
        (huge, "huge.png is 200.0 MB large: choose a file of at most 100.0 MB."),
    ):
        choose(page, wrong)
        page.locator("#problem", has_text=said).wait_for()
    again = tmp_path / "again.png"
    again.write_bytes(Path(photo).read_bytes())
    choose(page, again)
    wait_for(page, "again.png")
    assert not page.is_visible("#problem")


def test_nothing_sticks_out_of_the_page(page):
    for width in (360, 800, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_model_that_is_gone_is_named(browser, address, site):
    """You can then choose another."""
    gone = site / "models" / "two dunes #1.onnx"
    kept = gone.rename(site / "kept")
    page = browser.new_page()
    try:
        page.goto(address)
        page.get_by_text("two%20dunes%20%231.onnx is missing (404): export").wait_for()
        page.select_option("#size", "256")
        page.get_by_text("The Starry Night").click()
        page.set_default_timeout(PATIENCE)
        wait_for(page, "starry_night --size 256 sample.jpg")
        assert not page.is_visible("#problem")
    finally:
        kept.rename(gone)
        page.close()


def test_opened_as_a_file_the_page_says_how_to_serve_it(browser, site):
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    page.locator("#unserved", has_text="opened as a file").wait_for()
    page.close()


# Without a browser.


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """An npm package unpacked."""
    folder = tmp_path / "package"
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"name": runtime.PACKAGE, "version": "1.2"}))
    for name in SCRIPTS:
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture
def quick(monkeypatch) -> None:
    """Convert nothing: conversion has its own tests."""

    def convert(model: ModelFile, name: str, module: Any) -> Converted:
        return Converted(name, module, b"network", {"1x3x64x96": 1e-5})

    monkeypatch.setattr("stylize_models.webpage.convert_module", convert)
    monkeypatch.setattr("stylize_models.webpage._make_thumbnail", lambda module: b"thumbnail")


@pytest.fixture
def gallery(command: Command) -> Command:
    make_model(command.folder / "dunes.safetensors")
    return command


WEB = "models", "export", "dunes.safetensors", "--web", "site"


def test_the_command_writes_a_folder_and_tells_how_to_look_at_it(gallery, quick, copy):
    outcome = gallery(*WEB, "--onnxruntime-web", str(copy))
    assert outcome.code == 0, outcome.err
    assert "dunes: largest difference from PyTorch 1.0e-05" in outcome.err
    assert "with onnxruntime-web 1.2" in outcome.err
    assert "python -m http.server --directory site" in outcome.err
    site = gallery.folder / "site"
    (told,) = json.loads((site / "page.json").read_text())["models"]
    assert told["argument"] == "dunes.safetensors"
    assert (site / told["file"]).read_bytes() == b"network"
    assert (site / "onnxruntime" / "ort.wasm").read_bytes().endswith(b".wasm")
    assert not list(gallery.folder.glob(".stylize-*"))


def test_a_page_is_replaced_by_force_only_and_other_folders_never(gallery, quick, copy):
    line = (*WEB, "--onnxruntime-web", str(copy))
    assert gallery(*line).code == 0
    (gallery.folder / "site" / "old.txt").touch()
    again = gallery(*line)
    assert again.code == 2
    assert "site: exists: choose another name, or replace it with --force" in again.complaint
    assert gallery(*line, "--force").code == 0
    assert not (gallery.folder / "site" / "old.txt").exists()
    (gallery.folder / "site" / "page.json").unlink()
    assert "holds other files: choose a new folder" in gallery(*line, "--force").complaint


def test_a_full_disk_leaves_nothing(gallery, quick, copy, full_disk):
    with full_disk():
        outcome = gallery(*WEB, "--onnxruntime-web", str(copy))
    assert outcome.code == 2
    assert "free some space" in outcome.err
    assert not (gallery.folder / "site").exists()


def test_without_names_the_page_has_every_model_of_one_network(gallery, quick, copy, monkeypatch):
    own = gallery.folder / "mine"
    own.mkdir()
    make_model(own / "mine.safetensors")
    monkeypatch.setenv("STYLIZE_MODELS", str(own))
    outcome = gallery("models", "export", "--web", "site", "--onnxruntime-web", str(copy))
    assert outcome.code == 0, outcome.err
    listed = json.loads((gallery.folder / "site" / "page.json").read_text())["models"]
    names = [model["argument"] for model in listed]
    assert names[0] == "mine"
    assert {"starry_night", "mosaic_fast"} < set(names)
    assert "any" not in names


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (WEB, 3, "onnxruntime-web 1.30.0 cannot be downloaded (STYLIZE_OFFLINE=1 is set)"),
        ((*WEB, "-o", "dunes.onnx"), 2, "give -o FILE.onnx, or --web FOLDER"),
        (("models", "export", "dunes.safetensors"), 2, "give -o FILE.onnx, or --web FOLDER"),
        (("models", "export", "-o", "dunes.onnx"), 2, "-o takes one model, but 0 are given"),
        ((*WEB[:3], "-o", "d.onnx", "--onnxruntime-web", "p"), 2, "is for the page of --web"),
        ((*WEB, "--onnxruntime-web", "photo.png"), 2, "photo.png: is not the npm package onnx"),
        ((*WEB, "--onnxruntime-web", "away"), 2, "away: is not the npm package onnxruntime-web"),
        (("models", "export", "any", "--web", "site"), 2, "(encoder, swap, decoder)"),
        ((*WEB[:4], "away/site"), 2, "there is no folder away: create it first"),
        ((*WEB[:4], "photo.png"), 2, "photo.png: is a file: choose a folder"),
        ((*WEB[:3], "./dunes.safetensors", *WEB[3:]), 2, "two models have the same name"),
    ],
)
def test_wrong_input_is_told_in_a_sentence_and_nothing_is_written(
    gallery, quick, options, code, said
):
    outcome = gallery(*options)
    assert (outcome.code, said in outcome.complaint) == (code, True), outcome.err
    assert gallery.files == {"dunes.safetensors"}


def test_a_package_of_another_name_is_refused(copy):
    (copy / "package.json").write_text('{"name": "react", "version": "1"}')
    with pytest.raises(UsageError, match=r"its package.json names react"):
        read_runtime(copy)


@pytest.mark.parametrize(
    ("found", "brought", "said"),
    [
        (None, b"", "npm is not installed"),
        ("npm", None, "npm: network is unreachable"),
        ("npm", b"something else", "other than the published onnxruntime-web-1.30.0.tgz"),
    ],
)
def test_a_download_that_fails_names_the_remedy(monkeypatch, found, brought, said):
    def run(command: list[str], *, cwd: Path, **options: object) -> SimpleNamespace:
        if brought is None:
            return SimpleNamespace(returncode=1, stderr="npm error\nnetwork is unreachable\n")
        (cwd / runtime.ARCHIVE).write_bytes(brought)
        return SimpleNamespace(returncode=0, stderr="")

    monkeypatch.delenv("STYLIZE_OFFLINE")
    monkeypatch.setattr(runtime.shutil, "which", lambda name: found)
    monkeypatch.setattr(runtime.subprocess, "run", run)
    with pytest.raises(WeightsUnavailableError, match="--onnxruntime-web onnx") as caught:
        read_runtime(None)
    assert said in str(caught.value)
