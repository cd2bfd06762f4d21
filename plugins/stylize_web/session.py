"""The state of one tab: its photographs, clips, paintings, mask, thumbnails and pictures."""

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

__all__ = ["MOVE", "REMOVE", "Session", "demo_files"]

# Limits for a mask from the page: length in characters, and longer side in pixels.
MASK_CHARACTERS, MASK_SIDE = 4_000_000, 2048
PNG = "data:image/png;base64,"
PHOTO_SIDE = 768
# Extensions of files that are read as clips.
CLIPS = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".3gp", ".ogv",
)  # fmt: skip
# Keys of the buttons for the chosen photograph: use it as a painting; take it off the page.
MOVE, REMOVE = "move", "remove"


@dataclass(eq=False)
class Session:
    """The state of a tab.

    Args:
        folder: its own folder, deleted when the tab is closed.
        max_pixels: the largest accepted picture or frame.
        photos: the photographs and clips, in the order in which they were dropped.
        photo: the chosen photograph or clip.
        paintings: the dropped styles.
        chosen: the key of the chosen style.
        views: small copies of the photographs to show, as JPEG.
        mask: where the style applies in the chosen photograph; None for everywhere.
        thumbnails: photographs in styles, as JPEG; empty until they are made, None if they fail.
        jobs: the requested pictures, oldest first.
        shown: the job that the page shows.
        notice: the last problem, to show to users.
        sent: the contents of each part of the page as last sent.
        closed: whether the tab is closed.
        lock: held while the session is changed or rendered.
    """

    folder: Path
    max_pixels: int
    photos: list[Upload] = field(default_factory=list)
    photo: Upload | None = None
    paintings: list[Style] = field(default_factory=list)
    chosen: str = ""
    views: dict[Path, bytes] = field(default_factory=dict)
    mask: Image.Image | None = None
    thumbnails: dict[tuple[Path, str], bytes | None] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    shown: Job | None = None
    notice: str = ""
    sent: dict[str, object] = field(default_factory=dict)
    closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: count[int] = field(default_factory=count)
    _small: tuple[Path, Image.Image] | None = None

    def add_photos(self, files: Iterable[str]) -> None:
        """Take uploaded photographs and clips, and report files that are neither."""
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
        """Take the demo pair."""
        photo, painting = demo_files()
        if photo not in self.photos:
            self._look_at(photo)
            self.photos.append(photo)
        self._choose(photo)
        if painting not in [style.painting for style in self.paintings]:
            self._add_style(painting)

    def choose_photo(self, key: str) -> None:
        """Choose a photograph by its number; MOVE and REMOVE act on the chosen one."""
        self.notice = ""
        chosen = self.photo
        if chosen is not None and (key == REMOVE or (key == MOVE and chosen.still is None)):
            self.photos.remove(chosen)
            self._choose(self.photos[-1] if self.photos else None)
            if key == MOVE:
                self._add_style(chosen)
        elif key.isdecimal() and int(key) < len(self.photos):
            self._choose(self.photos[int(key)])

    def choose_style(self, key: str) -> None:
        """Choose a style by its key."""
        self.notice, self.chosen = "", key

    def choose_job(self, key: str) -> None:
        """Show a picture of the history, finished or not."""
        self.notice = ""
        if key.isdecimal() and int(key) < len(self.jobs):
            self.shown = self.jobs[int(key)]

    def paint_mask(self, data: object) -> None:
        """Take the mask of the chosen photograph, a PNG as a data URL whose alpha is the mask."""
        self.mask = _read_mask(data) if self.photo and not self.photo.still else None

    def new_folder(self) -> Path:
        """Return the path of a new folder."""
        self.folder.mkdir(exist_ok=True)
        return self.folder / str(next(self._numbers))

    def small(self, photo: Upload, side: int) -> Image.Image:
        """Return a small photograph, or first frame, for thumbnails; the last one is cached."""
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
        """Take an upload; return None and set a notice if it cannot be used."""
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
                f"{file.name}: has {pixels / 1e6:.0f} million pixels; the limit is "
                f"{self.max_pixels / 1e6:.0f} million: make it smaller first, or raise "
                f"--max-pixels"
            )
        return Upload(self._move(file), file.name, file.name)

    def _take_clip(self, file: Path) -> Upload:
        """Move a clip into a folder of the session. Raises: VideoError, ExtraMissingError."""
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
    """Return the photograph and the painting of the demo."""
    folder = Path(str(resources.files("stylize"))) / "demo"
    photo, painting = (Upload(folder / name, name, str(folder / name)) for name in DEMO)
    return photo, painting


def _read_mask(data: object) -> Image.Image | None:
    """Return the alpha of a PNG; None if nothing was painted, or if it is not a valid mask."""
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
