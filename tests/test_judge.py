"""The judge against its definition, computed with torchvision's own graph."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from safetensors.torch import load_file

from stylize import Judge, judged_size, read_image, resize
from stylize_measure.distances import draw_positions


def test_distances_are_those_of_the_definition(photo, painting):
    output = torch.rand(1, 3, 90, 120, generator=torch.Generator().manual_seed(0))
    content, style = read_image(photo, size=200).pixels, read_image(painting, size=150).pixels
    verdict = Judge(device="cpu")(output, content, style)

    network = torchvision.models.vgg16(weights=None).features.eval()
    file = resources.files("stylize_vgg") / "vgg16-oxford.safetensors"
    state = {k.removeprefix("features."): v.float() for k, v in load_file(str(file)).items()}
    network.load_state_dict(state)
    relus = {"relu1_1": 1, "relu2_1": 6, "relu3_1": 11, "relu4_1": 18, "relu5_1": 25}
    mean = torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1)

    def features(image: torch.Tensor, size: tuple[int, int]) -> dict[str, torch.Tensor]:
        planes = [
            np.asarray(Image.fromarray(plane.numpy()).resize(size, Image.Resampling.LANCZOS))
            for plane in image[0]
        ]
        x = torch.from_numpy(np.stack(planes))[None].clamp(0, 1) * 255 - mean
        found = {}
        with torch.no_grad():
            for index, layer in enumerate(network):
                x = layer(x)
                found |= {name: x.clone() for name, at in relus.items() if at == index}
        return found

    def gram(x: torch.Tensor) -> torch.Tensor:
        rows = x[0].flatten(1)
        return rows @ rows.T / rows.shape[1]

    def longer_side_512(image: torch.Tensor) -> tuple[int, int]:
        height, width = image.shape[-2:]
        return round(width * 512 / max(height, width)), round(height * 512 / max(height, width))

    now, of_content, of_style = (
        features(output, longer_side_512(content)),
        features(content, longer_side_512(content)),
        features(style, longer_side_512(style)),
    )

    def relative(current: torch.Tensor, target: torch.Tensor) -> float:
        return ((current - target).norm() / target.norm()).item()

    assert verdict.content == pytest.approx(
        relative(now["relu4_1"], of_content["relu4_1"]), rel=1e-3
    )
    for layer in relus:
        expected = relative(gram(now[layer]), gram(of_style[layer]))
        assert verdict.layers[layer] == pytest.approx(expected, rel=1e-3)
    assert verdict.style == pytest.approx(np.mean(list(verdict.layers.values())))


def test_the_photograph_itself_has_no_content_distance(photo, painting):
    content, style = read_image(photo, size=128).pixels, read_image(painting, size=128).pixels
    judge = Judge(device="cpu")
    assert judge(content, content, style).content == 0
    assert judge(style, content, style).style == pytest.approx(0, abs=0.2)


# Structure and strokes, by loops.


def plain_cosine(a: np.ndarray, b: np.ndarray) -> float:
    lengths = float(np.sqrt((a * a).sum()) * np.sqrt((b * b).sum()))
    return float((a * b).sum()) / lengths if lengths else 0.0


def plain_positions(features: torch.Tensor, count: int, seed: int) -> list[np.ndarray]:
    _, _, height, width = features.shape
    order = torch.randperm(height * width, generator=torch.Generator().manual_seed(seed))
    places = [divmod(int(place), width) for place in order[:count]]
    return [features[0, :, row, column].double().numpy() for row, column in places]


def plain_structure(one: torch.Tensor, other: torch.Tensor) -> float:
    matrices = []
    for features in (one, other):
        points = plain_positions(features, 1024, 1)
        rows = [[1 - plain_cosine(a, b) for b in points] for a in points]
        matrices.append([[value / np.mean(row) for value in row] for row in rows])
    return float(np.mean(np.abs(np.subtract(*matrices))))


def plain_strokes(picture: torch.Tensor, painting: torch.Tensor) -> float:
    centre = painting.double().mean(dim=(2, 3))[0].numpy()
    ours, theirs = (
        [point - centre for point in plain_positions(features, 4096, 0)]
        for features in (picture, painting)
    )
    sides = [
        np.mean([min(1 - plain_cosine(a, b) for b in other) for a in side])
        for side, other in ((ours, theirs), (theirs, ours))
    ]
    return float(max(sides))


def test_structure_and_strokes_are_those_of_the_definition():
    generator = torch.Generator().manual_seed(0)
    picture, content, style = (torch.rand(1, 3, 24, 24, generator=generator) for _ in range(3))
    style = style[..., :18]
    judge = Judge(device="cpu", size=32)
    verdict = judge(picture, content, style)
    assert verdict.judge_size == 32
    now, before, painted = (
        judge.network(resize(image, judged_size(image, 32)), tuple(verdict.layers))
        for image in (picture, content, style)
    )
    assert verdict.structure == pytest.approx(
        np.mean([plain_structure(now[k], before[k]) for k in ("relu3_1", "relu4_1")]), rel=1e-3
    )
    layers = ("relu2_1", "relu3_1", "relu4_1")  # relu1_1 has too many positions for loops
    for layer in layers:
        expected = plain_strokes(now[layer], painted[layer])
        assert verdict.stroke_layers[layer] == pytest.approx(expected, rel=1e-3)
    assert verdict.strokes == pytest.approx(np.mean(list(verdict.stroke_layers.values())))


def test_more_positions_than_are_looked_at_are_drawn_by_their_seed():
    """Structure takes 1,024 of 1,600 positions, and strokes take 4,096 of 4,900."""
    generator = torch.Generator().manual_seed(0)
    maps = [torch.rand(1, 3, 70, 70, generator=generator) for _ in range(2)]
    drawn = draw_positions(maps[0], 4096, 0)
    assert torch.equal(drawn, torch.tensor(np.array(plain_positions(maps[0], 4096, 0))).float())
    assert drawn.shape == (4096, 3)
    small = maps[0][..., :40, :40]
    assert draw_positions(small, 1024, 1).shape == (1024, 3)
    assert torch.equal(draw_positions(small, 9999, 1)[:1024], draw_positions(small, 1024, 1))


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(device="cpu", size=256)


def test_equal_pictures_have_no_distance(judge, painting):
    image = read_image(painting, size=256).pixels
    verdict = judge(image, image, image)
    assert verdict.content == verdict.style == verdict.structure == 0
    assert verdict.strokes == pytest.approx(0, abs=1e-6)


def test_structure_minds_shapes_not_colours(judge, photo, painting):
    content, style = (read_image(path, size=256).pixels for path in (photo, painting))
    recoloured = content.flip(1)
    height, width = (side // 16 * 16 for side in content.shape[-2:])
    blocks = F.unfold(content[..., :height, :width], 16, stride=16)
    order = torch.randperm(blocks.shape[-1], generator=torch.Generator().manual_seed(0))
    shuffled = F.fold(blocks[..., order], (height, width), 16, stride=16)
    measured = judge.measure_content(content), judge.measure_style(style)
    same, coloured, broken = (
        judge(image, *measured).structure for image in (content, recoloured, shuffled)
    )
    assert same == 0
    assert 0 < coloured < broken / 4


def test_strokes_are_near_in_the_painting_and_far_in_a_photograph(judge, photo, painting):
    content, style = (read_image(path, size=256).pixels for path in (photo, painting))
    measured = judge.measure_style(style)
    painted, photographed = (judge(image, image, measured) for image in (style, content))
    mirrored = judge(style.flip(3), style, measured)
    assert painted.strokes == pytest.approx(0, abs=1e-6)
    assert mirrored.strokes < 0.6 * photographed.strokes
    for layer, distance in photographed.stroke_layers.items():
        assert distance > mirrored.stroke_layers[layer]


def test_what_is_measured_once_gives_the_same_verdict(judge, photo, painting):
    content, style = (read_image(path, size=256).pixels for path in (photo, painting))
    output = (content + style.mean()) / 2
    measured = judge.measure_content(content), judge.measure_style(style)
    assert judge(output, *measured) == judge(output, content, style)
    assert judge(output, content, measured[1]) == judge(output, measured[0], style)
