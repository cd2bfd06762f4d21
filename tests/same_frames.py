"""Clips whose frames are given back as they are: what files do to them is seen alone, and fast."""

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
    """In place of a method: gives frames back, so that what files do to them is seen alone."""

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
    """Write a clip again; `told` gets warnings, `kw` are settings and arguments of make_video."""
    run = {k: kw.pop(k) for k in ("force", "deadline", "observers", "temporal") if k in kw}
    tell = None if told is None else told.append
    return make_video(stylizer, source, [], output, make_video_settings(kw), tell=tell, **run)
