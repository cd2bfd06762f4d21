"""What a picture file holds, brought to sRGB: orientation, colour profile, alpha, depth."""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple, cast

from PIL import ExifTags, Image, ImageCms

from stylize.errors import ImageError

__all__ = ["GREY_DEEP", "Decoded", "decode"]

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
GREY_DEEP = _GREY_16_BIT | {"I", "F"}
# 32-bit values do not say which is white: (brightest value of the picture up to, then white is).
# Floats of 0 to 1 may overshoot a little; 0 to 255 is what Pillow's own conversions give.
_WHITES = ((2, 1), (255, 255), (65_535, 65_535), (float("inf"), 2**31 - 1))


class Decoded(NamedTuple):
    """Colour (RGB, L or a deep grey), the value of white in it, alpha (L) and what was odd."""

    colour: Image.Image
    white: int
    alpha: Image.Image | None
    notes: list[str]


def decode(image: Image.Image, name: str, max_pixels: int) -> Decoded:
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
    return Decoded(colour, white, alpha, [*notes, *colour_notes, *white_notes])


def _make_upright(image: Image.Image) -> Image.Image:
    turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return image if turn is None else image.transpose(turn)


def _part_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return colour as L, RGB, CMYK or deep grey, and alpha as L, or None where all is opaque."""
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
    if colour.mode not in GREY_DEEP:
        return 255, []
    if colour.mode in _GREY_16_BIT:
        return 65_535, []
    _, brightest = cast("tuple[float, float]", colour.convert("F").getextrema())
    # NaN is below no limit: any white will do, reading refuses it in the end.
    white = next((white for limit, white in _WHITES if brightest <= limit), 1)
    return white, [f"32-bit values up to {brightest:g}: {white} is taken as white"]
