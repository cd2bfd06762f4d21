"""Evaluate a picture: the judge's distances, and its structural similarity to the content."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stylize import (
    JUDGE_BACKBONE,
    JUDGE_SIZE,
    Judge,
    Picture,
    Verdict,
    judged_size,
    read_image,
    read_record,
    resize,
)
from stylize.command import import_extra, require_extra
from stylize.errors import ExtraMissingError, ImageError, ImageTooSmallError

if TYPE_CHECKING:
    from torch import Tensor

    from stylize import ImageSource, PluginHost

__all__ = ["Evaluation", "evaluate_picture", "structural_similarity"]

SSIM = "torchmetrics", "evaluate", "SSIM"


@dataclass(frozen=True)
class Evaluation:
    """The measurements of one picture.

    Args:
        verdict: the judge's distances.
        ssim: structural similarity to the content, 1 for equal; None if it was not requested.
        own_network: whether the picture's record says that it was optimised on the judge's own
            network, which flatters it; None if the picture has no record.
        warnings: what to know before believing the numbers.
    """

    verdict: Verdict
    ssim: float | None
    own_network: bool | None
    warnings: tuple[str, ...] = ()

    @property
    def record(self) -> dict[str, Any]:
        """Everything as JSON holds it, which has no NaN: distances from a blank image are None."""
        return {
            **_finite(asdict(self.verdict)),
            "ssim": self.ssim,
            "own_network": self.own_network,
            "warnings": list(self.warnings),
        }


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _finite(value)
        if isinstance(value, Mapping)
        else (value if math.isfinite(value) else None)
        for key, value in values.items()
    }


def evaluate_picture(
    picture: ImageSource,
    content: ImageSource,
    style: ImageSource,
    *,
    ssim: bool = True,
    judge: Judge | None = None,
    host: PluginHost | None = None,
    device: str = "auto",
    judge_size: int = JUDGE_SIZE,
) -> Evaluation:
    """Measure how far a picture is from its content and from its style.

    Args:
        ssim: whether to measure the structural similarity too; without the library for it, a
            warning says that it is left out.
        judge: to evaluate many pictures with one loaded network; by default made from `host`,
            `device` and `judge_size`.

    Raises:
        ImageError: one of the three cannot be read, or is too narrow a strip.
    """
    left_out: tuple[str, ...] = ()
    if ssim:
        try:
            require_extra(*SSIM)
        except ExtraMissingError as error:
            ssim, left_out = False, (f"SSIM is left out: {error}; or use --no-ssim",)
    judge = judge or Judge(host, device, size=judge_size)
    made = read_image(picture)
    # The judge needs no more pixels than its own size.
    photo, painting = (read_image(image, size=judge.size) for image in (content, style))
    weights = _recorded_weights(made)
    own = None if weights is None else judge.is_own(weights)
    return Evaluation(
        judge(made.pixels, photo.pixels, painting.pixels),
        structural_similarity(made.pixels, photo.pixels, judge.size) if ssim else None,
        own,
        (
            *left_out,
            *(warning for image in (made, photo, painting) for warning in image.warnings),
            *_doubts(made, photo, own=bool(own)),
        ),
    )


def structural_similarity(output: Tensor, content: Tensor, size: int = JUDGE_SIZE) -> float:
    """Return the SSIM of a picture (1, 3, H, W) in [0, 1] to its content, at a judge's size.

    The mean over channels and positions with a Gaussian window of deviation 1.5, as in Wang et
    al. 2004; torchmetrics computes it.

    Raises: ExtraMissingError; ImageTooSmallError if a side is under 11 pixels, the window's.
    """
    metric = import_extra("torchmetrics.functional.image", *SSIM[1:])
    height, width = seen = judged_size(content, size)
    if min(seen) < 11:
        raise ImageTooSmallError(
            f"content is {width}x{height} at the judge's size; SSIM needs 11x11: use a wider image",
            (width, height),
        )
    now, before = (resize(image, seen).detach().float().cpu() for image in (output, content))
    return float(metric.structural_similarity_index_measure(now, before, data_range=1.0))


def _recorded_weights(picture: Picture) -> str | None:
    """Return the fingerprint of the weights that a picture was made with, if it is recorded."""
    if picture.path is None:
        return None
    try:
        weights = read_record(picture.path).get("weights")
    except ImageError:  # made by something else, or its record is damaged
        return None
    return weights if isinstance(weights, str) else None


def _doubts(made: Picture, photo: Picture, *, own: bool) -> list[str]:
    """Return the reasons to trust the numbers less."""
    doubts = []
    if own:
        doubts.append(
            f"{made.name} was optimised on the judge's own network, {JUDGE_BACKBONE}: "
            f"its distances flatter it beside pictures of other networks"
        )
    (width, height), (photo_width, photo_height) = made.original_size, photo.original_size
    # A picture of the content's proportions is at most half a pixel off on each side.
    if abs(width * photo_height - height * photo_width) > max(photo_width, photo_height):
        doubts.append(
            f"{made.name} is {width}x{height} and {photo.name} is {photo_width}x{photo_height}, "
            f"of other proportions: it was stretched to compare them"
        )
    return doubts
