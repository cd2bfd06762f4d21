"""From picture files to tensors: orientation, colour profile, alpha, limits.

Only the functions that make or take tensors import torch: paths and limits are checked before
anything heavy is loaded.
"""

from __future__ import annotations

import hashlib
import mimetypes
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias, cast

from PIL import Image, UnidentifiedImageError

from stylize.contract.settings import short
from stylize.errors import ImageError, StylizeError
from stylize.missing import tell_missing
from stylize.pictures.arrays import as_pixels, is_array
from stylize.pictures.decoding import GREY_DEEP, check_size, decode
from stylize.pictures.listing import READABLE
from stylize.pictures.opening import decode_stream, open_header
from stylize.pictures.tensors import bytes_of, fit_size, resize, to_byte_tensors, to_pil, to_tensors

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = [
    "MAX_PIXELS",
    "ImageSource",
    "OpenedPicture",
    "Picture",
    "open_image",
    "open_picture",
    "read_bytes",
    "read_image",
]

MAX_PIXELS = 128_000_000
# A path, "-" for standard input, an open binary file, a picture that Pillow opened, or its pixels.
ImageSource: TypeAlias = "str | Path | BinaryIO | Image.Image | np.ndarray[Any, Any] | Tensor"
_pillow_lock = threading.RLock()


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that was read.

    Args:
        pixels: (1, 3, H, W), sRGB: float32 in [0, 1], or uint8 if requested; on the device of
            the source if that is a tensor of floats, otherwise on the CPU.
        alpha: (1, 1, H, W), float32 in [0, 1]; None if all of it is opaque.
        name: for messages: the path as given, or "standard input".
        sha256: of the file's bytes, in hexadecimal; of the pixel data if there is no file.
        path: None if the source is not a file.
        original_size: (width, height) upright, before any resizing.
        warnings: oddities of the file, each with its name.
    """

    pixels: Tensor
    alpha: Tensor | None
    name: str
    sha256: str
    path: Path | None
    original_size: tuple[int, int]
    warnings: tuple[str, ...] = ()


def read_image(
    source: ImageSource,
    *,
    size: int | None = None,
    max_pixels: int = MAX_PIXELS,
    as_bytes: bool = False,
) -> Picture:
    """Read a picture upright, in sRGB, whatever its mode.

    Args:
        source: a path, "-" for standard input, an open binary file, a `PIL.Image`, an array
            (H, W, 3) or a tensor (3, H, W) or (1, 3, H, W): uint8, or floats in [0, 1].
        size: the longer side in pixels; a smaller picture keeps its size. None keeps any size.
        as_bytes: return pixels as uint8, a quarter of the memory.
        max_pixels: reject a larger picture before decoding it.

    Raises:
        ImageError: missing, empty, damaged, too large or no picture.
        UsageError: `size` is less than 1.
    """
    return open_picture(source, max_pixels=max_pixels).at(size, as_bytes=as_bytes)


def open_picture(source: ImageSource, *, max_pixels: int = MAX_PIXELS) -> OpenedPicture:
    """Read and decode a picture once, to convert it to any sizes.

    Args:
        source, max_pixels: as for `read_image`.

    Raises:
        ImageError: missing, empty, damaged, too large or no picture.
    """
    path, name = None, ""
    if is_array(source):
        name = type(source).__name__
        pixels = as_pixels(source, name)
        if pixels.is_floating_point():
            return _open_floats(pixels, name, max_pixels)
        source = to_pil(pixels)
    if isinstance(source, Image.Image):
        name = name or str(getattr(source, "filename", "") or "image")
        with _pillow(name) as caught:
            decoded = decode(source, name, max_pixels)
        sha256 = hashlib.sha256(source.tobytes()).hexdigest()
    else:
        path = Path(source) if isinstance(source, str | Path) and str(source) != "-" else None
        with _stream(cast("BinaryIO", source)) as (stream, name), _pillow(name) as caught:
            decoded = decode_stream(stream, name, max_pixels)
            stream.seek(0)
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    notes = dict.fromkeys([*decoded.notes, *(str(warning.message).strip() for warning in caught)])
    said = tuple(f"{name}: {note}" for note in notes)

    def convert(size: tuple[int, int], as_bytes: bool) -> tuple[Tensor, Tensor | None]:
        return (to_byte_tensors if as_bytes else to_tensors)(decoded, size)

    return OpenedPicture(decoded.colour.size, convert, name, sha256, path, said)


def _open_floats(pixels: Tensor, name: str, max_pixels: int) -> OpenedPicture:
    """Return a picture of floats (1, 3, H, W) in [0, 1]."""
    height, width = pixels.shape[-2:]
    check_size(width, height, name, max_pixels)

    def convert(size: tuple[int, int], as_bytes: bool) -> tuple[Tensor, None]:
        resized = resize(pixels, (size[1], size[0]))
        return (bytes_of(to_pil(resized)) if as_bytes else resized), None

    sha256 = hashlib.sha256(pixels.cpu().numpy().tobytes()).hexdigest()
    return OpenedPicture((width, height), convert, name, sha256, None, ())


@dataclass(frozen=True, eq=False)
class OpenedPicture:
    """A decoded picture; see `Picture` for its name and other attributes.

    Args:
        size: (width, height).
        convert: returns pixels and alpha in a size, as uint8 if the second argument is true.
    """

    size: tuple[int, int]
    convert: Callable[[tuple[int, int], bool], tuple[Tensor, Tensor | None]]
    name: str
    sha256: str
    path: Path | None
    warnings: tuple[str, ...]

    def at(self, size: int | None, *, as_bytes: bool = False) -> Picture:
        """Return the picture with a longer side of at most `size`, as `read_image` does.

        Raises:
            ImageError: a value is NaN or infinite.
            UsageError: `size` is less than 1.
        """
        target = self.size if size is None else fit_size(*self.size, size)
        pixels, alpha = self.convert(target, as_bytes)
        if pixels.is_floating_point():
            if not pixels.isfinite().all():
                raise ImageError(f"{self.name}: has NaN or infinite values: export it again")
            pixels = pixels.clamp(0, 1)
        return Picture(pixels, alpha, self.name, self.sha256, self.path, self.size, self.warnings)


def read_bytes(path: str | Path, *, at_least: int = 0, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read a picture's colours upright, in sRGB, as an 8-bit RGB image; alpha is left out.

    Args:
        at_least: a JPEG whose shorter side is at least twice this is decoded at half the size,
            if at least four times, at a quarter, and so on: several times faster.

    Raises:
        ImageError: as for `read_image`.
    """
    with _stream(path) as (stream, name), _pillow(name):
        decoded = decode_stream(stream, name, max_pixels, at_least)
    if decoded.colour.mode in GREY_DEEP:
        return to_pil(to_tensors(decoded, decoded.colour.size)[0])
    return decoded.colour.convert("RGB")


@contextmanager
def open_image(path: str | Path) -> Iterator[tuple[Image.Image, str]]:
    """Open a picture and give its header, and its name for messages, without decoding it.

    Raises:
        ImageError: missing, empty or no picture; also for Pillow's errors inside the block.
    """
    with _stream(path) as (stream, name), _pillow(name):
        yield open_header(stream, name), name


@contextmanager
def _stream(source: str | Path | BinaryIO) -> Iterator[tuple[BufferedReader | BytesIO, str]]:
    """Give a seekable stream of the bytes of `source`, and its name for messages."""
    if str(source) == "-":
        if sys.stdin is None:
            raise ImageError("standard input is closed: name a file, or send a picture to it")
        yield BytesIO(sys.stdin.buffer.read()), "standard input"
    elif isinstance(source, str | Path):
        with _open_file(Path(source)) as file:
            # A pipe, such as a shell's <(command), cannot go back to its start.
            yield file if file.seekable() else BytesIO(file.read()), str(source)
    elif hasattr(source, "read"):
        yield BytesIO(source.read()), str(getattr(source, "name", "image"))
    else:
        raise ImageError(
            f"a picture is {short(source)}: use a path, a PIL.Image, an array (H, W, 3), a tensor "
            f"(3, H, W) or an open binary file; stylize_images takes several"
        )


def _open_file(path: Path) -> BufferedReader:
    if path.is_dir():
        raise ImageError(f"{path}: is a folder: name a picture in it")
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise ImageError(tell_missing(path)) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        raise ImageError(
            f"{path}: cannot be opened ({error}): check name and permissions"
        ) from error


@contextmanager
def _pillow(name: str) -> Iterator[list[warnings.WarningMessage]]:
    """Run Pillow on the file `name`: errors become ImageError, warnings go to the yielded list.

    Pillow's own size limit is lifted: ours is checked first, and the user can raise it. That
    limit and the warning filters are global to the process, hence the lock.
    """
    with _pillow_lock, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield caught
        except StylizeError:
            raise
        except UnidentifiedImageError as error:
            if (mimetypes.guess_type(name)[0] or "").startswith("video/"):
                raise ImageError(
                    f"{name}: is a video, not a picture: use stylize video {name} ..."
                ) from error
            raise ImageError(
                f"{name}: not a picture, damaged, or not one of {', '.join(READABLE)}: "
                "fetch it again, or convert it to PNG"
            ) from error
        except MemoryError as error:
            raise ImageError(f"{name}: does not fit in memory: make it smaller first") from error
        except Exception as error:  # decoders raise anything at all for a damaged file
            raise ImageError(
                f"{name}: damaged or cut short ({error}): fetch or export it again"
            ) from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit
