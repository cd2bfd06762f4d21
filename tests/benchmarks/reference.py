"""The reference recipe, written as plainly as usual: the baseline of the speed claims.

It uses float32, one scale, torch.optim.LBFGS with history_size=20 from the content image, VGG-16
(torchvision's layers), conv4_1 for content and conv1_1 ... conv5_1 for style. Each distance is
divided by its target's size, and the strength is 1.

    python reference.py CONTENT STYLE OUT.png SIZE EVALUATIONS
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib import resources

import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors.torch import load_file

CONTENT, STYLE = "conv4_1", ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
INDEX = {0: "conv1_1", 5: "conv2_1", 10: "conv3_1", 17: "conv4_1", 24: "conv5_1"}
# L-BFGS drops curvature pairs below an absolute 1e-10. The factor does not move the minimum.
FACTOR = 1e3


def network() -> torch.nn.Sequential:
    features = torchvision.models.vgg16(weights=None).features[:25]
    file = resources.files("stylize_vgg") / "vgg16-oxford.safetensors"
    state = {name.removeprefix("features."): x.float() for name, x in load_file(str(file)).items()}
    features.load_state_dict({name: state[name] for name in features.state_dict()})
    for index, layer in enumerate(features):
        if isinstance(layer, torch.nn.ReLU):
            features[index] = torch.nn.ReLU(inplace=False)
    return features.eval().requires_grad_(False)


def read(path: str, size: int) -> torch.Tensor:
    image = Image.open(path).convert("RGB")
    scale = size / max(image.size)
    if scale < 1:
        image = image.resize([round(side * scale) for side in image.size], Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].contiguous() / 255


def optimise(content: torch.Tensor, style: torch.Tensor, evaluations: int) -> torch.Tensor:
    """Return the picture made from images (1, 3, H, W), on their device."""
    layers = network().to(content.device)
    mean = torch.tensor([123.68, 116.779, 103.939], device=content.device).view(1, 3, 1, 1)

    def features(image: torch.Tensor) -> dict[str, torch.Tensor]:
        x, found = image * 255 - mean, {}
        for index, layer in enumerate(layers):
            x = layer(x)
            if index in INDEX:
                found[INDEX[index]] = x
        return found

    def gram(x: torch.Tensor) -> torch.Tensor:
        rows = x[0].flatten(1)
        return rows @ rows.T / rows.shape[1]

    with torch.no_grad():
        content_target = features(content)[CONTENT]
        style_targets = {name: gram(x) for name, x in features(style).items()}
    image = content.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [image], max_iter=evaluations, max_eval=evaluations, history_size=20
    )

    def objective() -> torch.Tensor:
        optimizer.zero_grad()
        now = features(image)
        total = (now[CONTENT] - content_target).square().sum() / content_target.square().sum()
        for name in STYLE:
            target = style_targets[name]
            total = total + (gram(now[name]) - target).square().sum() / target.square().sum()
        total = total * FACTOR
        total.backward()
        return total

    optimizer.step(objective)
    return image.detach()


def main(content_path: str, style_path: str, output: str, size: str, evaluations: str) -> None:
    started = time.monotonic()
    content, style = read(content_path, int(size)), read(style_path, int(size))
    image = optimise(content, style, int(evaluations))
    pixels = (image[0].clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
    Image.fromarray(pixels.numpy()).save(output)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": time.monotonic() - started, "peak_mb": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
