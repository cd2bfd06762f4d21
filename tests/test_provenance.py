"""The record inside a picture: every format returns it unchanged."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from stylize import read_image, read_record, write_image
from stylize.errors import ImageError
from stylize.files import sha256_of

PHOTO = Path(str(files("stylize") / "demo" / "china.jpg"))
PIXELS = torch.zeros(1, 3, 4, 6)
NAMES = ["a.png", "a.jpg", "a.webp", "a.tif"]
RECORD: dict[str, Any] = {
    "settings": {"size": 512, "strength": 0.5, "styles": None},
    "inputs": [{"name": "Żółw 夜 \U0001f303.jpg", "sha256": "00"}, {"name": "bad\udcff.png"}],
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("name", NAMES)
class TestRecord:
    def test_record_comes_back_with_its_names(self, name: str, tmp_path: Path) -> None:
        path = tmp_path / f"夜 é {name}"
        write_image(PIXELS, path, record=RECORD)
        assert read_record(path) == RECORD
        assert read_image(path).warnings == ()

    @given(record=st.dictionaries(st.text(), json_values))
    @settings(max_examples=25, deadline=None)
    def test_any_record_comes_back(self, name: str, record: dict[str, Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_image(PIXELS, Path(folder) / name, record=record)
            assert read_record(Path(folder) / name) == record

    def test_record_comes_back_beside_alpha(self, name: str, tmp_path: Path) -> None:
        write_image(PIXELS, tmp_path / name, alpha=PIXELS[:, :1], record=RECORD)
        assert read_record(tmp_path / name) == RECORD

    def test_software_is_named(self, name: str, tmp_path: Path) -> None:
        write_image(PIXELS, tmp_path / name, record={})
        with Image.open(tmp_path / name) as image:
            software = image.info.get("Software") or image.getexif()[ExifTags.Base.Software]
        assert software == "stylize"

    def test_picture_without_record_is_told(self, name: str, tmp_path: Path) -> None:
        write_image(PIXELS, tmp_path / name)
        with pytest.raises(ImageError, match="only pictures made by stylize can be rerun"):
            read_record(tmp_path / name)

    def test_pictures_of_any_size_can_be_asked(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_image(PIXELS, tmp_path / name, record=RECORD)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)  # Pillow would reject it
        assert read_record(tmp_path / name) == RECORD


def test_comments_of_others_are_no_record(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "{}"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0\xff a camera"
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg", exif=exif)
    with pytest.raises(ImageError, match="has no stylize record"):
        read_record(tmp_path / "a.jpg")


@pytest.mark.parametrize("text", ['{"cut": ', "[1]"])
def test_damaged_record_is_told(text: str, tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("stylize", text)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", pnginfo=info)
    with pytest.raises(ImageError, match="record is damaged"):
        read_record(tmp_path / "a.png")


def test_missing_picture_has_no_record(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        read_record(tmp_path / "gone.png")


def test_hash_is_that_of_the_file_and_of_its_picture(tmp_path: Path) -> None:
    expected = hashlib.sha256(PHOTO.read_bytes()).hexdigest()
    assert sha256_of(PHOTO) == read_image(PHOTO).sha256 == expected
    with pytest.raises(ImageError, match="no such file"):
        sha256_of(tmp_path / "gone.png")


def test_records_are_read_without_torch(tmp_path: Path) -> None:
    write_image(PIXELS, tmp_path / "a.png", record=RECORD)
    code = (
        "import json, sys; from stylize import read_record\n"
        f"print(json.dumps(read_record({str(tmp_path / 'a.png')!r})))\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == RECORD
