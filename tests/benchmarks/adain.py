"""Speed of applying adain, as ratios within one run.

    python tests/benchmarks/adain.py [--model NAME]

It compares one photograph with a new painting to a plain implementation of the same network in
float32, channels first, and a second photograph to the first. Runs alternate and are warm, from
decoded pictures to finished ones. Exits 1 if a claim of the documentation does not hold on this
machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path

import reference
import torch
from PIL import Image
from torch import Tensor, nn

from stylize import (
    BuiltParts,
    ModelHeader,
    PluginHost,
    Stylizer,
    load_preset,
    make_plan,
    make_settings,
    write_model,
)
from stylize.modelfile import MODEL_SCHEMA
from stylize_adain.method import Adain

DEMO = Path(str(resources.files("stylize") / "demo"))
PHOTO, PAINTING = DEMO / "china.jpg", DEMO / "starry_night.jpg"
SIZE = 512
ROUNDS = 7
PRESET = "adain_quick"
# The step of torchvision's VGG-16 whose output is relu4_1.
RELU4_1 = 18


def untrained_model(path: Path) -> Path:
    """Write an untrained model of the preset; it is as fast as a trained one."""
    host = PluginHost.discover()
    settings = make_settings({**load_preset(host, PRESET).settings, "device": "cpu"})
    parts = BuiltParts(host, make_plan(host, settings, training=True))
    method = parts.method
    assert isinstance(method, Adain)
    task = method.training_task([], parts, 1.0)
    header = ModelHeader(
        schema_version=MODEL_SCHEMA,
        method="adain",
        network=dict(method.network_settings()),
        backbone="vgg16.oxford",
        weights=parts.weights.fingerprint,
        run={},
        training={},
        pictures=0,
        steps=0,
    )
    write_model(path, header, task.network.state_dict())
    return path


class Plain:
    """Encoder and decoder as usually written: float32, channels first, in one piece.

    Args:
        decoder: the same layers with the same weights.
        exponent: features are scaled by two to this power.
    """

    def __init__(
        self, decoder: nn.Module, exponent: int, device: torch.device | str = "cpu"
    ) -> None:
        self.encoder = reference.network()[: RELU4_1 + 1].to(device)
        self.decoder = decoder.float().to(device, memory_format=torch.contiguous_format)
        self.scale = 2.0**exponent
        self.mean = torch.tensor([123.68, 116.779, 103.939], device=device).view(1, 3, 1, 1)

    @torch.inference_mode()
    def __call__(self, content: Tensor, style: Tensor) -> Tensor:
        """Return a picture (1, 3, H, W), uint8; inputs are in [0, 1], with sides divisible by 8."""
        f, s = (self.encoder(picture * 255 - self.mean) for picture in (content, style))
        each = {"dim": (2, 3), "keepdim": True}
        target = s.std(**each) * (f - f.mean(**each)) / f.std(**each) + s.mean(**each)
        picture: Tensor = self.decoder(target * self.scale)
        return (picture.clamp(0, 1) * 255).round().to(torch.uint8)


def read_square(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def tensor_of(picture: Image.Image) -> Tensor:
    levels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return levels.view(1, SIZE, SIZE, 3).permute(0, 3, 1, 2).contiguous() / 255


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="name or file; by default an untrained one of the preset")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or str(untrained_model(Path(folder) / "untrained.safetensors"))
        values = {"model": model, "size": "full", "device": "cpu"}
        stylizer = Stylizer(make_settings(values))
        twin = Stylizer(make_settings({**values, "precision": "float32"}))
        photo, painting = read_square(PHOTO), read_square(PAINTING)
        method = twin.parts.method
        assert isinstance(method, Adain)
        if (twin.plan.backbone.name, method.settings.layer) != ("vgg16", "relu4_1"):
            raise SystemExit(f"{model}: does not use vgg16's relu4_1, as the plain network does")
        decoder = method._transfer(twin.parts).decoder
        plain = Plain(decoder.layers, int(decoder.exponent))
        print(f"{SIZE} px in {stylizer.parts.dtype}, {torch.get_num_threads()} threads")

        def own(style: Image.Image) -> float:
            started = time.perf_counter()
            assert stylizer(photo, [style]).image.size == photo.size
            return time.perf_counter() - started

        def other() -> float:
            started = time.perf_counter()
            plain(tensor_of(photo), tensor_of(painting))
            return time.perf_counter() - started

        first, second, plainly = [], [], []
        for number in range(ROUNDS + 1):
            # A little darker each time, so that each painting is new.
            style = painting.point([max(0, level - number) for level in range(256)] * 3)
            times = own(style), own(style), other()
            if number:  # the first round warms up
                for kept, seconds in zip((first, second, plainly), times, strict=True):
                    kept.append(seconds)
        new, known, reference_seconds = map(statistics.median, (first, second, plainly))
    print(
        f"new painting {new:.3f} s, known painting {known:.3f} s, plain {reference_seconds:.3f} s"
    )
    print(f"as ratios to plain: new {new / reference_seconds:.2f}, {known / reference_seconds:.2f}")
    claims = {
        "a photograph with a new painting takes at most half the time of plain float32": new
        <= 0.5 * reference_seconds,
        "a second photograph with a painting takes at most 60% of the first": known <= 0.6 * new,
    }
    if method.settings.transfer == "swap":  # three sizes, with a search at each
        claims = {
            "a new painting takes no longer than plain float32": new <= reference_seconds,
            "a known painting takes at most 0.4 of that": known <= 0.4 * reference_seconds,
        }
    for claim, holds in claims.items():
        print(f"{'holds' if holds else 'FAILS'}: {claim}")
    return 0 if all(claims.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
