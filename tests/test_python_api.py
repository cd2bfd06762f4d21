"""Python: arrays, tensors and batches in and out, progress, reuse, threads, parts of a program."""

from __future__ import annotations

import io
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from command import Command
from stylize import (
    PluginHost,
    Progress,
    Role,
    Statistics,
    Stylizer,
    make_settings,
    read_image,
    read_record,
    stylize_image,
    stylize_images,
)
from stylize.errors import (
    ImageError,
    OutputError,
    PluginError,
    SettingsError,
    StylizeError,
    UsageError,
)
from stylize.guests import guest

TINY: dict[str, Any] = {"method": "gatys", "size": 48, "device": "cpu"}
STEPS: dict[str, Any] = {"options": {"gatys": {"scales": [1.0], "iterations": [2]}}}


@pytest.fixture(scope="module")
def picture(photo: Path) -> Image.Image:
    return Image.open(photo).convert("RGB").resize((32, 24))


@pytest.fixture(scope="module")
def array(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture)


@pytest.fixture(scope="module")
def tensor(array: np.ndarray) -> Tensor:
    return torch.tensor(array).permute(2, 0, 1)


@pytest.fixture(scope="module")
def art(painting: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small painting."""
    path = tmp_path_factory.mktemp("art") / "painting.png"
    with Image.open(painting) as opened:
        opened.resize((40, 32)).save(path)
    return path


@pytest.fixture(scope="module")
def gatys(host: PluginHost) -> Stylizer:
    return Stylizer(None, host, **TINY, **STEPS)


@pytest.fixture(scope="module")
def slow(host: PluginHost) -> Stylizer:
    """A stylizer that would run for long."""
    options = {"gatys": {"scales": [1.0], "iterations": [10_000]}}
    return Stylizer(host=host, **TINY, options=options)


# Inputs.


def forms(array: np.ndarray, tensor: Tensor) -> dict[str, Any]:
    swapped = np.ascontiguousarray(array[:, :, ::-1])
    return {
        "array": array,
        "array of floats": array / 255,
        "big endian": (array / 255).astype(">f4"),
        "batch of one": array[None],
        "negative strides": swapped[:, :, ::-1],
        "tensor": tensor,
        "tensor (1, 3, H, W)": tensor[None],
        "tensor of floats": tensor.float() / 255,
        "tensor of float64": tensor.double() / 255,
        "tensor with a gradient": (tensor / 255).requires_grad_(),
        "overshooting by rounding": tensor / 255 * 1.0001,
    }


def test_arrays_and_tensors_are_read_as_the_picture_that_they_are(picture, array, tensor):
    wanted = read_image(picture)
    small = read_image(picture, size=20)
    for name, form in forms(array, tensor).items():
        read = read_image(form)
        assert (read.pixels.shape, read.pixels.dtype) == ((1, 3, 24, 32), torch.float32), name
        torch.testing.assert_close(read.pixels, wanted.pixels, atol=2e-4, rtol=0, msg=name)
        resized = read_image(form, size=20).pixels
        torch.testing.assert_close(resized, small.pixels, atol=2e-4, rtol=0, msg=name)
        as_bytes = read_image(form, as_bytes=True).pixels
        assert torch.equal(as_bytes, read_image(picture, as_bytes=True).pixels), name
        assert read.path is None


def test_the_array_that_is_given_is_not_changed(array, tensor, stylizer):
    for given in (array.copy(), (tensor / 255).clone()):
        before = torch.as_tensor(given).clone()
        stylizer(given)
        assert torch.equal(torch.as_tensor(given), before)


def test_a_tensor_stays_on_its_device_and_so_does_the_result(tensor, device, stylizer):
    given = (tensor / 255).to(device)
    assert read_image(given, size=20).pixels.device.type == device.type
    assert stylizer(given).tensor.device.type == device.type
    assert stylizer(tensor.to(device)).tensor.device.type == device.type


BAD = {
    "grey": (np.zeros((4, 5), np.uint8), "the shape (4, 5): use (H, W, 3)"),
    "channels first": (np.zeros((3, 4, 5), np.uint8), "numpy.moveaxis(array, -3, -1)"),
    "channels last": (torch.zeros(4, 5, 3), "tensor.movedim(-1, -3)"),
    "alpha": (np.zeros((4, 5, 4), np.uint8), "PIL.Image.fromarray takes grey and alpha"),
    "five dimensions": (torch.zeros(1, 1, 3, 4, 5), "use (3, H, W)"),
    "integers": (np.zeros((4, 5, 3), int), "is of int64: use uint8, or floats from 0 to 1"),
    "booleans": (torch.zeros(3, 4, 5, dtype=torch.bool), "is of bool"),
    "objects": (np.array([[1, "a"]], object), "is of object"),
    "0 to 255 as floats": (np.full((4, 5, 3), 255.0), "values from 255 to 255: use floats from 0"),
    "negative": (torch.full((3, 4, 5), -0.5), "values from -0.5 to -0.5"),
    "NaN": (np.full((4, 5, 3), np.nan), "NaN or infinite"),
    "infinite": (torch.full((3, 4, 5), float("inf")), "NaN or infinite"),
    "empty": (np.zeros((0, 5, 3), np.uint8), "no pixels"),
    "no pictures": (torch.zeros(0, 3, 4, 5), "no pixels"),
    "a device that is gone": (torch.zeros(3, 4, 5, device="meta"), "cannot be read from device"),
    "a batch": (torch.zeros(2, 3, 4, 5), "holds 2 pictures instead of one: use stylize_images"),
    "a list": (["a.jpg", "b.jpg"], "stylize_images takes several"),
    "a number": (3, "a picture is 3: use a path"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_picture_is_explained_in_one_line(name, stylizer):
    given, told = BAD[name]
    with pytest.raises(ImageError) as caught:
        stylizer(given)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_limit_of_pixels_is_of_arrays_too():
    for given in (np.zeros((4, 5, 3), np.uint8), torch.zeros(3, 4, 5)):
        with pytest.raises(ImageError, match="is 5x4, 20 pixels; the limit is 10"):
            read_image(given, max_pixels=10)


# Several.


def test_lists_and_batches_give_a_picture_each(picture, array, tensor, noise_model, host):
    asked = {"model": noise_model, "size": "full", "device": "cpu", "host": host}
    small = picture.resize((20, 12))
    mixed = stylize_images([picture, small, tensor / 255], **asked)
    assert [made.image.size for made in mixed] == [(32, 24), (20, 12), (32, 24)]
    batches = tensor.expand(2, 3, 24, 32), np.stack([array, array])
    for batch in batches:
        made = stylize_images(batch, **asked)
        assert [np.array_equal(each.array, mixed[0].array) for each in made] == [True, True]
    assert stylize_images([], **asked) == []


def test_a_batch_of_paintings_is_several_paintings(picture, array, gatys):
    paintings = np.stack([array[::-1], 255 - array])
    both = gatys(picture, paintings)
    assert len(both.record["styles"]) == 2
    assert torch.equal(gatys(picture, list(paintings)).pixels, both.pixels)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("photo.jpg", "use stylize_image for one picture"),
        (torch.zeros(3, 4, 5), "use stylize_image for one picture"),
        (Image.new("RGB", (4, 5)), "use stylize_image for one picture"),
        (torch.zeros(0, 3, 4, 5), "a batch of no pictures"),
        ([torch.zeros(3, 4, 5), np.zeros((4, 5))], "picture 2 of 2: ndarray: has the shape (4, 5)"),
        ([torch.zeros(3, 4, 5), "missing.jpg"], "picture 2 of 2: missing.jpg: no such file"),
    ],
)
def test_a_wrong_batch_is_told_before_anything_is_made(given, told):
    with pytest.raises(UsageError) as caught:
        stylize_images(given, model="no_such_model")
    assert told in str(caught.value)


# Results.


def test_a_result_is_a_picture_an_array_and_a_tensor(tensor, stylizer, gatys, art):
    for made in (stylizer(tensor), gatys(tensor / 255, art)):
        assert (made.array.shape, made.array.dtype) == ((24, 32, 3), np.uint8)
        assert np.array_equal(np.asarray(made.image), made.array)
        assert (made.tensor.shape, made.tensor.dtype) == ((1, 3, 24, 32), torch.float32)
        assert np.abs(made.tensor[0].movedim(0, 2).numpy() * 255 - made.array).max() <= 0.501
        with Image.open(io.BytesIO(made._repr_png_())) as shown:
            assert np.array_equal(np.asarray(shown), made.array)
        assert repr(made) == "<Result 32x24, done>"
        assert torch.equal(read_image(made.tensor).pixels, made.tensor)


def test_a_place_that_is_taken_is_told_before_the_picture_is_made(tmp_path, picture, stylizer):
    place = tmp_path / "out.png"
    stylizer(picture, output=place)
    before = place.read_bytes()
    assert read_record(place)["width"] == 32
    with pytest.raises(OutputError, match="exists"):
        stylize_image("missing.jpg", model="no_such_model", output=place)
    with pytest.raises(OutputError, match="exists"):
        stylizer("missing.jpg", output=place)
    with pytest.raises(OutputError, match="is an input of this run"):
        stylizer(place, output=place, force=True)
    assert place.read_bytes() == before
    stylizer(picture.rotate(180), output=place, force=True)
    assert place.read_bytes() != before


# Reuse.


def test_a_stylizer_is_made_of_keywords(picture, host, noise_model):
    asked = {"model": str(noise_model), "size": 24, "device": "cpu"}
    assert torch.equal(
        Stylizer(host=host, **asked)(picture).pixels,
        Stylizer(make_settings(asked, host), host)(picture).pixels,
    )
    preset = {"preset": "gatys_daytime", "backbone": "vgg16"}
    daytime = Stylizer(host=host, **preset, size=48, strength=2).plan.settings
    assert (daytime.balance, daytime.size, daytime.strength) == ("paper", 48, 2)
    with pytest.raises(UsageError, match="preset, size are given besides a plan"):
        Stylizer(daytime, host, preset="gatys_daytime", size=48)
    with pytest.raises(UsageError, match=r"use keywords, such as Stylizer\(model='starry_night'\)"):
        Stylizer("starry_night", host)


def test_one_painting_needs_no_list(picture, art, gatys):
    made = gatys(picture, str(art))
    assert [style["name"] for style in made.record["styles"]] == [str(art)]


# Progress.


def test_a_function_follows_and_may_end_the_run(picture, art, slow):
    seen: list[Progress] = []

    def follow(progress: Progress) -> bool:
        seen.append(progress)
        return len(seen) < 3

    made = slow(picture, art, progress=follow)
    assert (made.stopped, len(seen)) == ("interrupted", 3)
    assert made.pixels.isfinite().all()
    # Only that run.
    assert slow(picture, art, progress=lambda p: p.step < 6).record["steps"] >= 6


def test_one_that_ends_a_run_leaves_out_the_rest_of_a_batch(picture, art, noise_model, host):
    run = {**TINY, "host": host, "progress": lambda _: False}
    options = {"gatys": {"scales": [1.0], "iterations": [9]}}
    made = stylize_images([picture] * 3, art, options=options, **run)
    assert [each.stopped for each in made] == ["interrupted"]
    # A run that is done cannot end earlier.
    several = stylize_images([picture] * 2, model=noise_model, **{**run, "method": "johnson"})
    assert [each.stopped for each in several] == ["done", "done"]


def test_what_the_function_raises_reaches_the_caller(picture, art, gatys):
    def fail(progress: Progress) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        gatys(picture, art, progress=fail)
    assert gatys(picture, art).stopped == "done"


def test_a_line_of_text_is_shown_where_it_is_asked_for_and_in_notebooks(
    picture, gatys, art, capsys, monkeypatch
):
    gatys(picture, art)
    assert capsys.readouterr() == ("", "")
    gatys(picture, art, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("\n")
    assert "100%" in err.rpartition("\r")[2]
    # A kernel, without widgets.
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    gatys(picture, art)
    assert "100%" in capsys.readouterr().err
    gatys(picture, art, progress=False)
    assert capsys.readouterr().err == ""


# Parts of a program.


def squash_all(features: Tensor) -> Tensor:
    return features.tanh()


class MyMeans:
    role = Role.STYLE
    additive = True

    def statistics(self, features: Tensor) -> Statistics:
        return Statistics({"mean": features.float().mean((2, 3))}, features[0, 0].numel())

    def distance(self, current: Statistics, target: Statistics) -> Tensor:
        return (current.values["mean"] - target.values["mean"]).square().mean(1)


@pytest.fixture(scope="module")
def custom(host: PluginHost, picture: Image.Image, art: Path, tmp_path_factory) -> Path:
    """A picture made with a smoothing and a loss from this file."""
    stylizer = Stylizer(None, host, smooth=squash_all, style_loss=MyMeans(), **TINY, **STEPS)
    path = tmp_path_factory.mktemp("custom") / "custom.png"
    source = path.with_name("photo.png")
    picture.save(source)
    stylizer(source, art, output=path)
    return path


def test_a_function_smooths_as_a_plugin_s_does(picture, art, host):
    ours, theirs, module = (
        Stylizer(None, host, smooth=smooth, **TINY, **STEPS)(picture, art).pixels
        for smooth in ("tanh", squash_all, nn.Tanh())
    )
    assert torch.equal(ours, theirs)
    assert torch.equal(ours, module)


def test_objects_are_recorded_as_such_and_no_host_keeps_them(custom, host):
    record = read_record(custom)
    assert record["settings"]["smooth"] == "custom:squash_all"
    assert record["settings"]["style_loss"] == "custom:my_means"
    assert record["parts"]["smoothing"]["distribution"] == "custom"
    assert "custom" not in {info.distribution for info in host.plugins}


def test_a_rerun_says_that_it_cannot(custom, command: Command):
    ended = command("rerun", str(custom))
    assert ended.code == 3
    assert ended.complaint.endswith(
        "was made with smoothing squash_all of a Python program, which no record holds: run that "
        "program again"
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"smooth": 3}, "smooth is 3: use a name, or a function of features"),
        ({"smooth": nn.Tanh}, "use a name, or a function of features"),
        ({"style_loss": squash_all}, "use a name, or an object with role, additive, statistics"),
        ({"content_loss": MyMeans()}, "my_means is a style loss"),
        ({"smooth": lambda features: features.mean()}, "smoothing lambda of custom: features of"),
    ],
)
def test_what_is_no_part_is_explained(settings, told, picture, art, host):
    with pytest.raises(StylizeError) as caught:
        Stylizer(None, host, **settings, **TINY, **STEPS)(picture, art)
    assert told in str(caught.value)
    assert isinstance(caught.value, UsageError | PluginError)


def test_an_error_in_a_function_is_the_function_s_own(picture, art, host):
    with pytest.raises(ZeroDivisionError):
        Stylizer(None, host, smooth=lambda _: 1 / 0, **TINY, **STEPS)(picture, art)


# Threads.


def test_threads_make_the_pictures_that_one_makes(picture, art, host, gatys):
    turned = picture.rotate(180)
    alone = [gatys(each, art).pixels for each in (picture, turned)]
    other = Stylizer(None, host, **TINY, **STEPS)
    stdout = sys.stdout
    for pair in ((gatys, other), (gatys, gatys)):
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(pair[n % 2], (picture, turned)[n % 2], art) for n in range(4)]
        for number, made in enumerate(asked):
            assert torch.equal(made.result().pixels, alone[number % 2])
    assert sys.stdout is stdout


def test_a_run_is_cancelled_from_another_thread(picture, art, slow):
    with ThreadPoolExecutor(1) as pool:
        begun = threading.Event()
        made = pool.submit(slow, picture, art, progress=lambda _: begun.set())
        assert begun.wait(60)
        slow.cancel()
        assert made.result(60).stopped == "interrupted"
    slow.cancelled.clear()
    assert slow(picture, art, progress=lambda p: p.step < 3).record["steps"] >= 3


def test_prints_of_other_threads_stay_where_they_are_while_plugins_work(capsys):
    stdout = sys.stdout

    def work(seconds: float) -> None:
        for _ in range(20):
            with guest():
                time.sleep(seconds)
                print("of a plugin")

    threads = [threading.Thread(target=work, args=(n / 1000,)) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        print("of the program")
        time.sleep(0.003)
    for thread in threads:
        thread.join()
    assert sys.stdout is stdout
    out, err = capsys.readouterr()
    assert out == "of the program\n" * 10
    assert err.count("of a plugin") == 60


@pytest.mark.parametrize("options", ["backbone.enlarge=1", {"backbone": None}, {"backbone": "2"}])
def test_options_that_are_no_settings_by_part_are_named(host, options):
    with pytest.raises(SettingsError, match=r"options is .* must be a valid dictionary"):
        Stylizer(host=host, options=options)
