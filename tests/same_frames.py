"""Clips with unchanged frames, to test quickly and separately what files do to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from stylize import Stylizer
from stylize_video.making import VideoResult, make_video
from stylize_video.settings import make_video_settings

__all__ = ["Same", "convert"]


class Same:
    """Stands in for a method, and returns frames unchanged, so that only files change them."""

    def __init__(self, stylizer: Any, styles: Any, temporal: Any = True) -> None:
        self.cuts: list[int] = []
        self.made = 0
        self.acts: dict[int, Callable[[], None]] = {}

    def __call__(self, frame: torch.Tensor, observers: Any = ()) -> torch.Tensor:
        self.made += 1
        return frame.clone()


def convert(
    stylizer: Stylizer, source: Path, output: Path, told: list[str] | None = None, **kw: Any
) -> VideoResult:
    """Rewrite a clip; `told` gets warnings, `kw` are settings and arguments of make_video."""
    run = {k: kw.pop(k) for k in ("force", "deadline", "observers", "temporal") if k in kw}
    tell = None if told is None else told.append
    return make_video(stylizer, source, [], output, make_video_settings(kw), tell=tell, **run)
