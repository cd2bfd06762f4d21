"""Pictures: every mode, orientation and profile is readable, and no file is half-written."""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps
from torch import Tensor

from stylize import (
    MAX_PIXELS,
    ImageSource,
    expand_contents,
    fit_size,
    read_image,
    resize,
    to_pil,
    write_image,
)
from stylize.errors import ImageError, NonFiniteError, OutputError, UsageError
from stylize.pictures.color import match_colors
from stylize.pictures.writing import check_output

DEMO = Path(str(files("stylize") / "demo"))
PHOTO = DEMO / "china.jpg"
SIDES = st.integers(1, 9)
few = settings(max_examples=40, deadline=None)


@st.composite
def levels(draw: st.DrawFn, channels: int = 3) -> Tensor:
    """Draw (1, channels, H, W) pixels that 8 bits hold exactly, of any small size."""
    height, width = draw(SIDES), draw(SIDES)
    count = channels * height * width
    values = draw(st.binary(min_size=count, max_size=count))
    return torch.tensor(list(values)).view(1, channels, height, width) / 255


def pixel(image: Image.Image, x: int = 0, y: int = 0) -> list[int]:
    """Read `image` and return one pixel as 8-bit levels."""
    return [round(float(value) * 255) for value in read_image(image).pixels[0, :, y, x]]


def encoded(image: Image.Image, file_format: str, **options: Any) -> io.BytesIO:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    buffer.seek(0)
    return buffer


def png(width: int, height: int, *, bits: int = 8, kind: int = 0, rows: bytes = b"") -> bytes:
    """Return a hand-made PNG. Each row starts with a zero byte; `kind` is PNG's colour type."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows)) if rows else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def profile(space: bytes, tags: dict[bytes, bytes], pcs: bytes = b"XYZ ") -> bytes:
    """Return an ICC profile of a colour space with the given tags."""
    white = struct.pack(">iii", 63190, 65536, 54061)  # D50
    tags = {b"wtpt": b"XYZ \0\0\0\0" + white, **tags}
    table, body, start = b"", b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"test", 0x02400000, b"prtr", space, pcs)
    header += b"\0" * 12 + b"acsp" + b"\0" * 28 + white
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def linear_grey() -> bytes:
    return profile(b"GRAY", {b"kTRC": b"curv\0\0\0\0" + struct.pack(">IH", 1, 256) + b"\0\0"})


def cyan_prints_black() -> bytes:
    """Return a CMYK profile in which only the first ink counts, as black."""
    ramp = bytes(range(256))
    identity = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    lab_grid = bytes((255, 128, 128)) * 8 + bytes((0, 128, 128)) * 8
    lut = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + identity + ramp * 4 + lab_grid + ramp * 3
    return profile(b"CMYK", {b"A2B0": lut}, pcs=b"Lab ")


def swapped_red_and_blue() -> bytes:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return srgb.replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")


class TestReading:
    @pytest.mark.parametrize("photo", sorted(DEMO.glob("*.jpg")), ids=lambda path: path.name)
    def test_photograph_is_read_as_pillow_shows_it(self, photo: Path) -> None:
        picture = read_image(photo)
        with Image.open(photo) as image:
            width, height = image.size
            assert to_pil(picture.pixels).tobytes() == image.convert("RGB").tobytes()
        assert picture.pixels.shape == (1, 3, height, width)
        assert picture.pixels.dtype == torch.float32
        assert picture.original_size == (width, height)
        assert (picture.name, picture.path) == (str(photo), photo)
        assert picture.alpha is None
        assert picture.warnings == ()

    def test_path_stream_and_stdin_give_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = PHOTO.read_bytes()
        stdin = io.TextIOWrapper(io.BytesIO(data))
        monkeypatch.setattr(sys, "stdin", stdin)
        from_path, from_stream, from_stdin = (
            read_image(source) for source in (str(PHOTO), io.BytesIO(data), "-")
        )
        assert from_path.sha256 == from_stream.sha256 == from_stdin.sha256
        assert torch.equal(from_path.pixels, from_stream.pixels)
        assert torch.equal(from_path.pixels, from_stdin.pixels)
        assert (from_stdin.name, from_stdin.path) == ("standard input", None)

    def test_pipe_is_read(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with subprocess.Popen(["cp", str(PHOTO), str(pipe)]):
            assert read_image(pipe).original_size == (640, 427)

    def test_pillow_image_is_read_and_left_as_it_was(self) -> None:
        image = Image.new("RGBA", (3, 2), (1, 2, 3, 4))
        picture = read_image(image)
        assert (picture.name, picture.path) == ("image", None)
        assert image.getpixel((0, 0)) == (1, 2, 3, 4)
        assert picture.sha256 == read_image(image.copy()).sha256

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP"])
    @given(width=SIDES, height=SIDES)
    @settings(max_examples=5, deadline=None)
    def test_exif_orientation_is_undone(
        self, file_format: str, orientation: int, width: int, height: int
    ) -> None:
        upright = Image.linear_gradient("L").rotate(30).resize((width, height)).convert("RGB")
        back = {5: 5, 6: 8, 8: 6, 7: 7}.get(orientation, orientation)
        stored = upright
        if orientation != 1:
            tagged = upright.copy()
            tagged.getexif()[0x0112] = back
            stored = ImageOps.exif_transpose(tagged)
        exif = Image.Exif()
        exif[0x0112] = orientation
        stream = encoded(stored, file_format, exif=exif, quality=100, lossless=True)
        picture = read_image(stream)
        assert picture.original_size == (width, height)
        expected = read_image(upright).pixels
        assert (picture.pixels - expected).abs().max() <= (0.02 if file_format == "JPEG" else 0)

    def test_orientation_is_undone_among_damaged_exif(self) -> None:
        entries = [(0x0112, 3, 1, b"\0\6\0\0"), (0x011A, 2, 1, b"a\0\0\0")]
        exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", len(entries))
        exif += b"".join(struct.pack(">HHI4s", *entry) for entry in entries) + bytes(4)
        photo = encoded(Image.new("RGB", (4, 2)), "JPEG", exif=exif)
        with pytest.raises(TypeError), Image.open(photo) as image:
            ImageOps.exif_transpose(image)
        assert read_image(Image.open(photo)).original_size == (2, 4)

    def test_unreadable_exif_is_told(self) -> None:
        photo = encoded(Image.new("RGB", (4, 2)), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\1\0")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert "Corrupt EXIF data" in read_image(photo).warnings[0]


class TestModes:
    @pytest.mark.parametrize(
        ("mode", "value", "expected"),
        [
            ("1", 1, [255, 255, 255]),
            ("L", 128, [128, 128, 128]),
            ("LA", (128, 9), [128, 128, 128]),
            ("RGB", (1, 2, 3), [1, 2, 3]),
            ("RGBA", (1, 2, 3, 4), [1, 2, 3]),
            ("RGBX", (1, 2, 3, 4), [1, 2, 3]),
            ("RGBa", (64, 32, 0, 128), [127, 63, 0]),
            ("CMYK", (255, 0, 0, 0), [0, 255, 255]),
            ("YCbCr", (128, 128, 128), [128, 128, 128]),
            ("HSV", (0, 255, 255), [255, 0, 0]),
            ("I;16", 32896, [128, 128, 128]),
            ("I;16B", 32896, [128, 128, 128]),
            ("I", 32896, [128, 128, 128]),
            ("I", 128, [128, 128, 128]),
            ("I", 2**31 - 1, [255, 255, 255]),
            ("F", 0.5, [128, 128, 128]),
            ("F", 1.01, [255, 255, 255]),
            ("F", -1.0, [0, 0, 0]),
            ("F", 128.0, [128, 128, 128]),
        ],
    )
    def test_mode_becomes_srgb(self, mode: str, value: Any, expected: list[int]) -> None:
        assert pixel(Image.new(mode, (3, 2), value), 2, 1) == expected

    def test_palette_becomes_its_colours(self) -> None:
        image = Image.new("P", (2, 1))
        image.putpalette([10, 20, 30, 200, 100, 50])
        image.putpixel((1, 0), 1)
        assert pixel(image) == [10, 20, 30]
        assert pixel(image, 1) == [200, 100, 50]

    def test_16_bit_grey_keeps_its_precision(self) -> None:
        data = png(2, 1, bits=16, rows=b"\0" + struct.pack(">HH", 1, 40_000))
        picture = read_image(io.BytesIO(data))
        assert torch.allclose(picture.pixels[0, :, 0], torch.tensor([1, 40_000]) / 65_535)

    def test_16_bit_colour_and_grey_with_alpha_are_read(self) -> None:
        colour = png(1, 1, bits=16, kind=2, rows=b"\0" + b"\x80\x80" * 3)
        grey = png(1, 1, bits=16, kind=4, rows=b"\0" + b"\x80\x80" + b"\x40\x40")
        assert pixel(Image.open(io.BytesIO(colour))) == [128, 128, 128]
        picture = read_image(io.BytesIO(grey))
        assert picture.alpha is not None
        assert picture.alpha.item() == pytest.approx(64 / 255)

    @pytest.mark.parametrize("mode", ["I", "F"])
    def test_guessed_white_is_told(self, mode: str) -> None:
        assert "is taken as white" in read_image(Image.new(mode, (1, 1), 300)).warnings[0]

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    @pytest.mark.parametrize("place", [(0, 0), (3, 2)])
    def test_values_that_are_no_numbers_are_refused(
        self, value: float, place: tuple[int, int]
    ) -> None:
        image = Image.new("F", (5, 4), 0.5)
        image.putpixel(place, value)
        with pytest.raises(ImageError, match="NaN or infinite"):
            read_image(image)


class TestAlpha:
    @pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa"])
    def test_alpha_is_kept_apart(self, mode: str) -> None:
        image = Image.new("RGBA", (3, 2), (200, 200, 200, 255))
        image.putpixel((1, 1), (0, 0, 0, 51))
        if mode in {"La", "RGBa"}:
            image = image.convert("LA" if mode == "La" else "RGBA").convert(mode)
        picture = read_image(image if mode == "RGBA" else image.convert(mode))
        assert picture.alpha is not None
        assert picture.alpha.shape == (1, 1, 2, 3)
        assert picture.alpha[0, 0, 1, 1].item() == pytest.approx(0.2)
        assert picture.alpha.sum().item() == pytest.approx(5.2)

    @pytest.mark.parametrize(
        ("mode", "key"), [("1", 0), ("L", 0), ("RGB", (0, 0, 0)), ("P", 0), ("I;16", 0)]
    )
    def test_transparent_colour_becomes_alpha(self, mode: str, key: object) -> None:
        image = Image.new(mode, (2, 1))
        image.putpixel((1, 0), 1 if mode in {"1", "P"} else (9, 9, 9) if mode == "RGB" else 99)
        picture = read_image(encoded(image, "PNG", transparency=key))
        assert picture.alpha is not None
        assert picture.alpha.flatten().tolist() == [0, 1]

    def test_palette_with_levels_of_transparency_is_read(self) -> None:
        image = Image.new("P", (2, 1), 1)
        image.putpalette([0, 0, 0, 255, 255, 255])
        picture = read_image(encoded(image, "PNG", transparency=bytes([0, 102])))
        assert picture.alpha is not None
        assert picture.alpha.flatten().tolist() == pytest.approx([0.4, 0.4])

    def test_opaque_alpha_is_dropped(self) -> None:
        assert read_image(Image.new("RGBA", (2, 2), "red")).alpha is None

    def test_hidden_colour_does_not_bleed_when_shrunk(self) -> None:
        image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
        image.paste((255, 255, 255, 255), (0, 0, 29, 64))
        picture = read_image(image, size=16)
        assert picture.alpha is not None
        assert picture.alpha.shape == (1, 1, 16, 16)
        seen = picture.pixels[:, :1][picture.alpha > 0.05]
        assert seen.min() > 0.98


class TestColourProfile:
    def test_rgb_profile_is_applied(self) -> None:
        image = Image.new("RGB", (2, 2), (255, 0, 0))
        picture = read_image(encoded(image, "PNG", icc_profile=swapped_red_and_blue()))
        red, green, blue = picture.pixels[0, :, 0, 0].tolist()
        assert (red, green, blue) == pytest.approx((0, 0, 1), abs=0.01)
        assert picture.warnings == ()

    @pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P"])
    def test_profile_reaches_every_mode_and_alpha_stays(self, mode: str) -> None:
        icc = linear_grey() if mode in {"L", "LA"} else swapped_red_and_blue()
        image = Image.new("RGBA", (2, 2), (128, 128, 128, 102)).convert(mode)
        picture = read_image(encoded(image, "PNG", icc_profile=icc))
        expected = 188 if mode in {"L", "LA"} else 128
        assert round(picture.pixels[0, 0, 0, 0].item() * 255) == pytest.approx(expected, abs=1)
        assert (picture.alpha is not None) == (mode != "L")
        assert picture.warnings == ()

    def test_16_bit_grey_profile_is_applied(self) -> None:
        image = Image.new("I;16", (2, 2), 32_896)
        image.info["icc_profile"] = linear_grey()
        assert pixel(image) == [188, 188, 188]

    def test_colour_profile_of_a_grey_picture_is_applied(self) -> None:
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        image = Image.new("L", (2, 2), 100)
        picture = read_image(encoded(image, "PNG", icc_profile=srgb))
        assert picture.warnings == ()
        assert (picture.pixels - 100 / 255).abs().max() <= 1.5 / 255

    @pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
    def test_cmyk_profile_is_applied(self, file_format: str) -> None:
        image = Image.new("CMYK", (8, 8), (128, 10, 30, 5))
        picture = read_image(encoded(image, file_format, icc_profile=cyan_prints_black()))
        assert (picture.pixels - 0.466).abs().max() < 0.02  # L* is 50
        assert picture.warnings == ()

    def test_cmyk_without_profile_is_read_with_a_warning(self) -> None:
        picture = read_image(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"))
        red, green, blue = picture.pixels[0, :, 4, 4].tolist()
        assert (red, green, blue) == pytest.approx((1, 0, 0), abs=0.02)
        assert "colours are approximate" in picture.warnings[0]

    @pytest.mark.parametrize("icc", [b"nonsense", linear_grey(), linear_grey()[:140]])
    def test_odd_profile_is_ignored_with_a_warning(self, icc: bytes) -> None:
        image = Image.new("RGB", (2, 2), (10, 20, 30))
        image.info["icc_profile"] = icc
        assert pixel(image) == [10, 20, 30]
        assert "colour profile ignored" in read_image(image).warnings[0]

    def test_lab_picture_with_a_profile_is_read(self) -> None:
        image = Image.new("LAB", (2, 2), (255, 128, 128))
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        picture = read_image(encoded(image, "TIFF", icc_profile=lab))
        assert picture.pixels.min() > 0.99


class TestFrames:
    @pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "TIFF"])
    def test_first_frame_is_used_with_a_warning(self, file_format: str) -> None:
        frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime")]
        moving = encoded(frames[0], file_format, save_all=True, append_images=frames[1:])
        picture = read_image(moving)
        red, green, _ = picture.pixels[0, :, 0, 0].tolist()
        assert (red, green) == pytest.approx((1, 0), abs=0.02)
        assert "only the first is used" in picture.warnings[0]

    def test_phone_photograph_with_a_preview_has_no_warning(self) -> None:
        frames = [Image.new("RGB", (8, 8), "red"), Image.new("RGB", (4, 4))]
        photo = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
        assert read_image(photo).warnings == ()


class TestRefusing:
    def refusal(self, source: ImageSource, **options: int) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ImageError) as caught:
                read_image(source, **options)
        message = str(caught.value)
        assert "\n" not in message
        return message

    def test_missing_file_is_named(self, tmp_path: Path) -> None:
        assert f"{tmp_path / 'no.jpg'}: no such file" in self.refusal(tmp_path / "no.jpg")

    def test_folder_is_named(self, tmp_path: Path) -> None:
        assert f"{tmp_path}: is a folder" in self.refusal(tmp_path)

    def test_unreadable_file_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(*_: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "open", denied)  # the tests may run as root
        assert "cannot be opened" in self.refusal(tmp_path / "secret.jpg")

    def test_impossible_name_is_refused(self) -> None:
        assert "cannot be opened" in self.refusal("a\0b.jpg")

    def test_empty_file_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.png"
        path.touch()
        assert f"{path}: is empty" in self.refusal(path)

    @pytest.mark.parametrize("data", [b"hello, world", b"<svg/>", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
    def test_what_is_no_picture_is_refused(self, data: bytes, tmp_path: Path) -> None:
        path = tmp_path / "photo.jpg"
        path.write_bytes(data)
        message = self.refusal(path)
        assert message.startswith(f"{path}: not a picture")
        assert "convert it to PNG" in message

    @pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
    @pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
    def test_truncated_file_is_refused(self, file_format: str, share: float) -> None:
        with Image.open(PHOTO) as photo:
            data = encoded(photo.resize((100, 80)), file_format).getvalue()
        cut = data[: int(len(data) * share)]
        assert "fetch" in self.refusal(io.BytesIO(cut))

    @given(data=st.data())
    @few
    def test_damage_anywhere_is_read_or_refused(self, data: st.DataObject) -> None:
        file_format = data.draw(st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF", "GIF"]))
        exif = Image.Exif()
        exif[0x0112] = 6
        image = Image.linear_gradient("L").resize((9, 7)).convert("RGB")
        broken = bytearray(encoded(image, file_format, exif=exif).getvalue())
        for _ in range(data.draw(st.integers(1, 8))):
            broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
        try:
            pixels = read_image(io.BytesIO(bytes(broken)), max_pixels=10_000).pixels
        except ImageError:
            return
        assert 0 <= pixels.min() <= pixels.max() <= 1

    def test_picture_without_pixels_is_refused(self) -> None:
        assert "has no pixels (0x5)" in self.refusal(Image.new("RGB", (0, 5)))
        assert "fetch" in self.refusal(io.BytesIO(png(0, 5)))

    def test_one_pixel_is_read(self) -> None:
        assert pixel(Image.new("RGB", (1, 1), (7, 8, 9))) == [7, 8, 9]

    def test_huge_picture_is_refused_before_decoding(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.png"
        path.write_bytes(png(30_000, 30_000))
        message = self.refusal(path)
        assert f"{path}: is 30000x30000, 900,000,000 pixels; the limit is 128,000,000" in message
        assert "--max-pixels" in message

    def test_picture_that_memory_cannot_hold_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def exhausted(_: Image.Image) -> None:
            raise MemoryError

        monkeypatch.setattr(Image.Image, "load", exhausted)
        assert "does not fit in memory" in self.refusal(Image.new("L", (4, 4)))

    def test_limit_is_inclusive_and_can_be_raised(self) -> None:
        image = Image.new("L", (10, 10))
        assert read_image(image, max_pixels=100).original_size == (10, 10)
        assert "the limit is 99" in self.refusal(image, max_pixels=99)

    def test_pillows_own_limit_does_not_interfere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert read_image(encoded(Image.new("L", (10, 10)), "PNG")).warnings == ()
            self.refusal(io.BytesIO(b"no picture"))
        assert Image.MAX_IMAGE_PIXELS == 10
        assert MAX_PIXELS == 128_000_000


class TestSize:
    @given(width=st.integers(1, 5000), height=st.integers(1, 5000), longest=st.integers(1, 3000))
    def test_longer_side_fits_and_shape_is_kept(
        self, width: int, height: int, longest: int
    ) -> None:
        fitted = fit_size(width, height, longest)
        assert max(fitted) == min(longest, max(width, height))
        assert min(fitted) >= 1
        exact = min(width, height) * max(fitted) / max(width, height)
        assert min(fitted) == 1 or abs(min(fitted) - exact) <= 0.5 + 1e-9

    def test_size_under_one_is_refused(self) -> None:
        with pytest.raises(UsageError, match="size is 0"):
            read_image(PHOTO, size=0)

    def test_picture_is_shrunk_as_pillow_does(self) -> None:
        picture = read_image(PHOTO, size=200)
        with Image.open(PHOTO) as image:
            expected = read_image(image.resize((200, 133), Image.Resampling.LANCZOS)).pixels
        assert picture.pixels.shape == (1, 3, 133, 200)
        assert picture.original_size == (640, 427)
        assert (picture.pixels - expected).abs().mean() < 0.5 / 255

    def test_smaller_picture_keeps_its_size(self) -> None:
        assert read_image(Image.new("L", (5, 3)), size=512).pixels.shape == (1, 3, 3, 5)

    def test_thin_picture_keeps_a_pixel(self) -> None:
        assert read_image(Image.new("L", (1000, 1)), size=10).pixels.shape == (1, 3, 1, 10)

    @pytest.mark.parametrize("size", [(133, 200), (600, 900), (1, 1)])
    def test_tensor_is_resized_as_a_file_is(self, size: tuple[int, int]) -> None:
        full = read_image(PHOTO).pixels
        resized = resize(full, size)
        assert resized.shape == (1, 3, *size)
        assert 0 <= resized.min() <= resized.max() <= 1
        if size == (133, 200):
            assert torch.allclose(resized, read_image(PHOTO, size=200).pixels, atol=1e-5)

    def test_resizing_keeps_batch_dtype_and_layout(self) -> None:
        batch = torch.rand(2, 3, 8, 6, dtype=torch.float64).to(memory_format=torch.channels_last)
        resized = resize(batch.requires_grad_(), (4, 3))
        assert (resized.shape, resized.dtype) == ((2, 3, 4, 3), torch.float64)
        assert not resized.requires_grad
        assert torch.allclose(resized[1], resize(batch[1:], (4, 3))[0])

    def test_right_size_is_returned_untouched(self) -> None:
        pixels = torch.rand(1, 3, 4, 5)
        assert resize(pixels, (4, 5)) is pixels

    def test_fine_stripes_do_not_alias(self) -> None:
        stripes = (torch.arange(512) % 2).float().expand(1, 3, 64, 512)
        assert (resize(stripes, (16, 100)) - 0.5).abs().max() < 0.05


class TestToPil:
    def test_values_are_rounded_and_clamped(self) -> None:
        values = torch.tensor([-0.1, 0.0, 1.49 / 255, 1.51 / 255, 1.0, 1.1])
        image = to_pil(values.view(1, 1, 1, 6).expand(1, 3, 1, 6))
        assert list(image.getchannel(0).tobytes()) == [0, 0, 1, 2, 255, 255]

    def test_half_precision_and_gradients_are_accepted(self) -> None:
        image = to_pil(torch.full((1, 3, 1, 1), 0.5, dtype=torch.bfloat16, requires_grad=True))
        assert image.getpixel((0, 0)) == (128, 128, 128)

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_values_that_are_no_numbers_are_refused(self, value: float) -> None:
        with pytest.raises(NonFiniteError, match="NaN or infinite"):
            to_pil(torch.full((1, 3, 2, 2), value))


class TestWriting:
    @pytest.mark.parametrize("name", ["a.png", "a.TIFF", "a.tif"])
    @given(pixels=levels(), with_alpha=st.booleans())
    @few
    def test_lossless_formats_keep_every_level(
        self, name: str, pixels: Tensor, with_alpha: bool
    ) -> None:
        alpha = pixels[:, :1] if with_alpha else None
        with tempfile.TemporaryDirectory() as folder:
            write_image(pixels, Path(folder) / name, alpha=alpha)
            picture = read_image(Path(folder) / name)
        assert torch.equal(picture.pixels, pixels)
        kept = picture.alpha if picture.alpha is not None else torch.ones_like(pixels[:, :1])
        assert torch.equal(kept, torch.ones_like(kept) if alpha is None else alpha)

    @pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.webp"])
    def test_lossy_formats_come_close(self, name: str, tmp_path: Path) -> None:
        pixels = read_image(PHOTO, size=128).pixels
        write_image(pixels, tmp_path / name)
        assert (read_image(tmp_path / name).pixels - pixels).abs().mean() < 0.02

    @pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
    def test_alpha_is_kept_where_the_format_holds_it(self, name: str, tmp_path: Path) -> None:
        alpha = torch.linspace(0, 1, 64).view(1, 1, 8, 8)
        write_image(torch.rand(1, 3, 8, 8), tmp_path / name, alpha=alpha)
        read = read_image(tmp_path / name).alpha
        assert read is not None
        assert (read - alpha).abs().max() < 0.5 / 255 + 1e-6

    def test_jpeg_lays_transparent_pictures_over_white(self, tmp_path: Path) -> None:
        black = torch.zeros(1, 3, 8, 8)
        write_image(black, tmp_path / "a.jpg", alpha=torch.full((1, 1, 8, 8), 0.2))
        assert (read_image(tmp_path / "a.jpg").pixels - 0.8).abs().max() < 0.01

    def test_dash_writes_png_to_stdout(self, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
        pixels = torch.zeros(1, 3, 2, 2)
        write_image(pixels, "-")
        assert torch.equal(read_image(io.BytesIO(capfdbinary.readouterr().out)).pixels, pixels)

    def test_picture_too_large_for_its_format_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"WEBP cannot hold this picture .*: use \.png"):
            write_image(torch.zeros(1, 3, 1, 16_384), tmp_path / "a.webp")
        assert list(tmp_path.iterdir()) == []

    def test_new_file_has_the_usual_permissions(self, tmp_path: Path) -> None:
        write_image(torch.zeros(1, 3, 2, 2), tmp_path / "a.png")
        (tmp_path / "b").touch()
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        assert len(modes) == 1


class TestOutputs:
    def test_missing_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"there is no folder .*gone: create it"):
            check_output(tmp_path / "gone" / "a.png")

    def test_file_as_a_folder_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match="is not a folder"):
            check_output(tmp_path / "file" / "a.png")

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
    def test_folder_that_refuses_even_root_is_refused(self) -> None:
        with pytest.raises(OutputError, match="cannot write in folder /proc"):
            check_output("/proc/a.png")

    def test_folder_that_cannot_be_written_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(**_: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(tempfile, "TemporaryFile", denied)
        with pytest.raises(OutputError, match=r"cannot write in folder .*Permission denied"):
            check_output(tmp_path / "a.png")

    def test_folder_is_no_output(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="is a folder: name a file in it"):
            check_output(tmp_path)

    @pytest.mark.parametrize("name", ["a.bmp", "a", "a.png.txt", ".png"])
    def test_unknown_extension_lists_the_known(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"unknown extension .*\.png, \.jpg"):
            check_output(tmp_path / name)

    def test_existing_file_needs_force(self, tmp_path: Path) -> None:
        path = tmp_path / "a.png"
        path.write_bytes(b"precious")
        with pytest.raises(OutputError, match=r"exists: .*--force"):
            write_image(torch.zeros(1, 3, 2, 2), path)
        assert path.read_bytes() == b"precious"
        write_image(torch.zeros(1, 3, 2, 2), path, force=True)
        assert read_image(path).original_size == (2, 2)

    @pytest.mark.parametrize("link", ["same", "symbolic", "hard", "dotted"])
    def test_input_is_never_overwritten(self, link: str, tmp_path: Path) -> None:
        source, output = tmp_path / "in.png", tmp_path / "out.png"
        source.write_bytes(b"precious")
        if link == "symbolic":
            output.symlink_to(source)
        elif link == "hard":
            output.hardlink_to(source)
        else:
            output = source if link == "same" else tmp_path / ".." / tmp_path.name / "in.png"
        with pytest.raises(OutputError, match="is an input of this run"):
            write_image(torch.zeros(1, 3, 2, 2), output, force=True, inputs=["-", source])
        assert source.read_bytes() == b"precious"

    def test_good_output_and_stdout_pass_and_leave_nothing(self, tmp_path: Path) -> None:
        check_output(tmp_path / "a.png", inputs=[tmp_path / "missing.png", PHOTO])
        check_output("-")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("interruption", "raised"),
        [
            (OSError(errno.ENOSPC, "No space left on device"), OutputError),
            (KeyboardInterrupt(), KeyboardInterrupt),
        ],
        ids=["full disk", "Ctrl-C"],
    )
    def test_interrupted_write_leaves_what_was_there(
        self,
        interruption: BaseException,
        raised: type[BaseException],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def half(self: Path, data: bytes) -> int:
            with self.open("wb") as file:
                file.write(data[: len(data) // 2])
            raise interruption

        path = tmp_path / "a.png"
        path.write_bytes(b"before")
        monkeypatch.setattr(Path, "write_bytes", half)
        with pytest.raises(raised):
            write_image(torch.zeros(1, 3, 2, 2), path, force=True)
        assert path.read_bytes() == b"before"
        assert list(tmp_path.iterdir()) == [path]


class TestContents:
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        for name in ("b.PNG", "a.jpg", "c.webp", "notes.txt", "._a.jpg", "[1].png"):
            (tmp_path / "photos" / name).parent.mkdir(exist_ok=True)
            (tmp_path / "photos" / name).touch()
        (tmp_path / "photos" / "sub.png").mkdir()
        (tmp_path / "none").mkdir()

    @pytest.mark.parametrize(
        ("args", "expected"),
        [
            ([], []),
            (["-", "photos/a.jpg"], ["-", "photos/a.jpg"]),
            (["photos"], ["photos/[1].png", "photos/a.jpg", "photos/b.PNG", "photos/c.webp"]),
            (["photos/*.[jw]*"], ["photos/a.jpg", "photos/c.webp"]),
            (["photos/[1].png"], ["photos/[1].png"]),
            (["photos/*.png"], ["photos/[1].png"]),
            (["missing.jpg"], ["missing.jpg"]),
            (["photos/b.PNG", "photos/*.*P*"], ["photos/b.PNG"]),
            (["photos/a.jpg", "./photos/a.jpg", "-", "-"], ["photos/a.jpg", "-"]),
        ],
    )
    def test_arguments_stand_for_files(self, args: list[str], expected: list[str]) -> None:
        assert expand_contents(args) == expected

    def test_folder_without_pictures_is_refused(self) -> None:
        with pytest.raises(UsageError, match="none: has no pictures"):
            expand_contents(["none"])

    def test_glob_without_files_is_named(self) -> None:
        with pytest.raises(UsageError, match=r"photos/\*\.gif: no file matches"):
            expand_contents(["photos/*.gif"])

    def test_folder_that_cannot_be_listed_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def denied(_: Path) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "iterdir", denied)
        with pytest.raises(UsageError, match="photos: cannot be listed"):
            expand_contents(["photos"])


def test_paths_and_limits_need_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from stylize import expand_contents, fit_size\n"
        "from stylize.command import check_output\n"
        f"check_output({str(tmp_path / 'a.png')!r}); expand_contents(['a']); fit_size(9, 9, 3)\n"
        "assert not {'torch', 'torchvision', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Colours.


def test_matched_colours_have_the_mean_and_covariance_of_others_within_whose_range_they_are():
    generator = torch.Generator().manual_seed(0)
    image, reference = torch.rand((2, 1, 3, 40, 50), generator=generator).double()
    reference[..., 0, 0], reference[..., 0, 1] = 0, 1
    matched = match_colors(image * 0.2 + 0.3, reference * 0.9 + 0.05)
    one, other = (each[0].flatten(1) for each in (matched, reference * 0.9 + 0.05))
    torch.testing.assert_close(one.mean(1), other.mean(1), atol=0.005, rtol=0)
    torch.testing.assert_close(one.cov(), other.cov(), atol=0.005, rtol=0)


def test_matched_colours_stay_apart_and_in_the_range_of_the_others():
    """Few dark shades on much white, matched to even shades: cut off, they would be one black."""
    shades = torch.linspace(0, 0.3, 32).double()
    image = torch.cat([shades, torch.ones(480)]).expand(1, 3, 1, 512).double()
    reference = torch.linspace(0.1, 0.9, 512).expand(1, 3, 1, 512).double()
    matched = match_colors(image, reference)[0, :, 0]
    assert matched.min() >= 0.1 - 1e-6
    assert matched.max() <= 0.9 + 1e-6
    assert (matched[:, :32].diff() > 1e-4).all()
