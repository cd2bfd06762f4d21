"""Opening and decoding picture files with Pillow, including damaged files and HEIC.

All of it runs within a context that turns Pillow's errors into ours and keeps other threads out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from typing import TypeAlias, cast

from PIL import Image, ImageChops, ImageFile, UnidentifiedImageError

from stylize.errors import ImageError, StylizeError
from stylize.pictures.decoding import Decoded, decode
from stylize.pictures.listing import READABLE

__all__ = ["decode_stream", "open_header"]

DAMAGED = "a part of the file is damaged or missing ({})"
Stream: TypeAlias = BufferedReader | BytesIO
JPEG, JPEG_END = b"\xff\xd8", b"\xff\xd9"
# Fillers for missing bytes: neither black nor a marker of any format. A decoder may stop at one of
# them, as at the end of a GIF.
FILLERS = b"\x55", b"\xaa"
# A damaged picture may lack one in this many of its pixels, or a JPEG block and its rim.
FEW, BLOCK = 50, 18 * 18
# The brands of HEIC files.
HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def decode_stream(stream: Stream, name: str, max_pixels: int, at_least: int = 0) -> Decoded:
    """Decode a file, even a damaged one if nearly all of its pixels are there.

    Args:
        at_least: as for `read_bytes`.
    """

    def read(file: Stream, damaged: bool = True) -> Decoded:
        file.seek(0)
        image = open_header(file, name)
        if at_least and image.width * image.height <= max_pixels:
            image.draft(None, (at_least, at_least))
        return decode(image, name, max_pixels, damaged=damaged)

    try:
        return read(stream, damaged=False)
    except (StylizeError, MemoryError):
        raise
    except Exception as error:  # decoders raise anything at all
        with _leaving_out():
            try:
                decoded, missing = _read_damaged(stream, read)
            except Exception:
                raise error from None
        size = decoded.colour.size
        if missing > max(BLOCK, size[0] * size[1] // FEW):
            raise
        decoded.notes.insert(0, DAMAGED.format(error))
        if missing:
            decoded.notes.insert(1, f"up to {missing} of its pixels are missing")
        return decoded


def _read_damaged(stream: Stream, read: Callable[[Stream], Decoded]) -> tuple[Decoded, int]:
    """Return the readable part of a file, and about how many of its pixels are missing.

    Pixels that are in the file stay the same, whichever bytes complete it.
    """
    stream.seek(0)
    data = stream.read()
    # The last block of a JPEG is decoded only with the end marker.
    end = JPEG_END if data.startswith(JPEG) else b""
    decoded = read(BytesIO(data + end))
    colours = decoded.colour.convert("RGB")
    width, height = colours.size
    last = cast("tuple[int, int, int]", colours.getpixel((width - 1, height - 1)))
    box = ImageChops.difference(colours, Image.new("RGB", colours.size, last)).getbbox()
    missing = width * (height - (box[3] if box else 0))
    for filler in FILLERS:
        try:
            other = read(BytesIO(data + filler * (4 * width * height) + end))
        except Exception:  # such as PNG, which checks its chunks by their sums
            continue
        unlike = ImageChops.difference(colours, other.colour.convert("RGB")).convert("L")
        missing = max(missing, width * height - unlike.histogram()[0])
    return decoded, missing


@contextmanager
def _leaving_out() -> Iterator[None]:
    """Make Pillow leave out the parts of a file that it cannot read."""
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def open_header(stream: Stream, name: str) -> Image.Image:
    """Read a picture's format and size; its pixels are left for later.

    Raises: ImageError; whatever Pillow raises.
    """
    if not stream.read(1):
        raise ImageError(f"{name}: is empty (0 bytes): fetch or export it again")
    # The commonest first: importing the others takes longer than reading a picture.
    for prepare in (Image.preinit, Image.init, lambda: _add_heic(stream, name)):
        prepare()
        try:
            return _open_known(stream)
        except UnidentifiedImageError as error:
            unknown = error
        except Exception as error:  # the data beside the pixels are damaged
            warnings.warn(DAMAGED.format(error), stacklevel=2)
            break
    else:
        raise unknown
    with _leaving_out():
        return _open_known(stream)


def _open_known(stream: Stream) -> Image.Image:
    stream.seek(0)
    # A format that this build of Pillow lacks, or that is not loaded, would be a KeyError.
    return Image.open(stream, formats=[known for known in READABLE if known in Image.OPEN])


def _add_heic(stream: Stream, name: str) -> None:
    """Add the reader of HEIC, if the file is one. Raises: ImageError."""
    stream.seek(0)
    start = stream.read(12)
    if start[4:8] != b"ftyp" or start[8:] not in HEIC:
        return
    try:
        import pillow_heif
    except ImportError as error:
        raise ImageError(
            f"{name}: is HEIC, as iPhones make, and pillow-heif, which reads it, is not installed: "
            f"pip install 'stylize-nst[heif]', or convert it to JPEG"
        ) from error
    pillow_heif.register_heif_opener()
