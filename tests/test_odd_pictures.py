"""Rare, damaged and absurd pictures: correct pixels, a warning if needed, or a clear error."""

from __future__ import annotations

import builtins
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from stylize import expand_contents, read_image, read_record
from stylize.errors import ImageError
from stylize.pictures.reading import read_bytes

cv2 = pytest.importorskip("cv2")

RAMP = np.linspace(10, 245, 48 * 64 * 3).reshape(48, 64, 3).astype(np.uint8)
PICTURE = Image.fromarray(RAMP)


def values(path: Path) -> np.ndarray:
    """Pixels (H, W, 3) of a file as stylize reads it, 0 to 255."""
    return read_image(path).pixels[0].permute(1, 2, 0).numpy() * 255


@pytest.mark.parametrize("exif", [b"", b"garbage", b"Exif\0\0" * 3, b"\0\0\x11\0\0\x01\x04\0"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_exif_that_makes_no_sense_costs_at_most_a_warning(tmp_path, exif, suffix):
    path = tmp_path / f"in{suffix}"
    PICTURE.save(path, exif=exif, quality=95)
    assert values(path) == pytest.approx(RAMP, abs=12)
    assert read_bytes(path).size == (64, 48)
    with pytest.raises(ImageError, match="has no stylize record"):
        read_record(path)


@pytest.mark.parametrize("kind", ["iTXt", "zTXt", "tEXt"])
def test_a_text_of_any_size_costs_a_warning(tmp_path, kind):
    path, info = tmp_path / "in.png", PngImagePlugin.PngInfo()
    text = "x" * (3 << 20)
    if kind == "iTXt":
        info.add_itxt("note", text, zip=True)
    else:
        info.add_text("note", text, zip=kind == "zTXt")
    PICTURE.save(path, pnginfo=info)
    picture = read_image(path)
    assert values(path) == pytest.approx(RAMP, abs=0.01)
    assert bool(picture.warnings) == (kind != "tEXt")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_a_colour_profile_that_is_none_costs_a_warning(tmp_path, suffix):
    path = tmp_path / f"in{suffix}"
    PICTURE.save(path, icc_profile=b"no profile" * 50, quality=95)
    assert values(path) == pytest.approx(RAMP, abs=12)
    assert "profile" in " ".join(read_image(path).warnings)


@pytest.mark.parametrize("bits", [8, 16])
def test_min_is_white_is_turned(tmp_path, bits):
    path, tags = tmp_path / "in.tif", TiffImagePlugin.ImageFileDirectory_v2()
    tags[262] = 0
    grey = RAMP[..., 0].astype(np.uint16) * (257 if bits == 16 else 1)
    whole = Image.fromarray(grey if bits == 16 else grey.astype(np.uint8))
    whole.save(path, tiffinfo=tags)
    with Image.open(path) as written:
        assert written.tag_v2[262] == 0
        (start,) = written.tag_v2[273]
    raw = np.frombuffer(path.read_bytes()[start:], f"<u{bits // 8}", 48 * 64).reshape(48, 64)
    expected = 255 - raw / (257 if bits == 16 else 1)
    assert values(path)[..., 0] == pytest.approx(expected, abs=0.6)


@pytest.mark.parametrize("gamma", [1.0, 0.45455, 0.55556])
def test_the_gamma_of_a_png_is_honoured(tmp_path, gamma):
    path, info = tmp_path / "in.png", PngImagePlugin.PngInfo()
    info.add(b"gAMA", struct.pack(">I", round(gamma * 100_000)))
    PICTURE.save(path, pnginfo=info)
    light = (RAMP / 255.0) ** (1 / gamma)
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    expected = RAMP if gamma == 0.45455 else srgb * 255
    assert values(path) == pytest.approx(expected, abs=0.51)
    assert bool(read_image(path).warnings) == (gamma != 0.45455)


@pytest.mark.parametrize("alpha", [0, 128])
def test_alpha_of_a_bmp_that_is_0_throughout_is_unused(tmp_path, alpha):
    path = tmp_path / "in.bmp"
    pixels = np.dstack((RAMP[..., ::-1], np.full((48, 64), alpha, np.uint8)))[::-1]
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 64, 48, 1, 32, 3, pixels.nbytes, 0, 0, 0, 0)
    start = 14 + 108
    path.write_bytes(
        struct.pack("<2sIHHI", b"BM", start + pixels.nbytes, 0, 0, start)
        + header + masks + bytes(108 - 40 - 16) + pixels.tobytes()
    )  # fmt: skip
    picture = read_image(path)
    assert (picture.alpha is None) == (alpha == 0)
    assert values(path) == pytest.approx(RAMP, abs=0.01)


@pytest.mark.parametrize("cut", [1, 2, 5])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".bmp"])
def test_a_file_that_lacks_its_last_bytes_is_read_with_a_warning(tmp_path, suffix, cut):
    path = tmp_path / f"in{suffix}"
    PICTURE.save(path, quality=95)
    path.write_bytes(path.read_bytes()[:-cut])
    # The last rows of a file may be missing; in BMP, those are the top ones.
    assert values(path)[2:32] == pytest.approx(RAMP[2:32], abs=12)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp"])
def test_half_a_file_is_refused(tmp_path, suffix):
    path = tmp_path / f"in{suffix}"
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
    Image.fromarray(noise).save(path, quality=95)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ImageError, match="damaged or cut short"):
        read_image(path)


TABLE = [
    *((mode, suffix) for mode in ("1", "L", "RGB", "RGBA") for suffix in (".png", ".tif")),
    *((mode, suffix) for mode in ("L", "RGB") for suffix in (".jpg", ".webp", ".bmp", ".ppm")),
    *(("I;16", suffix) for suffix in (".png", ".tif", ".pgm")),
    ("P", ".png"), ("P", ".bmp"), ("P", ".tif"), ("LA", ".png"), ("1", ".bmp"),
]  # fmt: skip


@pytest.mark.parametrize(("mode", "suffix"), TABLE)
def test_modes_and_formats_are_as_opencv_reads_them(tmp_path, mode, suffix):
    path = tmp_path / f"in{suffix}"
    deep = Image.fromarray(RAMP[..., 0].astype(np.uint16) * 257)
    (deep if mode == "I;16" else PICTURE.convert(mode)).save(path)
    data = np.frombuffer(path.read_bytes(), np.uint8)
    flags = cv2.IMREAD_COLOR if mode != "I;16" else cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
    other = cv2.imdecode(data, flags)[..., ::-1].astype(float)
    assert values(path) == pytest.approx(other / (257 if mode == "I;16" else 1), abs=4)


@pytest.fixture
def heic(tmp_path: Path) -> Path:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "photo.heic"
    pillow_heif.from_pillow(PICTURE).save(path, quality=95)
    return path


@pytest.mark.parametrize("name", ["photo.heic", "named.jpg"])
def test_heic_is_read_whatever_it_is_called(heic, name):
    path = heic.rename(heic.with_name(name))
    assert values(path) == pytest.approx(RAMP, abs=20)
    assert expand_contents([str(path.parent)]) == [str(path)]


def test_heic_without_its_reader_names_it(tmp_path, monkeypatch):
    path = tmp_path / "photo.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"x" * 100)
    whole: Callable[..., object] = builtins.__import__

    def missing(name: str, *args: object) -> object:
        if name == "pillow_heif":
            raise ImportError(name)
        return whole(name, *args)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImageError, match=r"is HEIC, as iPhones make.*stylize-nst\[heif\]"):
        read_image(path)


def test_bytes_that_are_no_picture_are_no_heic(tmp_path):
    with pytest.raises(ImageError, match="not a picture"):
        read_image(BytesIO(zlib.compress(b"anything at all" * 20)))
