"""Two training steps of each trainable method, and a clip with its flow on the CPU."""

from __future__ import annotations

from typing import Any

import torch

from gpu.agreement import LEVELS
from gpu.kit import Kit, exact, methods
from gpu.matrix import SMALL
from gpu.tasks import Clock, Outcome, Section, Task
from stylize import MethodSpec, Run, Stylizer, make_plan, make_settings, to_pil
from stylize.testing.pictures import image_pair

__all__ = ["clips", "prepare_training", "training"]

# The model of the clips.
MODEL = "starry_night"


def prepare_training(kit: Kit, spec: MethodSpec, precision: str, **settings: Any) -> Any:
    """Return a training run of `stylize train` on pictures of noise."""
    from small_training import make_photographs
    from stylize_train.session import Training
    from stylize_train.settings import TrainingSettings

    photographs = kit.folder / "photographs"
    if not photographs.exists():
        make_photographs(photographs, count=12, size=(320, 280))
    painting = kit.folder / "painting.png"
    if not painting.exists():
        to_pil(image_pair(256)[1]).save(painting)
    options = {spec.name: SMALL[spec.name]} if spec.name in SMALL and kit.extent.crop < 64 else {}
    values = {
        "method": spec.name,
        "device": str(kit.device),
        "precision": precision,
        "options": options,
    }
    plain = {"steps": 2, "batch": kit.extent.batch, "crop": max(48, kit.extent.crop), "zoom": 1}
    return Training(
        kit.host,
        make_plan(kit.host, make_settings(values), training=True),
        TrainingSettings.model_validate({**plain, "workers": 0, "validation": 0, **settings}),
        photographs,
        kit.folder / f"{spec.name}_{precision}.safetensors",
        () if spec.needs_style else (str(painting),),
        photographs if spec.needs_style else None,
        force=True,
        tell=[].append,
    )


def training(kit: Kit) -> Section:
    """Return the section that takes two steps of `stylize train` and applies the model."""
    tasks = [
        Task(f"{spec.name}, {precision}", _training_task(kit, spec, precision))
        for spec in methods(kit.host, trainable=True)
        for precision in kit.precisions
    ]
    return Section("Training two steps", 0.08, tasks)


def _training_task(kit: Kit, spec: MethodSpec, precision: str) -> Any:
    def run(_: Clock) -> Outcome:
        steps = Run()
        model = prepare_training(kit, spec, precision)(steps)
        parts = kit.parts(getattr(torch, precision), method=spec.name, model=str(model.path))
        made = kit.make(parts, 64)
        finite = all(
            value == value and abs(value) < float("inf") for value in steps.losses.values()
        )
        return Outcome(
            {name: float(value) for name, value in steps.losses.items()},
            {
                "two steps": steps.steps_done == 2,
                "finite losses": bool(steps.losses) and finite,
                "the model makes a picture": bool(made.isfinite().all()),
            },
        )

    return run


def clips(kit: Kit, cpu: Kit) -> Section:
    """Return the section that compares frames of a clip held still to the CPU's."""

    def task(settings: dict[str, Any], limit: float) -> Any:
        return lambda _: _clip(kit, cpu, settings, limit)

    frames = {"method": "gatys", "options": {"gatys": {"scales": [1.0], "iterations": [3]}}}
    return Section(
        "Video, its flow on the CPU",
        0.05,
        [
            Task(MODEL, task({"model": MODEL}, 1.0)),
            Task("gatys", task(frames, 2 * LEVELS["picture"])),
        ],
    )


def _clip(kit: Kit, cpu: Kit, settings: dict[str, Any], limit: float) -> Outcome:
    """Make three frames of a pan on both, and compare the last, in which all errors add up."""
    from made_clips import CLIPS
    from stylize.extras import require_extra
    from stylize_video.clip import ClipStylizer
    from stylize_video.tensors import to_tensor

    require_extra("cv2", "video", "holding strokes still over time")
    frames = CLIPS["pan"](2 * kit.extent.check, 3).frames
    painting = [] if "model" in settings else [to_pil(image_pair(kit.extent.check)[1])]
    made = []
    with exact():
        for each in (kit, cpu):
            values = {"device": str(each.device), "precision": "float32", **settings}
            stylizer = Stylizer(make_settings(values), kit.host)
            clip = ClipStylizer(stylizer, painting, True)
            made.append([clip(to_tensor(frame)).float() for frame in frames])
            assert stylizer.parts.device.type == each.device.type
    own, known = made
    apart = float((own[-1] - known[-1]).abs().mean())
    return Outcome(
        {"difference at the third frame, of 255": apart},
        {
            f"within {limit:g} of 255": apart <= limit,
            "frames of the clip's size": all(
                tuple(made.shape[-2:]) == frame.shape[:2]
                for made, frame in zip(own, frames, strict=True)
            ),
        },
    )
