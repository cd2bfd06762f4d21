"""Bad input of every kind: one clear line, the right exit code, nothing lost."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from command import FAST, Command
from stylize import read_image

PAIR = ("photo.png", "painting.png")
OUTPUT = "photo_painting_gatys.png"


def refuse(command: Command, *arguments: str | Path, code: int = 2) -> str:
    """Run the command, which must print one line, make no file and leave the inputs alone."""
    inputs = {path: path.read_bytes() for path in command.folder.iterdir() if path.is_file()}
    before = command.files
    outcome = command(*arguments)
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    assert command.files == before
    assert all(path.read_bytes() == data for path, data in inputs.items())
    return outcome.complaint


# Options and names.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--strengh 2", "no such option --strengh; did you mean --strength? (see stylize"),
        ("--keep-colr luminance", "did you mean --keep-color?"),
        ("--xyzzy", "no such option --xyzzy (see stylize picture --help)"),
        ("-x", "no such option -x"),
        ("--size", "--size has no value: give one after it (see stylize picture --help)"),
        ("--quiet=3", "--quiet takes no value: give it alone (see stylize picture --help)"),
        ("--max-pixels 0", "--max-pixels is '0': must be greater than or equal to 1 (see"),
        ("--max-pixels many", "--max-pixels is 'many': must be a valid integer"),
        ("--no-style -s painting.png", "leave out --style"),
        ("--no-style --no-content", "photographs only: leave out --no-content"),
    ],
)
def test_wrong_options_are_one_line_with_the_nearest_name(command, arguments, message):
    assert message in refuse(command, *PAIR, *arguments.split())


@pytest.mark.parametrize("last", ["photo.png", "lost.png"])
def test_a_model_in_the_photograph_s_place_is_told_to_go_last(command, last):
    assert refuse(command, "starry_night", last) == (
        f"stylize: starry_night: no such file, and a trained model goes last: stylize {last} "
        f"starry_night"
    )


@pytest.mark.parametrize("photos", [1, 3])
def test_a_painting_that_is_not_there_is_told_of_once(command, photos):
    names = [f"{number}.png" for number in range(photos)]
    for name in names:
        shutil.copy(command.folder / "photo.png", command.folder / name)
    said = refuse(command, *names, "lost.png")
    assert said == "stylize: lost.png: no such file: check the name and the folder"


@pytest.mark.parametrize(
    "arguments",
    [("photo.png", "https://a.example/b.jpg"), ("https://a.example/b.jpg", "painting.png")],
)
def test_an_address_in_place_of_a_file_is_told_of_with_the_remedy(command, arguments):
    assert refuse(command, *arguments) == (
        "stylize: https://a.example/b.jpg: no such file: download it first, and name the file"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("rerun", "PICTURE is missing: give it (see stylize rerun --help)"),
        ("rerun a b", "b is too much: leave it out (see stylize rerun --help)"),
        ("rerun a b c", "b c is too much: leave it out (see stylize rerun --help)"),
        ("evaluate a", "--content, -c is missing: give it (see stylize evaluate --help)"),
        ("plugins new stylize-fog", "--kind is missing: give one of smoothing, backbone, "),
        ("rerun a --sise 3", "no such option --sise (see stylize rerun --help)"),
        ("plugins lst", "unknown command 'lst'; did you mean list? (known: check, doctor, list, "),
        ("plugins show", "NAME is missing: give it (see stylize plugins show --help)"),
        ("presets diff defaults", "SECOND is missing: give it"),
        ("photo.png", "photo.png alone: give a painting too, or a trained style (--model "),
        ("--style painting.png", "--style without a photograph"),
    ],
)
def test_wrong_commands_are_one_line(command, arguments, message):
    assert message in refuse(command, *arguments.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--method gaty", "unknown method 'gaty'; did you mean gatys? (known: "),
        ("--backbone vg16", "unknown backbone 'vg16'; did you mean vgg16?"),
        ("--backbone vgg61", "unknown backbone 'vgg61'; did you mean vgg16?"),
        ("--szie 64", "no such option --szie; did you mean --size?"),
        ("--backbone vgg16.oxfrd", "unknown weights of vgg16 'oxfrd'; did you mean oxford?"),
        ("--smooth tan", "unknown smoothing 'tan'; did you mean tanh?"),
        ("--style-loss gramm", "unknown loss 'gramm'; did you mean gram?"),
        ("--content-loss gram", "loss gram is a style loss: use it with --style-loss"),
        ("--image-loss total_variaton=1", "did you mean total_variation?"),
        ("--content-layers conv4_11", "unknown layer of vgg16 'conv4_11'; did you mean conv4_1?"),
        ("--style-layers relu1_1,conv9_*", "unknown layer of vgg16 'conv9_*'"),
        ("--smooth-layers cov3_1", "unknown layer of vgg16 'cov3_1'; did you mean conv3_1?"),
        ("--preset gatys_artstic", "unknown preset 'gatys_artstic'; did you mean gatys_artistic?"),
        (
            "--device tpu",
            "unknown device 'tpu'; did you mean cpu? (known: auto, cpu, cuda, cuda:1, mps)",
        ),
        ("--device meta", "device 'meta' cannot be used ("),
        ("--device cuda:99", "device 'cuda:99' cannot be used ("),
    ],
)
def test_unknown_names_suggest_the_nearest(command, arguments, message):
    assert message in refuse(command, *PAIR, *FAST, *arguments.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--strength -1", "strength is '-1': must be greater than or equal to 0"),
        ("--strength nan", "strength is 'nan': "),
        ("--strength inf", "strength is 'inf': must be a finite number"),
        ("--strength much", "strength is 'much': must be a valid number"),
        ("--size 0", "size is '0': must be 16 to 65536 pixels, or full"),
        ("--size 1", "size is '1': must be 16 to 65536 pixels, or full"),
        ("--size 70000", "size is '70000': must be 16 to 65536 pixels, or full"),
        ("--size big", "size is 'big': must be a number of pixels, or full"),
        ("--size 64.5", "size is '64.5': must be a number of pixels, or full"),
        ("--seed -1", "seed is '-1': "),
        ("--seed 1.5", "seed is '1.5': "),
        ("--style-scale 0", "style_scale is '0': "),
        ("--balance fair", "balance is 'fair': must be 'relative' or 'paper'"),
        ("--quality superb", "must be 'draft', 'good' or 'best'"),
        ("--keep-color all", "keep_color is 'all': must be 'none', 'luminance' or"),
        ("--precision half", "precision is 'half': "),
        ("--time soon", "time is 'soon': must be a time like 90, 90s, 1m30s or 1:02:03.5"),
        ("--time 0", "time is '0': "),
        ("--image-loss total_variation=lots", "image_loss is 'total_variation=lots': "),
        ("--style-layers conv1_1=-1", "style_layers is 'conv1_1=-1': "),
        ("--content-layers=", "content_layers is '': must name at least one"),
    ],
)
def test_settings_out_of_range_name_the_value_and_the_limit(command, arguments, message):
    assert message in refuse(command, *PAIR, *arguments.split())


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("gatys", "--set 'gatys' is not PART.OPTION=VALUE, as gatys.optimizer=adam"),
        ("gatys.history", "is not PART.OPTION=VALUE"),
        ("history=3", "is not PART.OPTION=VALUE"),
        (".history=3", "is not PART.OPTION=VALUE"),
        ("gatis.history=3", "unknown part of this run 'gatis'; did you mean gatys?"),
        ("vgg19.pooling=max", "unknown part of this run 'vgg19'; did you mean vgg16?"),
        ("gatys.optimiser=adam", "unknown setting of gatys 'optimiser'; did you mean optimizer?"),
        ("smoothing.gain=2", "unknown setting of none 'gain' (there are none)"),
        ("gatys.optimizer=adm", "gatys.optimizer is 'adm': must be"),
        ("method.history=0", "gatys.history is '0': must be greater than or equal to 1"),
        ("gatys.learning_rate=nan", "gatys.learning_rate is 'nan': "),
        ("gatys.scales=0.5", "gatys.scales is '0.5': must rise and end in 1, as 0.5,1"),
        ("gatys.scales=0.5,0.25", "gatys.scales is '0.5,0.25': must rise and end in 1"),
        ("gatys.scales=", "gatys.scales is '': must rise"),
        ("gatys.iterations=0,1", "gatys.iterations is '0,1': the first must be greater than or"),
        ("backbone.pooling=none", "must be 'max' or 'average'"),
    ],
)
def test_part_settings_are_refused_with_the_nearest_name_or_the_limit(command, assignment, message):
    assert message in refuse(command, *PAIR, "--method", "gatys", "--set", assignment)


@pytest.mark.parametrize("option", ["--set gatys.init=noise", "--balance paper"])
def test_options_that_only_another_method_has_name_it(command, option):
    assert "add --method gatys" in refuse(command, *PAIR, *option.split())


def test_a_misspelt_option_of_a_method_is_told_before_the_method_is(command):
    message = refuse(command, *PAIR, "--set", "gatys.optimzer=adam")
    assert "unknown setting of gatys 'optimzer'; did you mean optimizer?" in message


def test_set_reaches_every_parts_settings_by_role_and_by_name(command):
    by_role = {
        "method.optimizer": "adam",
        "backbone.pooling": "average",
        "smoothing.gain": "2",
        "content_loss.form": "sum",
        "style_loss.form": "size",
        "image_loss.power": "1",
    }
    names = ("gatys", "vgg16", "tanh", "feature", "gram", "total_variation")
    by_name = {
        f"{name}.{key.partition('.')[2]}": value
        for name, (key, value) in zip(names, by_role.items(), strict=True)
    }
    parts = ("--smooth", "tanh", "--image-loss", "total_variation=0.1", "--balance", "paper")
    losses = []
    for chosen in ({}, by_role, by_name):
        given = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
        outcome = command(*PAIR, *FAST, *parts, *given, "--force", "--json")
        assert outcome.code == 0, outcome.err
        losses.append(outcome.records[0]["losses"])
    assert losses[0] != losses[1] == losses[2]


# Outputs.


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("missing/out.png", "missing/out.png: there is no folder missing: create it first"),
        ("photo.png/out.png", "photo.png is not a folder"),
        ("missing/deep/", "the folder cannot be made (No such file or directory): make it first"),
        ("/proc/out.png", "/proc/out.png: cannot write in folder /proc"),
        ("out.gif", "out.gif: unknown extension '.gif': use one of .png"),
        ("out", "out: unknown extension '': use one of .png"),
        ("photo.png", "photo.png: is an input of this run"),
        ("here/painting.png", "is an input of this run"),
        ("link.png", "link.png: is an input of this run"),
        ("hard.png", "hard.png: is an input of this run"),
        (f"folder.png/{OUTPUT}", f"folder.png/{OUTPUT}: exists"),
        (f"{'n' * 300}.png", "File name too long"),
    ],
)
def test_outputs_are_refused_before_any_work(command, monkeypatch, output, message):
    monkeypatch.setattr("stylize.making.stylizer.Stylizer", None)
    Path("here").symlink_to(".")
    Path("link.png").symlink_to("photo.png")
    os.link("painting.png", "hard.png")
    Path("folder.png").mkdir()
    Path("folder.png", OUTPUT).touch()
    force = ("--force",) if "input" in message else ()
    assert message in refuse(command, *PAIR, *FAST, "-o", output, *force)


@pytest.mark.parametrize("output", ["out.png", "photo.png", "old.webp"])
def test_several_pictures_do_not_go_into_one_file(command, output):
    shutil.copy("photo.png", "two.png")
    message = refuse(command, "photo.png", "two.png", "painting.png", *FAST, "-o", output)
    assert f"-o {output} is a file, and there are several pictures: give a folder" in message


def test_no_picture_of_a_run_replaces_an_input_of_it(command):
    """Not even with --force and a name that links to the input."""
    shutil.copy("photo.png", "two.png")
    Path(OUTPUT).symlink_to("two.png")
    before = Path("two.png").read_bytes()
    outcome = command("photo.png", "two.png", "painting.png", *FAST, "--force")
    assert outcome.code == 1
    assert f"{OUTPUT}: is an input of this run" in outcome.err
    assert Path("two.png").read_bytes() == before
    assert Path("two_painting_gatys.png").exists()


def test_a_full_disk_leaves_nothing_half_written(command, monkeypatch):
    def fail(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    outcome = command(*PAIR, *FAST)
    assert outcome.code == 2
    assert "No space left on device" in outcome.complaint
    assert command.files == set()


# Images.


def png_header(width: int, height: int) -> bytes:
    """Return the start of a PNG of any size, without pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", header), (b"IDAT", b""))
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def make_bad_image(kind: str) -> None:
    data = Path("photo.png").read_bytes()
    made = {
        "empty": b"",
        "text": b"no picture at all",
        "truncated": data[: len(data) // 2],
        "huge": png_header(30_000, 30_000),
        "no_pixels": png_header(0, 7),
    }
    if kind == "one_pixel":
        Image.new("RGB", (1, 1)).save("bad.png")
    elif kind == "folder":
        Path("bad.png").mkdir()
    elif kind != "missing":
        Path("bad.png").write_bytes(made[kind])


BAD_IMAGES = {
    "missing": "bad.png: no such file",
    "folder": "bad.png: is a folder",
    "empty": "bad.png: is empty",
    "text": "bad.png: not a picture",
    "truncated": "bad.png: damaged or cut short",
    "huge": "bad.png: is 30000x30000, 900,000,000 pixels; the limit is 128,000,000",
    "no_pixels": "bad.png: ",
    "one_pixel": "bad.png: image is 1x1; vgg16 at conv",
}


@pytest.mark.parametrize(("kind", "message"), BAD_IMAGES.items())
def test_a_bad_painting_is_one_line(command, kind, message):
    make_bad_image(kind)
    assert message in refuse(command, "photo.png", "bad.png", *FAST)


@pytest.mark.parametrize(("kind", "message"), BAD_IMAGES.items())
def test_a_bad_photograph_among_several_does_not_stop_the_rest(command, kind, message):
    make_bad_image(kind)
    photos = ("bad.png/x.png",) if kind == "folder" else ("bad.png",)
    outcome = command(*photos, "photo.png", "painting.png", *FAST)
    assert outcome.code == 1
    assert message.partition(":")[0] in outcome.err
    assert f"stylize: 1 of 2 pictures failed: {photos[0]}\n" in outcome.err
    lines = outcome.err.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("painting.png is the painting, all others are photographs (")
    assert Path(OUTPUT).exists()


def test_an_image_too_small_names_file_size_layer_and_least_size(command):
    Image.new("RGB", (40, 9), "red").save("flat.png")
    message = refuse(command, "flat.png", "painting.png", *FAST)
    assert message == (
        "stylize: flat.png: image is 40x9; vgg16 at conv5_1 needs 16x16: "
        "use a larger image or shallower layers"
    )
    layers = ("--style-layers", "conv1_1,conv2_1,conv3_1")
    assert command("flat.png", "painting.png", *FAST, *layers).code == 0


def test_a_folder_or_glob_without_pictures_is_refused(command):
    Path("folder").mkdir()
    assert "folder: has no pictures" in refuse(command, "folder", "painting.png")
    assert "no*.jpg: no file matches" in refuse(command, "no*.jpg", "painting.png")


def test_max_pixels_is_kept_for_photographs_and_paintings(command):
    message = refuse(command, *PAIR, *FAST, "--max-pixels", "1000")
    assert "photo.png: is 48x36, 1,728 pixels; the limit is 1,000" in message


def test_odd_images_make_pictures_and_warn(command):
    with Image.open("photo.png") as photo:
        pages = [photo, photo.transpose(Image.Transpose.ROTATE_180)]
        photo.save("animated.gif", save_all=True, append_images=pages[1:])
        photo.convert("CMYK").save("cmyk.jpg")
        photo.convert("L").convert("I;16").point(lambda value: value * 257).save("deep.png")
        photo.convert("P").save("palette.png")
        grey = photo.convert("LA")
        grey.putalpha(128)
        grey.save("alpha.png")
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by 90 degrees
        photo.save("turned.jpg", exif=exif)
    names = ("animated.gif", "cmyk.jpg", "deep.png", "palette.png", "alpha.png", "turned.jpg")
    outcome = command(*names, "painting.png", *FAST, "--json")
    assert outcome.code == 0, outcome.err
    records = {record["content"]["name"]: record for record in outcome.records}
    assert set(records) == set(names)
    assert "only the first is used" in records["animated.gif"]["warnings"][0]
    assert "warning: animated.gif: animated" in outcome.err
    assert "CMYK" in records["cmyk.jpg"]["warnings"][0]
    assert records["deep.png"]["warnings"] == []
    assert (records["turned.jpg"]["width"], records["turned.jpg"]["height"]) == (36, 48)
    alpha = read_image(records["alpha.png"]["output"]).alpha
    assert alpha is not None
    assert alpha.mean().item() == pytest.approx(128 / 255)


def test_running_out_of_memory_names_the_remedy_and_spares_the_rest(command, monkeypatch):
    shutil.copy("photo.png", "two.png")
    from stylize import Stylizer

    make = Stylizer.__call__

    def fail_once(self, content, styles, observers):
        if content == "photo.png":
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return make(self, content, styles, observers)

    monkeypatch.setattr(Stylizer, "__call__", fail_once)
    outcome = command("photo.png", "two.png", "painting.png", *FAST)
    assert outcome.code == 1
    assert "photo.png: out of memory (" in outcome.err
    assert "use a smaller --size" in outcome.err
    assert Path("two_painting_gatys.png").exists()


def test_a_fault_of_ours_is_one_line_that_says_so(command, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("stylize.making.stylizer.read_image", fail)
    message = refuse(command, *PAIR, *FAST, code=1)
    assert "ZeroDivisionError: division by zero (this is a fault of ours" in message


# Weights.


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "weights file w.safetensors: no such file: check the name"),
        ("folder", "weights file w.safetensors is a folder: name a file of weights"),
        ("empty", "weights file w.safetensors cannot be read ("),
        ("picture", "weights file w.safetensors cannot be read ("),
        ("shape", "features.0.weight has shape (1, 2), the network needs (64, 3, 3, 3)"),
        ("other", "tensor features.0.weight is missing: give weights of this backbone"),
    ],
)
def test_weights_that_do_not_fit_are_one_line(command, kind, message):
    path = command.folder / "w.safetensors"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "picture":
        shutil.copy("photo.png", path)
    elif kind != "missing":
        name = {"shape": "features.0.weight", "other": "layer1.0.weight"}[kind]
        save_file({name: torch.zeros(1, 2)}, path)
    assert message in refuse(command, *PAIR, *FAST, "--weights", "w.safetensors")


@pytest.mark.parametrize("options", [("--backbone", "vgg19"), ("--preset", "gatys_artistic")])
def test_weights_that_are_offline_are_unavailable_with_the_remedies(
    command, options, monkeypatch, tmp_path_factory
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch")))
    message = refuse(command, *PAIR, *FAST, *options, code=3)
    for remedy in ("connect to the internet once", "--weights FILE", "vgg16.oxford"):
        assert remedy in message


def test_a_network_that_refuses_is_unavailable_too(command, tmp_path_factory):
    environment = {
        **os.environ,
        "STYLIZE_OFFLINE": "",
        "TORCH_HOME": str(tmp_path_factory.mktemp("torch")),
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "stylize", *PAIR, *FAST, "--backbone", "vgg19", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 3
    assert ended.stdout == ""
    assert "--weights FILE" in ended.stderr.splitlines()[-1]
    assert command.files == set()


def test_a_network_that_is_silent_does_not_hang(command, monkeypatch, tmp_path_factory):
    monkeypatch.delenv("STYLIZE_OFFLINE")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch")))
    monkeypatch.setattr("stylize.building.weights.TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{silent.getsockname()[1]}")
        outcome = command(*PAIR, *FAST, "--backbone", "vgg19")
    assert outcome.code == 3
    assert "timed out" in outcome.err
    assert outcome.out == ""
    assert socket.getdefaulttimeout() is None
