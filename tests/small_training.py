"""Training runs of a second or less: noise for photographs, a narrow network, shallow layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from stylize import (
    ModelHeader,
    PluginHost,
    Progress,
    Run,
    make_plan,
    make_settings,
    training_folder,
    write_model,
)
from stylize.modelfile import MODEL_SCHEMA
from stylize_johnson.network import TransformationNetwork
from stylize_johnson.settings import JohnsonSettings
from stylize_train.session import Training
from stylize_train.settings import TrainingSettings

__all__ = [
    "NARROW",
    "SHALLOW",
    "TRAIN",
    "After",
    "make_checkpoint_tensors",
    "make_model",
    "make_photographs",
    "make_training",
]

NARROW = {"width": 8, "blocks": 1}
SHALLOW = {
    "content_layers": "conv2_1",
    "style_layers": "relu1_1",
    "precision": "float32",
    "device": "cpu",
}
# The same on the command line, with ./photographs and a painting in the same folder.
TRAIN = (
    "train", "johnson", "--data", "photographs", "--style", "painting.png",
    "--content-layers", "conv2_1", "--style-layers", "relu1_1", "--precision", "float32",
    "--device", "cpu", "--set", "johnson.width=8", "--set", "johnson.blocks=1",
    "--crop", "32", "--batch", "1", "--workers", "0", "--steps", "2",
)  # fmt: skip


def make_photographs(folder: Path, count: int = 6, size: tuple[int, int] = (72, 60)) -> Path:
    """Fill a folder with pictures of coloured noise, half of them in a subfolder."""
    (folder / "more").mkdir(parents=True)
    generator = torch.Generator().manual_seed(0)
    for number in range(count):
        coarse = torch.randint(256, (6, 8, 3), generator=generator, dtype=torch.uint8)
        picture = Image.fromarray(coarse.numpy()).resize(size, Image.Resampling.BICUBIC)
        picture.save(folder / ("more" if number % 2 else "") / f"{number:02}.png")
    return folder


def make_training(
    host: PluginHost,
    folder: Path,
    painting: Path,
    *,
    data: Path | None = None,
    output: str = "model.safetensors",
    options: Mapping[str, Mapping[str, Any]] | None = None,
    settings: Mapping[str, object] | None = None,
    told: list[str] | None = None,
    styles: Sequence[str] | None = None,
    resume: bool = False,
    force: bool = False,
    init: Path | None = None,
    **training: object,
) -> Training:
    """Return a small training run in a folder; call it with a `Run`.

    Args:
        data: the photographs; `folder / "photographs"` by default, made if needed.
        settings: run settings besides those of `SHALLOW`.
        told: gets the warnings.
        training: training settings besides two steps of one 32-pixel crop.
    """
    photographs = data or folder / "photographs"
    if not photographs.exists():
        make_photographs(photographs)
    run_settings = make_settings(
        {
            "method": "johnson",
            **SHALLOW,
            "options": {"johnson": NARROW, **(options or {})},
            **(settings or {}),
        }
    )
    plain = {"steps": 2, "crop": 32, "batch": 1, "workers": 0, "log_every": 1}
    return Training(
        host,
        make_plan(host, run_settings, training=True),
        TrainingSettings.model_validate({**plain, **training}),
        photographs,
        folder / output,
        [str(painting)] if styles is None else styles,
        resume=resume,
        force=force,
        init=init,
        tell=[].append if told is None else told.append,
    )


def make_checkpoint_tensors(training: Training) -> dict[str, Tensor]:
    """Return the float32 network of a training run's last checkpoint."""
    path = training_folder(training.output) / "checkpoint.pt"
    tensors: dict[str, Tensor] = torch.load(path, weights_only=True)["network"]
    return tensors


class After:
    """An observer that acts after a step: by default, it cancels the run."""

    def __init__(self, step: int, run: Run, act: Callable[[], None] | None = None) -> None:
        self.step = step
        self.act = act or run.cancelled.set
        run.observers = [*run.observers, self]

    def progressed(self, progress: Progress) -> None:
        if progress.step == self.step:
            self.act()


def make_model(
    path: Path, *, seed: int = 0, header: Mapping[str, Any] | None = None, **settings: Any
) -> Path:
    """Write a model of an untrained network whose pictures clearly differ from photographs."""
    torch.manual_seed(seed)
    parsed = JohnsonSettings(**{**NARROW, **settings})
    network = TransformationNetwork(parsed)
    *_, last = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    with torch.no_grad():
        last.weight.mul_(8)
        network.colours.weight.fill_(0.25)
        network.colours.bias.fill_(0.5)
    values = {
        "schema_version": MODEL_SCHEMA,
        "method": "johnson",
        "network": parsed.model_dump(include={"network", "width", "blocks"}),
        "backbone": "vgg16.oxford",
        "weights": "0123456789abcdef",
        "run": {},
        "training": {},
        "styles": [{"name": "painting.png", "sha256": "0" * 64}],
        "pictures": 6,
        "steps": 2,
        "summary": "Noise",
        **(header or {}),
    }
    write_model(path, ModelHeader.model_validate(values), network.state_dict())
    return path
