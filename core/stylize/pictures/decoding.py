"""The contents of a picture file, converted to sRGB: orientation, profile, alpha, depth."""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple, cast

from PIL import ExifTags, Image, ImageCms

from stylize.errors import ImageError

__all__ = ["GREY_DEEP", "Decoded", "check_size", "decode"]

# The inverse of each EXIF orientation. `ImageOps.exif_transpose` also encodes the other EXIF data
# again, which fails if any of it is damaged.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# TIFF's tags, and the gamma of a PNG that is sRGB.
PHOTOMETRIC, MIN_IS_WHITE, BITS_PER_SAMPLE = 262, 0, 258
SRGB_GAMMA = 0.45455
_GREY_16_BIT = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
GREY_DEEP = _GREY_16_BIT | {"I", "F"}
# 32-bit values do not define white: (limit of the picture's brightest value, white up to it).
# Floats of 0 to 1 may overshoot a little; 0 to 255 is what Pillow's own conversions give.
_WHITES = ((2, 1), (255, 255), (65_535, 65_535), (float("inf"), 2**31 - 1))


class Decoded(NamedTuple):
    """Colour (RGB, L or a deep grey), its value of white, alpha (L) and notes on oddities."""

    colour: Image.Image
    white: int
    alpha: Image.Image | None
    notes: list[str]


def decode(image: Image.Image, name: str, max_pixels: int, *, damaged: bool = False) -> Decoded:
    """Decode a picture, within `_pillow`: upright, in sRGB, alpha apart.

    Args:
        damaged: the picture is damaged, and is read without its missing parts.

    Raises: ImageError; whatever Pillow raises.
    """
    check_size(*image.size, name, max_pixels)
    # The other pictures of an MPO are previews and depth maps, which most phones write.
    several = not damaged and getattr(image, "is_animated", False) and image.format != "MPO"
    image.load()
    notes = ["animated or of several pages: only the first is used"] if several else []
    image = _without_quirks(image, notes)
    upright = _make_upright(image, notes)
    colour, alpha = _part_alpha(upright)
    colour, colour_notes = _to_srgb(colour, upright)
    white, white_notes = _white(colour, image)
    return Decoded(colour, white, alpha, [*notes, *colour_notes, *white_notes])


def check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    """Raise ImageError for a picture of no pixels or too many."""
    if width * height == 0:
        raise ImageError(f"{name}: has no pixels ({width}x{height}): export it again")
    if width * height > max_pixels:
        raise ImageError(
            f"{name}: is {width}x{height}, {width * height:,} pixels; the limit is "
            f"{max_pixels:,}: make it smaller or raise --max-pixels"
        )


def _without_quirks(image: Image.Image, notes: list[str]) -> Image.Image:
    """Handle what Pillow ignores: inverted grey, gamma, and unused alpha."""
    deep_tiff = image.format == "TIFF" and image.mode in _GREY_16_BIT
    if deep_tiff and _tag(image, PHOTOMETRIC) == MIN_IS_WHITE:
        return _invert_deep(image, _deepest(image))
    layered = image.format == "BMP" and image.mode == "RGBA"
    if layered and image.getchannel("A").getextrema() == (0, 0):
        notes.append("its alpha is 0 throughout, as of programs that leave it unused: opaque")
        return image.convert("RGB")
    gamma = image.info.get("gamma")
    own = {"icc_profile", "srgb"} & image.info.keys()
    if image.format == "PNG" and gamma and not own and abs(gamma - SRGB_GAMMA) > 0.01:
        if image.mode not in ("L", "RGB", "LA", "RGBA"):
            notes.append(f"its gamma of {gamma:g} is ignored: colours are taken as sRGB")
        else:
            notes.append(f"its gamma of {gamma:g} is turned into that of sRGB")
            levels = [_from_gamma(value / 255, gamma) for value in range(256)]
            bands = image.split()
            colours = [band.point(levels) for band in bands if band is not bands[-1]]
            last = bands[-1] if image.mode.endswith("A") else bands[-1].point(levels)
            return Image.merge(image.mode, [*colours, last])
    return image


def _from_gamma(value: float, gamma: float) -> int:
    """Return the sRGB level, 0 to 255, of a value of a file of this gamma, 1 for white."""
    light = value ** (1 / gamma)
    code = 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
    return round(255 * min(max(float(code), 0.0), 1.0))


def _invert_deep(image: Image.Image, white: int) -> Image.Image:
    import numpy as np

    values = white - np.asarray(image).astype(np.int32)
    return Image.fromarray(values.clip(0, white).astype(np.uint16))


def _deepest(image: Image.Image) -> int:
    """Return the white of a grey picture of up to 16 bits; TIFF may use fewer."""
    return 4095 if _tag(image, BITS_PER_SAMPLE) == (12,) else 65_535


def _tag(image: Image.Image, number: int) -> object:
    """Return one of TIFF's tags."""
    found: object = getattr(image, "tag_v2", {}).get(number)
    return found


def _make_upright(image: Image.Image, notes: list[str]) -> Image.Image:
    try:
        turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception as error:  # of all kinds
        notes.append(f"its EXIF data cannot be read ({error}): it is taken as upright")
        turn = None
    return image if turn is None else image.transpose(turn)


def _part_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return colour as L, RGB, CMYK or deep grey, and alpha as L, or None if all is opaque."""
    deep = image.mode in GREY_DEEP
    grey = deep or image.mode in {"1", "L", "LA", "La"}
    if not image.has_transparency_data:
        kept = deep or image.mode in {"L", "RGB", "CMYK"}
        return image if kept else image.convert("L" if grey else "RGB"), None
    layered = image.convert("LA" if grey else "RGBA")
    alpha = layered.getchannel("A")
    opaque = alpha.getextrema()[0] == 255
    return image if deep else layered.convert("L" if grey else "RGB"), None if opaque else alpha


def _to_srgb(colour: Image.Image, source: Image.Image) -> tuple[Image.Image, list[str]]:
    """Convert colour from the profile of its source picture; without one, it is sRGB."""
    icc = source.info.get("icc_profile")
    notes: list[str] = []
    if icc and source.mode != "LAB":  # Pillow itself turned LAB into sRGB
        try:
            return _apply_profile(colour, icc), notes
        except Exception as error:  # of all kinds
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


def _white(colour: Image.Image, source: Image.Image) -> tuple[int, list[str]]:
    """Return the value of white, and a warning if it is a guess."""
    if colour.mode not in GREY_DEEP:
        return 255, []
    if colour.mode in _GREY_16_BIT:
        return _deepest(source), []
    _, brightest = cast("tuple[float, float]", colour.convert("F").getextrema())
    # NaN is below no limit: any white will do, as reading rejects it in the end.
    white = next((white for limit, white in _WHITES if brightest <= limit), 1)
    return white, [f"32-bit values up to {brightest:g}: {white} is taken as white"]
