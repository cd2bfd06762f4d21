"""Files to tensors and back: orientation, colour profile, alpha, limits.

Torch is imported by the functions that make or take tensors only: paths and limits are checked
before anything heavy is loaded.
"""

from __future__ import annotations

import glob
import hashlib
import mimetypes
import os
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias, cast

from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from stylize.errors import ImageError, NonFiniteError, StylizeError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "MAX_PIXELS",
    "ImageSource",
    "Picture",
    "bytes_of",
    "expand_contents",
    "fit_size",
    "list_pictures",
    "open_image",
    "read_bytes",
    "read_image",
    "resize",
    "to_pil",
]

MAX_PIXELS = 128_000_000

# A path, "-" for standard input, an open binary file, or a picture that Pillow opened.
ImageSource: TypeAlias = str | Path | BinaryIO | Image.Image

# Of Pillow's formats those that hold pictures as pixels: EPS, for one, would run Ghostscript.
_READABLE = {
    "AVIF": (".avif",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg"),
    "JPEG2000": (".jp2",),
    "PNG": (".png",),
    "PPM": (".pbm", ".pgm", ".ppm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
_READABLE_EXTENSIONS = frozenset(suffix for known in _READABLE.values() for suffix in known)

# What undoes each EXIF orientation. `ImageOps.exif_transpose` also encodes the other EXIF data
# anew, which fails where any of it is damaged.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_GREY_16_BIT = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
_GREY_DEEP = _GREY_16_BIT | {"I", "F"}
# 32-bit values do not say which is white: (brightest value of the picture up to, then white is).
# Floats of 0 to 1 may overshoot a little; 0 to 255 is what Pillow's own conversions give.
_WHITES = ((2, 1), (255, 255), (65_535, 65_535), (float("inf"), 2**31 - 1))

_pillow_lock = threading.RLock()


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture that was read.

    Args:
        pixels: (1, 3, H, W), sRGB: float32 in [0, 1], or uint8 where that was asked for.
        alpha: (1, 1, H, W), float32 in [0, 1]; None where all of it is opaque.
        name: for messages: the path as given, or "standard input".
        sha256: of the file's bytes, in hexadecimal; of the pixel data for a `PIL.Image`.
        path: None for what is not a file.
        original_size: (width, height) upright, before any resizing.
        warnings: what was odd about the file, each with its name.
    """

    pixels: Tensor
    alpha: Tensor | None
    name: str
    sha256: str
    path: Path | None
    original_size: tuple[int, int]
    warnings: tuple[str, ...] = ()


class _Decoded(NamedTuple):
    """Colour (RGB, L or a deep grey), the value of white in it, alpha (L) and what was odd."""

    colour: Image.Image
    white: int
    alpha: Image.Image | None
    notes: list[str]


def read_image(
    source: ImageSource,
    *,
    size: int | None = None,
    max_pixels: int = MAX_PIXELS,
    as_bytes: bool = False,
) -> Picture:
    """Read a picture upright, in sRGB, whatever its mode.

    Args:
        source: a path, "-" for standard input, an open binary file or a `PIL.Image`.
        size: the longer side in pixels; a smaller picture keeps its size. None keeps any size.
        as_bytes: give pixels as uint8, a quarter of the memory.
        max_pixels: refuse a larger picture, before decoding it.

    Raises:
        ImageError: missing, empty, damaged, too large or no picture.
        UsageError: `size` is less than 1.
    """
    path = None
    if isinstance(source, Image.Image):
        name = str(getattr(source, "filename", "") or "image")
        with _pillow(name) as caught:
            decoded = _decode(source, name, max_pixels)
        sha256 = hashlib.sha256(source.tobytes()).hexdigest()
    else:
        path = Path(source) if isinstance(source, str | Path) and str(source) != "-" else None
        with _stream(source) as (stream, name), _pillow(name) as caught:
            decoded = _decode(_open_header(stream, name), name, max_pixels)
            stream.seek(0)
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    original_size = decoded.colour.size
    target = original_size if size is None else fit_size(*original_size, size)
    pixels, alpha = _to_bytes(decoded, target) if as_bytes else _to_tensors(decoded, target)
    if pixels.is_floating_point():
        if not pixels.isfinite().all():
            raise ImageError(f"{name}: has NaN or infinite values: export it again")
        pixels = pixels.clamp(0, 1)
    notes = dict.fromkeys([*decoded.notes, *(str(warning.message).strip() for warning in caught)])
    said = tuple(f"{name}: {note}" for note in notes)
    return Picture(pixels, alpha, name, sha256, path, original_size, said)


def read_bytes(path: str | Path, *, at_least: int = 0, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read a picture's colours upright, in sRGB, as an 8-bit RGB image; alpha is left out.

    Args:
        at_least: a JPEG whose shorter side is at least twice this is decoded at half the size,
            and so on: several times faster.

    Raises:
        ImageError: as of `read_image`.
    """
    with _stream(path) as (stream, name), _pillow(name):
        image = _open_header(stream, name)
        if at_least and image.width * image.height <= max_pixels:
            image.draft(None, (at_least, at_least))
        decoded = _decode(image, name, max_pixels)
    if decoded.colour.mode in _GREY_DEEP:
        return to_pil(_to_tensors(decoded, decoded.colour.size)[0])
    return decoded.colour.convert("RGB")


def fit_size(width: int, height: int, longest: int) -> tuple[int, int]:
    """Return (width, height) shrunk so that the longer side is `longest`; never enlarged.

    Raises:
        UsageError: `longest` is less than 1.
    """
    if longest < 1:
        raise UsageError(f"size is {longest}: use at least 1 pixel")
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def resize(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (N, C, H, W) in [0, 1] to `size`, (height, width), by Lanczos with antialiasing.

    Pillow's filter in float32 on the CPU; the result is back on the device, in the dtype, clamped
    to [0, 1], and carries no gradient. Pixels of that size already are returned as they are.
    One uint8 picture (1, 3, H, W) is resized in 8 bits, at a quarter of the memory.
    """
    import torch

    if tuple(pixels.shape[-2:]) == tuple(size):
        return pixels
    height, width = size
    if pixels.dtype == torch.uint8:
        resized = to_pil(pixels).resize((width, height), Image.Resampling.LANCZOS)
        return bytes_of(resized).to(pixels.device)
    planes = pixels.detach().to("cpu", torch.float32).flatten(0, 1)
    floats = [_plane(Image.fromarray(plane.numpy()), (width, height)) for plane in planes]
    return torch.stack(floats).view(*pixels.shape[:2], height, width).clamp(0, 1).to(pixels)


def to_pil(pixels: Tensor, alpha: Tensor | None = None) -> Image.Image:
    """Return (1, 3, H, W) pixels, and (1, 1, H, W) alpha, as an 8-bit RGB or RGBA image.

    Values are clamped to [0, 1] and rounded; pixels may be uint8 already.

    Raises:
        NonFiniteError: a value is NaN or infinite.
    """
    import torch

    if pixels.dtype == torch.uint8:
        colour = Image.fromarray(pixels[0].permute(1, 2, 0).cpu().numpy())
        if alpha is not None:
            colour.putalpha(Image.fromarray((alpha[0, 0] * 255).round().byte().cpu().numpy()))
        return colour
    layers = pixels if alpha is None else torch.cat((pixels, alpha.to(pixels)), dim=1)
    if not layers.isfinite().all():
        raise NonFiniteError(
            "the picture has NaN or infinite values: use float32 precision or a lower strength"
        )
    levels = (layers.detach().squeeze(0).float().clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().cpu().numpy())


def expand_contents(args: Sequence[str]) -> list[str]:
    """Return the content files that command-line arguments stand for.

    An argument is a file, "-", a folder (its picture files by extension, sorted, not those of
    folders within) or a glob that the shell left alone (its files, sorted). Order is kept; what
    comes twice is kept once. A missing file is kept: reading it says what is wrong.

    Raises:
        UsageError: a folder has no pictures, or a glob no files.
    """
    files: dict[str, str] = {}
    for arg in args:
        for file in _expand(arg):
            # Not resolve(): a link is a content of its own, with its own name.
            key = file if file == "-" else os.path.abspath(file)  # noqa: PTH100
            files.setdefault(key, file)
    return list(files.values())


def list_pictures(folder: str | Path) -> list[str]:
    """Return the picture files of a folder and of folders within, by extension, sorted."""
    return sorted(
        str(path)
        for path in Path(folder).rglob("*")
        if path.suffix.lower() in _READABLE_EXTENSIONS and path.is_file()
    )


@contextmanager
def open_image(path: str | Path) -> Iterator[tuple[Image.Image, str]]:
    """Open a picture and give its header, and its name for messages, without decoding it.

    Raises:
        ImageError: missing, empty or no picture; also for what Pillow raises inside the block.
    """
    with _stream(path) as (stream, name), _pillow(name):
        yield _open_header(stream, name), name


@contextmanager
def _stream(source: str | Path | BinaryIO) -> Iterator[tuple[BufferedReader | BytesIO, str]]:
    """Give a seekable stream of the bytes of `source`, and its name for messages."""
    if str(source) == "-":
        yield BytesIO(sys.stdin.buffer.read()), "standard input"
    elif isinstance(source, str | Path):
        with _open_file(Path(source)) as file:
            # A pipe, as of a shell's <(command), cannot go back to its start.
            yield file if file.seekable() else BytesIO(file.read()), str(source)
    else:
        yield BytesIO(source.read()), str(getattr(source, "name", "image"))


def _open_file(path: Path) -> BufferedReader:
    if path.is_dir():
        raise ImageError(f"{path}: is a folder: name a picture in it")
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise ImageError(f"{path}: no such file: check the name and the folder") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        raise ImageError(
            f"{path}: cannot be opened ({error}): check name and permissions"
        ) from error


@contextmanager
def _pillow(name: str) -> Iterator[list[warnings.WarningMessage]]:
    """Run Pillow on the file `name`: errors become ImageError, warnings go to the list given.

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
                f"{name}: not a picture, damaged, or not one of {', '.join(_READABLE)}: "
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


def _open_header(stream: BufferedReader | BytesIO, name: str) -> Image.Image:
    """Read a picture's format and size, within `_pillow`; its pixels are left for later."""
    if not stream.read(1):
        raise ImageError(f"{name}: is empty (0 bytes): fetch or export it again")
    Image.init()  # else a format that this build of Pillow lacks is a KeyError
    return Image.open(stream, formats=[known for known in _READABLE if known in Image.OPEN])


def _decode(image: Image.Image, name: str, max_pixels: int) -> _Decoded:
    """Decode a picture, within `_pillow`: upright, in sRGB, alpha apart."""
    width, height = image.size
    if width * height == 0:
        raise ImageError(f"{name}: has no pixels ({width}x{height}): export it again")
    if width * height > max_pixels:
        raise ImageError(
            f"{name}: is {width}x{height}, {width * height:,} pixels; the limit is "
            f"{max_pixels:,}: make it smaller or raise --max-pixels"
        )
    # The other pictures of an MPO are previews and depth maps, which most phones write.
    several = getattr(image, "is_animated", False) and image.format != "MPO"
    image.load()
    upright = _make_upright(image)
    colour, alpha = _part_alpha(upright)
    colour, colour_notes = _to_srgb(colour, upright)
    white, white_notes = _white(colour)
    notes = ["animated or of several pages: only the first is used"] if several else []
    return _Decoded(colour, white, alpha, [*notes, *colour_notes, *white_notes])


def _make_upright(image: Image.Image) -> Image.Image:
    turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return image if turn is None else image.transpose(turn)


def _part_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return colour as L, RGB, CMYK or deep grey, and alpha as L, or None where all is opaque."""
    deep = image.mode in _GREY_DEEP
    grey = deep or image.mode in {"1", "L", "LA", "La"}
    if not image.has_transparency_data:
        kept = deep or image.mode in {"L", "RGB", "CMYK"}
        return image if kept else image.convert("L" if grey else "RGB"), None
    layered = image.convert("LA" if grey else "RGBA")
    alpha = layered.getchannel("A")
    opaque = alpha.getextrema()[0] == 255
    return image if deep else layered.convert("L" if grey else "RGB"), None if opaque else alpha


def _to_srgb(colour: Image.Image, source: Image.Image) -> tuple[Image.Image, list[str]]:
    """Convert colour from the profile of the picture that it came from; without one, it is sRGB."""
    icc = source.info.get("icc_profile")
    notes: list[str] = []
    if icc and source.mode != "LAB":  # which Pillow itself turned into sRGB
        try:
            return _apply_profile(colour, icc), notes
        except (ImageCms.PyCMSError, OSError) as error:
            notes.append(f"colour profile ignored ({error}): colours are taken as sRGB")
    if colour.mode != "CMYK":
        return colour, notes
    notes.append("CMYK without a usable colour profile: colours are approximate")
    return colour.convert("RGB"), notes


def _apply_profile(colour: Image.Image, icc: bytes) -> Image.Image:
    """Return RGB. Raises PyCMSError or OSError for a profile that is broken or of another mode."""
    profile = ImageCms.ImageCmsProfile(BytesIO(icc))
    if colour.mode == "L" and profile.profile.xcolor_space == "RGB ":
        colour = colour.convert("RGB")  # grey pictures often keep the profile of a colour camera
    to_srgb = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), colour.mode, "RGB")
    return to_srgb.apply(colour)


def _white(colour: Image.Image) -> tuple[int, list[str]]:
    """Return which value is white, and a warning where that is a guess."""
    if colour.mode not in _GREY_DEEP:
        return 255, []
    if colour.mode in _GREY_16_BIT:
        return 65_535, []
    _, brightest = cast("tuple[float, float]", colour.convert("F").getextrema())
    # NaN is below no limit: any white will do, reading refuses it in the end.
    white = next((white for limit, white in _WHITES if brightest <= limit), 1)
    return white, [f"32-bit values up to {brightest:g}: {white} is taken as white"]


def _to_tensors(decoded: _Decoded, size: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
    """Return pixels (1, 3, H, W) and alpha (1, 1, H, W), resized to `size`, (width, height).

    Lanczos overshoots: pixels may be a little outside [0, 1], and infinite where the file's are.
    """
    import torch

    colour, alpha = decoded.colour, decoded.alpha
    pixels = _tensor(colour, decoded.white, size)
    if alpha is None:
        return pixels.expand(-1, 3, -1, -1).contiguous(), None
    opacity = _tensor(alpha, 255, size).clamp(0, 1)
    if size != colour.size and colour.mode not in _GREY_DEEP:
        # Weighted by alpha, or the colours hidden under transparent pixels bleed out as a fringe.
        black = Image.new(colour.mode, colour.size)
        weighted = _tensor(Image.composite(colour, black, alpha), decoded.white, size)
        visible = opacity > 1 / 255
        pixels = torch.where(visible, weighted / opacity, pixels)
    return pixels.expand(-1, 3, -1, -1).contiguous(), opacity


def _to_bytes(decoded: _Decoded, size: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
    """Return what `_to_tensors` does, with pixels as uint8 and nothing in float but alpha."""
    import torch

    colour, _, alpha, _ = decoded
    resized = size != colour.size
    if colour.mode in _GREY_DEEP or (alpha is not None and resized):
        pixels, opacity = _to_tensors(decoded, size)
        return (pixels.clamp(0, 1) * 255).round().to(torch.uint8), opacity
    rgb = colour.convert("RGB")
    if resized:
        rgb = rgb.resize(size, Image.Resampling.LANCZOS)
    return bytes_of(rgb), None if alpha is None else _tensor(alpha, 255, size)


def bytes_of(rgb: Image.Image) -> Tensor:
    """Return an 8-bit RGB image as (1, 3, H, W), uint8, channels last."""
    import torch

    flat = torch.frombuffer(bytearray(rgb.tobytes()), dtype=torch.uint8)
    return flat.view(1, rgb.height, rgb.width, 3).permute(0, 3, 1, 2)


def _tensor(image: Image.Image, white: int, size: tuple[int, int]) -> Tensor:
    """Return (1, bands, H, W), 1 for white, resized to `size`, (width, height).

    Each band turns to float on its own: all of a 128 megapixel picture would take 1.5 GB.
    """
    import torch

    planes = [_plane(band.convert("F"), size) for band in image.split()]
    return torch.stack(planes).unsqueeze(0) / white


def _plane(band: Image.Image, size: tuple[int, int]) -> Tensor:
    """Return a float band as (H, W), resized to `size`, (width, height)."""
    import torch

    resized = band.resize(size, Image.Resampling.LANCZOS)
    flat = torch.frombuffer(bytearray(resized.tobytes()), dtype=torch.float32)
    return flat.view(resized.height, resized.width)


def _expand(arg: str) -> list[str]:
    path = Path(arg)
    if path.is_dir():
        return _pictures_in(path)
    if arg == "-" or path.exists() or not glob.has_magic(arg):
        return [arg]
    files = sorted(file for file in glob.glob(arg, recursive=True) if Path(file).is_file())  # noqa: PTH207
    if not files:
        raise UsageError(f"{arg}: no file matches: check the pattern and the folder")
    return files


def _pictures_in(folder: Path) -> list[str]:
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be listed ({error.strerror}): check permissions"
        ) from error
    pictures = [
        str(file)
        for file in files
        if file.suffix.lower() in _READABLE_EXTENSIONS
        and not file.name.startswith(".")
        and file.is_file()
    ]
    if not pictures:
        raise UsageError(
            f"{folder}: has no pictures ({', '.join(sorted(_READABLE_EXTENSIONS))}): "
            "name another folder or a file"
        )
    return pictures
