"""The nodes. Each is a class that follows ComfyUI's contract; stylize does the work."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from stylize import (
    JUDGE_SIZE,
    ClipStylizer,
    Kind,
    ModelFile,
    PluginHost,
    Stylizer,
    evaluate_picture,
    find_model,
    get_spec,
    known_models,
    list_methods,
    make_settings,
)
from stylize.command import parse_assignments

from .pictures import blend, to_frames, to_images, to_photographs
from .watching import Watcher

HOST = PluginHost.discover()

STRENGTH_HELP = "How strong the style is."
STRENGTH = ("FLOAT", {"default": 1.0, "min": 0, "max": 10, "step": 0.05, "tooltip": STRENGTH_HELP})
SHARE_HELP = "Share of the style in a blend with the photograph."
SHARE = ("FLOAT", {"default": 1.0, "min": 0, "max": 1, "step": 0.05, "tooltip": SHARE_HELP})
SIZE_HELP = "Longer side in pixels, never enlarged; 0 keeps the size."
SIZE = ("INT", {"default": 0, "min": 0, "max": 16384, "tooltip": SIZE_HELP})
KEEP_COLOR = (["none", "luminance", "histogram"], {"tooltip": "Keep the photograph's colours."})
SEED = ("INT", {"default": 0, "min": 0, "max": 2**63 - 1})
SETTINGS_HELP = "Settings of parts, one PART.OPTION=VALUE per line."
SETTINGS = ("STRING", {"default": "", "multiline": True, "tooltip": SETTINGS_HELP})
MASK = ("MASK", {"tooltip": "The area to stylise; the rest stays as it is."})


class StylizeModel:
    """A STYLIZE_MODEL: a trained model, with its network loaded for the last settings."""

    def __init__(self, file: ModelFile) -> None:
        self.file = file
        self._made: tuple[Mapping[str, object], Stylizer] | None = None

    def stylizer(self, settings: Mapping[str, object]) -> Stylizer:
        """Return a stylizer with these settings. Raises: StylizeError."""
        if self._made is None or self._made[0] != settings:
            given = {**settings, "model": str(self.file.path)}
            with torch.inference_mode(False):
                self._made = settings, Stylizer(make_settings(given, HOST), HOST)
        return self._made[1]


class StylizeLoadModel:
    """Finds a trained model."""

    TITLE = "Load Style Model"
    CATEGORY = "stylize"
    DESCRIPTION = "A trained model: from the folder that `stylize models` prints, or stylize's own."
    RETURN_TYPES = ("STYLIZE_MODEL",)
    RETURN_NAMES = ("model",)
    FUNCTION = "load"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 (ComfyUI's name)
        names = [model.name for model in known_models(HOST) if isinstance(model, ModelFile)]
        return {"required": {"name": (names, {"tooltip": "stylize models lists them."})}}

    def load(self, name: str) -> tuple[StylizeModel]:
        return (StylizeModel(find_model(HOST, name)),)


class StylizeByModel:
    """Each image in the style of a trained model."""

    TITLE = "Stylize by Model"
    CATEGORY = "stylize"
    DESCRIPTION = "Fast: one pass through a trained network. The model `any` also needs a painting."
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "stylize"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {
            "required": {
                "images": ("IMAGE",),
                "model": ("STYLIZE_MODEL",),
                "strength": SHARE,
                "keep_color": KEEP_COLOR,
                "size": SIZE,
            },
            "optional": {"style": ("IMAGE",), "mask": MASK, "settings": SETTINGS},
        }

    def stylize(
        self,
        images: Tensor,
        model: StylizeModel,
        strength: float,
        keep_color: str,
        size: int,
        style: Tensor | None = None,
        mask: Tensor | None = None,
        settings: str = "",
    ) -> tuple[Tensor]:
        stylizer = model.stylizer(
            _settings(settings, strength=strength, keep_color=keep_color, size=size or "full")
        )
        return (_make(stylizer, images, style, mask),)


class StylizeByPainting:
    """Each image in the style of a painting, by optimisation."""

    TITLE = "Stylize by Painting"
    CATEGORY = "stylize"
    DESCRIPTION = "Any painting; a batch of paintings is blended. Takes seconds to minutes."
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "stylize"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        methods = [
            name
            for name in list_methods(host=HOST)
            if not get_spec(Kind.METHOD, name, HOST).trainable
        ]
        default = "neighbors" if "neighbors" in methods else methods[0]
        return {
            "required": {
                "images": ("IMAGE",),
                "style": ("IMAGE",),
                "method": (methods, {"default": default}),
                "quality": (["draft", "good", "best"], {"default": "good"}),
                "strength": STRENGTH,
                "keep_color": KEEP_COLOR,
                "size": ("INT", {**SIZE[1], "default": 512}),
                "seed": SEED,
            },
            "optional": {"mask": MASK, "settings": SETTINGS},
        }

    def stylize(
        self,
        images: Tensor,
        style: Tensor,
        method: str,
        quality: str,
        strength: float,
        keep_color: str,
        size: int,
        seed: int,
        mask: Tensor | None = None,
        settings: str = "",
    ) -> tuple[Tensor]:
        given = _settings(
            settings,
            method=method,
            quality=quality,
            strength=strength,
            keep_color=keep_color,
            size=size or "full",
            seed=seed,
        )
        with torch.inference_mode(False):
            stylizer = Stylizer(make_settings(given, HOST), HOST)
        return (_make(stylizer, images, style, mask),)


class StylizeVideo:
    """Frames of a clip in the style of a trained model, with strokes held still."""

    TITLE = "Stylize Video by Model"
    CATEGORY = "stylize"
    DESCRIPTION = "The batch holds a clip's frames, in order. Strokes stay steady between frames."
    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "stylize"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {
            "required": {
                "frames": ("IMAGE",),
                "model": ("STYLIZE_MODEL",),
                "strength": SHARE,
                "size": SIZE,
                "hold_still": ("BOOLEAN", {"default": True}),
            },
            "optional": {"style": ("IMAGE",), "mask": MASK, "settings": SETTINGS},
        }

    def stylize(
        self,
        frames: Tensor,
        model: StylizeModel,
        strength: float,
        size: int,
        hold_still: bool,
        style: Tensor | None = None,
        mask: Tensor | None = None,
        settings: str = "",
    ) -> tuple[Tensor]:
        stylizer = model.stylizer(_settings(settings, strength=strength))
        watcher = Watcher(len(frames))
        stylizer.cancelled = watcher.cancelled
        made = []
        with torch.inference_mode(False):
            clip = ClipStylizer(stylizer, _paintings(style), hold_still)
            for frame in to_frames(frames.clone(), size):
                made.append(clip(frame, [watcher]))
                watcher.finish_picture()
        return (blend(to_images(made), frames, mask),)


class StylizeEvaluate:
    """Distances of a picture from its photograph and its painting."""

    TITLE = "Evaluate Style Transfer"
    CATEGORY = "stylize"
    DESCRIPTION = "Distances from the photograph's content and the painting's style; 0 means equal."
    RETURN_TYPES = ("FLOAT", "FLOAT", "FLOAT", "FLOAT", "STRING")
    RETURN_NAMES = ("content", "style", "structure", "strokes", "json")
    FUNCTION = "evaluate"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        image = ("IMAGE",)
        size = {"default": JUDGE_SIZE, "min": 32, "max": 2048, "tooltip": "Longer side to judge."}
        return {
            "required": {
                "picture": image,
                "photograph": image,
                "painting": image,
                "judge_size": ("INT", size),
            }
        }

    def evaluate(
        self, picture: Tensor, photograph: Tensor, painting: Tensor, judge_size: int
    ) -> tuple[float, float, float, float, str]:
        pictures = [to_photographs(images[:1])[0] for images in (picture, photograph, painting)]
        with torch.inference_mode(False):
            found = evaluate_picture(*pictures, ssim=False, judge_size=judge_size, host=HOST)
        verdict = found.verdict
        text = json.dumps(asdict(verdict), indent=2)
        return verdict.content, verdict.style, verdict.structure, verdict.strokes, text


NODES = (StylizeLoadModel, StylizeByModel, StylizeByPainting, StylizeVideo, StylizeEvaluate)


def _settings(lines: str, **settings: object) -> dict[str, object]:
    """Return run settings, with the parts' settings read from lines. Raises: UsageError."""
    options = parse_assignments(line for line in lines.splitlines() if line.strip())
    return {**settings, "options": options}


def _paintings(style: Tensor | None) -> Sequence[Image.Image]:
    return [] if style is None else to_photographs(style)


def _make(stylizer: Stylizer, images: Tensor, style: Tensor | None, mask: Tensor | None) -> Tensor:
    """Return each image stylised, (N, H, W, 3). Raises: StylizeError."""
    watcher = Watcher(len(images))
    stylizer.cancelled = watcher.cancelled
    paintings = _paintings(style)
    made = []
    # ComfyUI runs nodes in inference mode, in which nothing can be optimised.
    with torch.inference_mode(False):
        for photograph in to_photographs(images):
            made.append(stylizer(photograph, paintings, [watcher]).pixels)
            watcher.finish_picture()
    return blend(to_images(made), images, mask)
