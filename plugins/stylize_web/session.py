"""What one tab has: its photographs, clips, paintings, masks, thumbnails and pictures."""

from __future__ import annotations

import base64
import binascii
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import resources
from io import BytesIO
from itertools import count
from pathlib import Path

from PIL import Image

from stylize import first_frame, open_image, read_bytes
from stylize.command import DEMO, explain, require_extra
from stylize.errors import ImageError, StylizeError
from stylize_web.job import Job, as_jpeg, shrunk
from stylize_web.recipe import Upload
from stylize_web.styles import Style

__all__ = ["MOVE", "Session", "demo_files"]

# The longest mask that a page may send, in characters, and its longer side.
MASK_CHARACTERS, MASK_SIDE = 4_000_000, 2048
PNG = "data:image/png;base64,"
PHOTO_SIDE = 768
# What is read as a clip, by the end of its name.
CLIPS = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".3gp", ".ogv",
)  # fmt: skip
# The key of what makes a painting of a photograph: it was dropped in the wrong place.
MOVE = "move"


@dataclass(eq=False)
class Session:
    """The state of a tab.

    Args:
        folder: of its own; deleted with all in it when the tab is closed.
        max_pixels: the largest picture or frame that is taken.
        photos: photographs and clips, as they were dropped.
        photo: the chosen one.
        paintings: styles that were dropped.
        chosen: the key of the chosen style.
        views: the photographs to look at, as JPEG.
        mask: of the chosen photograph: where the style goes; None for everywhere.
        thumbnails: of a photograph in a style, as JPEG; empty until it is made.
        jobs: pictures asked for, oldest first.
        shown: the one that the page shows.
        notice: what went wrong last, for people.
        sent: what the page shows of each of its parts.
        closed: whether the tab is gone.
        lock: held by whoever changes or renders it.
    """

    folder: Path
    max_pixels: int
    photos: list[Upload] = field(default_factory=list)
    photo: Upload | None = None
    paintings: list[Style] = field(default_factory=list)
    chosen: str = ""
    views: dict[Path, bytes] = field(default_factory=dict)
    mask: Image.Image | None = None
    thumbnails: dict[tuple[Path, str], bytes] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    shown: Job | None = None
    notice: str = ""
    sent: dict[str, object] = field(default_factory=dict)
    closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: count[int] = field(default_factory=count)
    _small: tuple[Path, Image.Image] | None = None

    def add_photos(self, files: Iterable[str]) -> None:
        """Take photographs and clips from where the page put them, and report what is neither."""
        self.notice = ""
        for file in files:
            take = self._take_clip if file.lower().endswith(CLIPS) else self._take_picture
            if upload := self._take(Path(file), take):
                self.photos.append(upload)
                self._choose(upload)

    def add_painting(self, file: str) -> None:
        """Take a painting, and choose it."""
        self.notice = ""
        if upload := self._take(Path(file), self._take_picture):
            self._add_style(upload)

    def add_demo(self) -> None:
        """Take the pair of pictures that everybody has."""
        photo, painting = demo_files()
        if photo not in self.photos:
            self._look_at(photo)
            self.photos.append(photo)
        self._choose(photo)
        if painting not in [style.painting for style in self.paintings]:
            self._add_style(painting)

    def choose_photo(self, key: str) -> None:
        """Choose a photograph by its number; MOVE makes a painting of the chosen one."""
        if key == MOVE and self.photo is not None and self.photo.still is None:
            moved = self.photo
            self.photos.remove(moved)
            self._choose(self.photos[-1] if self.photos else None)
            self._add_style(moved)
        elif key.isdecimal() and int(key) < len(self.photos):
            self._choose(self.photos[int(key)])

    def choose_style(self, key: str) -> None:
        """Choose a style by its key."""
        self.chosen = key

    def choose_job(self, key: str) -> None:
        """Show a picture of the history again."""
        if key.isdecimal() and int(key) < len(self.jobs):
            self.shown = self.jobs[int(key)]

    def paint_mask(self, data: object) -> None:
        """Take the mask of the chosen photograph, a PNG as a data URL whose alpha is the mask."""
        self.mask = _read_mask(data) if self.photo and not self.photo.still else None

    def new_folder(self) -> Path:
        """Return a folder that is not there yet."""
        self.folder.mkdir(exist_ok=True)
        return self.folder / str(next(self._numbers))

    def small(self, photo: Upload, side: int) -> Image.Image:
        """Return a photograph, or the first frame of a clip, for thumbnails; the last is kept."""
        if self._small is None or self._small[0] != photo.path:
            self._small = photo.path, shrunk(read_bytes(photo.picture, at_least=side), side)
        return self._small[1]

    def _choose(self, photo: Upload | None) -> None:
        if photo != self.photo:
            self.mask = None
        self.photo, self.shown = photo, None

    def _add_style(self, upload: Upload) -> None:
        self._look_at(upload)
        key = f"painting {len(self.paintings)}"
        self.paintings.append(Style(key, Path(upload.name).stem, painting=upload))
        self.chosen = key

    def _take(self, file: Path, take: Callable[[Path], Upload]) -> Upload | None:
        """Take an upload; None, and a notice, for one that cannot be used."""
        try:
            upload = take(file)
            self._look_at(upload)
        except StylizeError as error:
            said = explain(error)[0].replace(str(file), file.name)
            self.notice = "\n".join(filter(None, [self.notice, said]))
            file.unlink(missing_ok=True)
            return None
        return upload

    def _take_picture(self, file: Path) -> Upload:
        """Move a picture into a folder of the session. Raises: ImageError."""
        with open_image(file) as (image, _):
            pixels = image.width * image.height
        if pixels > self.max_pixels:
            raise ImageError(
                f"{file.name}: has {pixels / 1e6:.0f} million pixels, and the limit is "
                f"{self.max_pixels / 1e6:.0f} million: make it smaller first, or raise "
                f"--max-pixels"
            )
        return Upload(self._move(file), file.name, file.name)

    def _take_clip(self, file: Path) -> Upload:
        """Do the same for a clip. Raises: VideoError, ExtraMissingError."""
        for package in ("av", "cv2"):
            require_extra(package, "video", f"{file.name}: a clip")
        frame = first_frame(file, max_pixels=self.max_pixels)
        path = self._move(file)
        still = path.with_name("first.png")
        frame.save(still)
        return Upload(path, file.name, file.name, still)

    def _move(self, file: Path) -> Path:
        folder = self.new_folder()
        folder.mkdir()
        return Path(shutil.move(file, folder))

    def _look_at(self, upload: Upload) -> None:
        """Keep a small copy to show. Raises: ImageError."""
        try:
            small = read_bytes(upload.picture, at_least=PHOTO_SIDE, max_pixels=self.max_pixels)
        except ImageError as error:
            raise ImageError(str(error).replace(str(upload.path), upload.name)) from error
        self.views[upload.path] = as_jpeg(shrunk(small, PHOTO_SIDE))


def demo_files() -> tuple[Upload, Upload]:
    """Return the photograph and the painting that everybody has."""
    folder = Path(str(resources.files("stylize"))) / "demo"
    photo, painting = (Upload(folder / name, name, str(folder / name)) for name in DEMO)
    return photo, painting


def _read_mask(data: object) -> Image.Image | None:
    """Return the alpha of a PNG; None where nothing was painted, or where it is no such thing."""
    if not isinstance(data, str) or not data.startswith(PNG) or len(data) > MASK_CHARACTERS:
        return None
    try:
        stream = BytesIO(base64.b64decode(data.removeprefix(PNG), validate=True))
        with Image.open(stream, formats=["PNG"]) as image:
            if max(image.size) > MASK_SIDE:
                return None
            mask = image.convert("RGBA").getchannel("A")
    except (binascii.Error, OSError, ValueError, SyntaxError):
        return None
    return mask if mask.getbbox() else None
