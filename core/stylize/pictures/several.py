"""Several pictures: lists, and batches as an array or a tensor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from stylize.errors import ImageError, UsageError
from stylize.pictures.arrays import as_pixels, is_array, is_batch
from stylize.pictures.reading import ImageSource, open_image

__all__ = ["as_batch", "as_sources"]


def as_sources(pictures: ImageSource | Sequence[ImageSource] | None) -> list[ImageSource]:
    """Return one picture, several (a list, a tuple or a batch) or none as a list.

    Args:
        pictures: a batch is a tensor (N, 3, H, W) or an array (N, H, W, 3).
    """
    if pictures is None:
        return []
    several = isinstance(pictures, list | tuple) or is_batch(pictures)
    return list(cast("Sequence[ImageSource]", pictures if several else [pictures]))


def as_batch(pictures: Iterable[ImageSource]) -> list[ImageSource]:
    """Return pictures as a list, after a check of each: of an array's pixels or a file's header.

    Args:
        pictures: a batch, as for `as_sources`, or any iterable.

    Raises: ImageError for one that cannot be used, with its number; UsageError for a lone picture.
    """
    single = isinstance(pictures, str | Path) or (is_array(pictures) and not is_batch(pictures))
    if single or not isinstance(pictures, Iterable) or hasattr(pictures, "read"):
        raise UsageError(
            "stylize_images takes a list or a batch: use stylize_image for one picture"
        )
    batch = list(pictures)
    if is_array(pictures) and not batch:
        raise ImageError("a batch of no pictures: use one with some")
    for number, picture in enumerate(batch, 1):
        try:
            if is_array(picture):
                as_pixels(picture, type(picture).__name__)
            elif isinstance(picture, str | Path) and str(picture) != "-":
                with open_image(picture):
                    pass
        except ImageError as error:
            raise ImageError(f"picture {number} of {len(batch)}: {error}") from error
    return batch
