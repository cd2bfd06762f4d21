"""Neural neighbours: its equations, its search, its pictures, and bad input."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Collection, Mapping
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from command import Command
from stylize import (
    BackboneSpec,
    BuiltParts,
    Features,
    Grids,
    Judge,
    LayerInfo,
    LossPart,
    Progress,
    Stylizer,
    balance_shares,
    create_loss,
    get_spec,
    list_backbones,
    list_losses,
    list_smoothings,
    make_coherent,
    make_plan,
    make_settings,
    nearest,
    principal_axes,
    read_image,
    stylize_image,
)
from stylize import coherence as coherence_module
from stylize import matching as matching_module
from stylize.errors import ImageTooSmallError, StalledError, UsageError
from stylize.testing import temporary_plugin
from stylize_neighbors.hypercolumns import Hypercolumns
from stylize_neighbors.matching import Paintings
from stylize_neighbors.objective import Beside, NeighborsObjective

SMALL: dict[str, Any] = {
    "method": "neighbors",
    "size": 72,
    "device": "cpu",
    "precision": "float32",
}
QUICK = {"neighbors": {"iterations": [4]}}
TWO_SCALES: dict[str, Any] = {
    **SMALL,
    "size": 100,
    "options": {"neighbors": {"scales": [0.98, 1.0], "iterations": [3, 3]}},
}


class Pyramid:
    """Features in float64: the image itself, and means of 2 x 2 and 4 x 4, with other channels."""

    layers: Mapping[str, LayerInfo] = {
        "fine": LayerInfo(3, 1, 1),
        "middle": LayerInfo(4, 2, 2),
        "coarse": LayerInfo(5, 4, 4),
    }

    def __call__(self, image: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        found = {}
        for layer in layers:
            info = self.layers[layer]
            mixing = torch.arange(1.0, 3 * info.channels + 1, dtype=image.dtype).cos()
            pooled = torch.nn.functional.avg_pool2d(image, info.stride)
            mixed = torch.einsum("kc,nchw->nkhw", mixing.view(info.channels, 3), pooled)
            found[layer] = mixed.sin()
        return found


def pyramid() -> Features:
    from stylize import FeatureExtractor

    return FeatureExtractor(Pyramid(), "pyramid", lambda values: values, "none", (), {})


def random_image(seed: int, height: int = 8, width: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)


# Equations.


def test_hypercolumns_are_the_layers_side_by_side_in_units_of_the_painting():
    image, painting = random_image(0), random_image(1, 16, 8)
    weights = {"fine": 2.0, "coarse": 1.0}
    rows = Hypercolumns(pyramid(), weights, 2, [painting]).rows(image)
    assert rows.shape == (4 * 6, 3 + 5)
    found, of_painting = (Pyramid()(each, tuple(weights)) for each in (image, painting))
    for (y, x), (layer, channels) in itertools.product(
        itertools.product(range(4), range(6)), [("fine", range(3)), ("coarse", range(3, 8))]
    ):
        values = of_painting[layer].flatten().tolist()
        unit = math.sqrt(sum(v * v for v in values) / len(values))
        for channel in channels:
            got = rows[y * 6 + x, channel].item()
            if layer == "fine":  # the mean of the finer positions
                under = found[layer][0, channel, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
                wanted = sum(under.flatten().tolist()) / 4
            else:  # between the coarse positions, bilinear
                here = (y + 0.5) / 2 - 0.5, (x + 0.5) / 2 - 0.5
                wanted = bilinear(found[layer][0, channel - 3].tolist(), *here)
            assert got == pytest.approx(weights[layer] * wanted / unit, abs=1e-12)


def bilinear(values: list[list[float]], y: float, x: float) -> float:
    y, x = (min(max(at, 0.0), size - 1) for at, size in ((y, len(values)), (x, len(values[0]))))
    top, left = int(y), int(x)
    below, right = min(top + 1, len(values) - 1), min(left + 1, len(values[0]) - 1)
    v, h = y - top, x - left
    return (1 - v) * ((1 - h) * values[top][left] + h * values[top][right]) + v * (
        (1 - h) * values[below][left] + h * values[below][right]
    )


def test_the_objective_is_the_mean_of_1_minus_cosine_plus_the_losses_beside():
    image, painting = random_image(0), random_image(1)
    weights = {"fine": 1.0, "middle": 0.5, "coarse": 1.0}
    columns = Hypercolumns(pyramid(), weights, 2, [painting])
    target = columns.rows(painting)[torch.randperm(24, generator=torch.Generator().manual_seed(0))]
    gram = create_loss("gram")
    part = LossPart("gram", gram, {"fine": 1.0, "coarse": 3.0}, 0.5)
    found = pyramid()(painting, ("fine", "coarse"))
    statistics = {layer: gram.statistics(values) for layer, values in found.items()}
    beside = Beside("style", part, statistics, 0.8, root=True)
    objective = NeighborsObjective(pyramid(), columns, target.mT.reshape(1, -1, 4, 6), [beside])
    value, groups = objective(image)

    distance = 0.0
    for ours, theirs in zip(columns.rows(image).tolist(), target.tolist(), strict=True):
        product = sum(a * b for a, b in zip(ours, theirs, strict=True))
        lengths = math.hypot(*ours) * math.hypot(*theirs)
        distance += (1 - product / lengths) / 24
    style = 0.0
    now = pyramid()(image, ("fine", "coarse"))
    for layer, share in (("fine", 0.25), ("coarse", 0.75)):
        ours, theirs = (plain_gram(values[layer]) for values in (now, found))
        style += 0.8 * 0.5 * share * (ours - theirs).norm().item() / theirs.norm().item()
    assert groups["neighbors"].item() == pytest.approx(distance, abs=1e-9)
    assert groups["style"].item() == pytest.approx(style, abs=1e-6)
    assert value.item() == pytest.approx(distance + style, abs=1e-6)


def plain_gram(features: Tensor) -> Tensor:
    channels = features[0].flatten(1)
    return channels @ channels.mT / channels.shape[1]


# The search.


@pytest.mark.parametrize(("queries", "keys"), [(1, 1), (7, 5000), (1500, 30), (1030, 4100)])
def test_nearest_is_the_brute_force_nearest(queries, keys):
    generator = torch.Generator().manual_seed(0)
    ours = torch.randn(queries, 6, generator=generator)
    theirs = torch.randn(keys, 6, generator=generator)
    theirs[-1] = 0  # a cosine of 0
    found = nearest(ours, theirs)
    a, b = (rows.double() / rows.double().norm(dim=1, keepdim=True).clamp_min(1e-30)
            for rows in (ours, theirs))  # fmt: skip
    cosines = a @ b.mT
    assert torch.equal(found.index, cosines.argmax(dim=1))
    assert torch.allclose(found.cosine.double(), cosines.max(dim=1).values, atol=1e-5)


def test_of_equal_keys_the_first_is_taken():
    rows = torch.ones(3, 4)
    assert nearest(rows, torch.ones(9000, 4)).index.tolist() == [0, 0, 0]


def test_principal_axes_are_orthonormal_and_keep_the_variance():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(3000, 4, generator=generator) @ torch.randn(4, 40, generator=generator)
    rows = rows - rows.mean(dim=0)
    axes = principal_axes(rows, 192)
    assert axes.shape == (40, 4)  # no more than there are
    assert torch.allclose(axes.mT @ axes, torch.eye(4), atol=1e-4)
    assert torch.allclose(rows @ axes @ axes.mT, rows, atol=1e-3)
    assert torch.equal(principal_axes(rows, 2), axes[:, -2:])


def test_a_plain_painting_has_no_axes_and_every_match_is_finite():
    assert principal_axes(torch.zeros(50, 8), 4).shape[0] == 8


def test_moves_stay_within_their_grid():
    grids = Grids([(2, 3), (4, 2)], torch.device("cpu"))
    moved, inside = grids.move(torch.arange(14), 1, -1)
    for number in range(14):
        width, height, start = (3, 2, 0) if number < 6 else (2, 4, 6)
        y, x = divmod(number - start, width)
        assert inside[number] == (y + 1 < height and x >= 1)
        if inside[number]:
            assert moved[number] == start + (y + 1) * width + x - 1


def test_a_match_that_its_neighbours_contradict_is_mended():
    generator = torch.Generator().manual_seed(0)
    size, count = (10, 12), 120
    keys = torch.nn.functional.normalize(torch.randn(count, 8, generator=generator), dim=1)
    index = torch.arange(count)
    wrong = [17, 40, 77]
    index[wrong] = torch.tensor([3, 99, 5])
    grids = Grids([size], keys.device)
    bias = torch.zeros(count)
    mended = make_coherent(index, keys, keys, bias, grids, size, 0.2)
    assert mended.tolist() == list(range(count))
    # If the features clearly disagree, they win.
    queries = keys.clone()
    queries[wrong] = keys[index[wrong]]
    assert torch.equal(make_coherent(index, queries, keys, bias, grids, size, 0.01), index)


def test_the_very_same_match_for_all_is_broken_up_where_repetition_costs():
    generator = torch.Generator().manual_seed(0)
    keys = 1 + 0.3 * torch.randn(120, 8, generator=generator)
    keys = torch.nn.functional.normalize(keys, dim=1)
    grids = Grids([(10, 12)], keys.device)
    index = torch.full((80,), 65)
    queries, bias = keys[index], torch.zeros(120)
    kept, broken = (
        make_coherent(index, queries, keys, bias, grids, (8, 10), 0.1, repetition=cost)
        for cost in (0.0, 0.2)
    )
    assert torch.equal(kept, index)
    assert len(broken.unique()) > 4


def plain_matches(
    index: list[int],
    cosines: Tensor,
    sizes: list[tuple[int, int]],
    size: tuple[int, int],
    gain: float,
    repetition: float,
    first: tuple[int, int],
) -> list[int]:
    """Find coherent matches position by position, by the definition; cosines: (M, K), with bias."""
    places = [(g, y, x) for g, (h, w) in enumerate(sizes) for y in range(h) for x in range(w)]
    number = {place: k for k, place in enumerate(places)}
    steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    for sweep in range(6):
        decided = list(index)
        for p, (y, x) in enumerate(itertools.product(*map(range, size))):
            if (y + x + sum(first)) % 2 != sweep % 2:
                continue
            offers, taken = [], []
            for dy, dx in steps:
                if 0 <= y + dy < size[0] and 0 <= x + dx < size[1]:
                    taken.append(index[p + dy * size[1] + dx])
                    grid, row, column = places[taken[-1]]
                    offers.append(number.get((grid, row - dy, column - dx)))

            def worth(
                match: int, p: int = p, offers: list[Any] = offers, taken: list[int] = taken
            ) -> float:
                votes = gain * offers.count(match) - repetition * taken.count(match)
                return float(cosines[p, match]) + votes / 8

            allowed = [offer for offer in offers if offer is not None]
            decided[p] = max([index[p], *allowed], key=worth)  # the first of equal ones
        index = decided
    return index


@pytest.mark.parametrize("at_a_time", [None, 5])
@pytest.mark.parametrize("first", [(0, 0), (3, 2)])
@pytest.mark.parametrize("repetition", [0.0, 0.4])
@pytest.mark.parametrize("size", [(6, 7), (1, 5), (1, 1)])
def test_coherent_matches_are_those_of_a_plain_loop(
    monkeypatch, size, repetition, first, at_a_time
):
    if at_a_time:
        monkeypatch.setattr(coherence_module, "PART", at_a_time * 9 * 8)
    generator = torch.Generator().manual_seed(1)
    sizes = [(5, 4), (3, 6)]
    queries, keys = (
        torch.nn.functional.normalize(torch.randn(count, 8, generator=generator), dim=1)
        for count in (size[0] * size[1], 38)
    )
    bias = 0.1 * torch.randn(38, generator=generator)
    index = torch.randint(38, (len(queries),), generator=generator)
    found = make_coherent(
        index, queries, keys, bias, Grids(sizes, keys.device), size, 0.9,
        repetition=repetition, first=first,
    )  # fmt: skip
    cosines = queries.double() @ keys.double().mT + bias
    wanted = plain_matches(index.tolist(), cosines, sizes, size, 0.9, repetition, first)
    assert found.tolist() == wanted


class CountOperations(TorchDispatchMode):
    """Counts torch's operations."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += 1
        return func(*args, **(kwargs or {}))


def test_coherence_asks_for_few_operations():
    # A GPU takes longer to be asked for small operations than to do them. One for each neighbour
    # and choice were 4,081 here, and four fifths of all for a picture of the model any.
    keys = torch.nn.functional.normalize(torch.rand(400, 66), dim=1)
    index, grids = torch.randint(400, (400,)), Grids([(20, 20)], keys.device)
    with CountOperations() as counted:
        make_coherent(index, keys, keys, torch.zeros(400), grids, (20, 20), 0.3, repetition=0.3)
    assert counted.count < 600


def test_a_larger_part_at_a_time_finds_the_same_nearest(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    rows, keys = (torch.randn(count, 6, generator=generator) for count in (1500, 5000))
    small = nearest(rows, keys)
    monkeypatch.setattr(matching_module, "PART", matching_module.LARGE_PART)
    assert torch.equal(nearest(rows, keys).index, small.index)


def test_a_turn_is_taken_where_it_is_nearer_by_its_cost():
    image, painting = random_image(0, 16, 16), random_image(1, 16, 16)
    turns = [painting, *(random_image(seed, 16, 16) for seed in (2, 3, 4))]
    columns = Hypercolumns(pyramid(), {"fine": 1.0, "coarse": 1.0}, 2, [painting])
    rows, turned = columns.rows(image), {}
    for cost in (0.0, 0.2, 3.0):
        paintings = Paintings(columns, [turns], [1.0], 8, cost, torch.float64)
        index = paintings.match(rows, (8, 8), coherence=0.0)
        queries = paintings._project(rows, rows.mean(dim=0))
        worth = queries @ paintings.keys.mT - cost * (torch.arange(4 * 64) >= 64)
        assert torch.equal(index, worth.argmax(dim=1))
        turned[cost] = (index >= 64).sum().item()
    assert turned[0.0] > turned[0.2] > turned[3.0] == 0


@pytest.mark.parametrize("shares", [(1.0, 1.0), (0.7, 0.3), (5.0, 3.0, 2.0)])
def test_paintings_win_their_shares(shares):
    generator = torch.Generator().manual_seed(0)
    lead = torch.linspace(0, 0.3, len(shares))[:, None]
    cosines = lead + 0.1 * torch.randn(len(shares), 4000, generator=generator)
    bias = balance_shares(cosines, shares)
    won = (cosines + bias[:, None]).argmax(dim=0).bincount(minlength=len(shares)) / 4000
    wanted = torch.tensor(shares) / sum(shares)
    assert torch.allclose(won, wanted, atol=0.02)


def test_a_smoothing_leaves_the_deep_layers_their_share_of_the_hypercolumns(host, photo, painting):
    content, style = (read_image(path, size=128).pixels for path in (photo, painting))

    def deep_share(smooth: str) -> float:
        settings = make_settings(
            {"method": "neighbors", "backbone": "resnet50_thin", "smooth": smooth, "device": "cpu"}
        )
        parts = BuiltParts(host, make_plan(host, settings))
        columns = Hypercolumns(parts.features, parts.style.layers, 4, [style])
        features = parts.features(content, columns.layers)
        channels = [features[layer].shape[1] for layer in columns.layers]
        parted = columns.rows(content).split(channels, dim=1)
        energy = [layer.square().sum().item() for layer in parted]
        deep = [e for e, layer in zip(energy, columns.layers, strict=True)
                if layer in parts.features.smooth_layers or layer == "layer3.5"]  # fmt: skip
        return sum(deep) / sum(energy)

    assert 0.5 < deep_share("tanh") / deep_share("none") < 2


# Pictures.


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(device="cpu", size=160)


def test_the_picture_is_nearer_to_the_painting_s_strokes_and_keeps_the_shapes(
    photo, painting, judge
):
    content, style = (read_image(path, size=160).pixels for path in (photo, painting))
    made = stylize_image(
        photo, painting, method="neighbors", size=160, quality="draft", device="cpu"
    )
    styled, plain, noise = (
        judge(image, content, style)
        for image in (made.pixels, content, torch.rand_like(made.pixels))
    )
    assert styled.strokes < 0.85 * plain.strokes
    assert styled.style < 0.7 * plain.style
    assert styled.structure < 0.8 * noise.structure


def test_the_same_seed_gives_the_same_bits(photo, painting):
    first, second = (stylize_image(photo, painting, **TWO_SCALES).pixels for _ in range(2))
    assert torch.equal(first, second)


def test_strength_goes_from_the_photograph_to_the_painting(photo, painting):
    content = read_image(photo, size=72).pixels
    options = {"neighbors": {"iterations": [8]}}
    changes = [
        (stylize_image(photo, painting, strength=s, options=options, **SMALL).pixels - content)
        .square()
        .mean()
        .item()
        for s in (0, 0.3, 0.6, 1)
    ]
    assert changes[0] == 0
    assert changes == sorted(changes)
    assert changes[1] < 0.7 * changes[3]


def test_two_paintings_blend_by_their_weights(photo, painting, demo):
    other = demo / "astronaut.jpg"

    def blend(*weights: float) -> Tensor:
        return stylize_image(
            photo, [painting, other], style_weights=weights, options=QUICK, **SMALL
        ).pixels

    assert torch.equal(blend(1, 0), stylize_image(photo, painting, options=QUICK, **SMALL).pixels)
    assert not torch.equal(blend(0.7, 0.3), blend(0.3, 0.7))


def test_a_painting_alone_makes_a_texture_of_it(painting):
    options = {"neighbors": {"iterations": [25]}}
    made = stylize_image(None, painting, options=options, **SMALL).pixels
    style = read_image(painting, size=72).pixels
    assert made.shape == style.shape
    assert (made - style).abs().mean() > 0.05  # not a copy
    assert torch.allclose(made.mean(dim=(2, 3)), style.mean(dim=(2, 3)), atol=0.08)


@pytest.mark.parametrize(
    "options",
    [
        {"stroke_size": 2.0},
        {"stroke_size": 0.5},
        {"flips": True},
        {"rotations": 1},
        {"turn_cost": 0.5},
        {"coherence": 0.0},
        {"statistics": 0.0},
        {"content": 0.0},
        {"grid": 8},
        {"components": 4},
        {"optimizer": "adam"},
    ],
    ids=str,
)
def test_every_setting_changes_the_picture(photo, painting, options):
    plain, changed = (
        stylize_image(
            photo,
            painting,
            options={"neighbors": {"iterations": [4], **own}},
            **SMALL,
        ).pixels
        for own in ({}, options)
    )
    assert changed.isfinite().all()
    assert not torch.equal(plain, changed)


def test_the_second_stage_matches_the_picture_so_far_beside_the_photograph(photo, painting):
    options = TWO_SCALES["options"]["neighbors"]
    alone, beside = (
        stylize_image(
            photo,
            painting,
            **{**TWO_SCALES, "options": {"neighbors": {**options, "photograph_share": share}}},
        ).pixels
        for share in (1.0, 0.0)
    )
    assert not torch.equal(alone, beside)


def test_a_batch_makes_what_single_pictures_are(photo, painting, demo):
    settings = make_settings(TWO_SCALES)
    stylizer = Stylizer(settings)
    photos = [photo, demo / "astronaut.jpg", photo]
    together = [stylizer(each, [painting]).pixels for each in photos]
    for each, made in zip(photos, together, strict=True):
        assert torch.equal(made, Stylizer(settings)(each, [painting]).pixels)


def test_a_time_limit_is_kept_with_the_best_image_so_far(photo, painting):
    started = time.monotonic()
    made = stylize_image(
        photo, painting, method="neighbors", time=8, size=200, quality="best", device="cpu"
    )
    assert time.monotonic() - started < 12
    assert made.stopped == "time"
    assert made.record["steps"] > 0


def test_cancelling_ends_with_the_best_image_so_far(photo, painting):
    stylizer = Stylizer(make_settings({**SMALL, "quality": "best"}))

    class Impatient:
        def progressed(self, progress: Progress) -> None:
            if progress.step == 3:
                stylizer.cancel()

    made = stylizer(photo, [painting], [Impatient()])
    assert (made.stopped, made.record["steps"]) == ("interrupted", 3)
    assert made.pixels.shape == read_image(photo, size=72).pixels.shape


def test_the_command_makes_it_and_rerun_repeats_it_to_the_bit(command: Command):
    line = ("photo.png", "painting.png", "--method", "neighbors", "--size", "90", "--stroke-size")
    steps = ("0.8", "--set", "neighbors.scales=0.8,1", "--set", "neighbors.iterations=2")
    assert command(*line, *steps, "--precision", "float32", "-o", "out.png").code == 0
    assert command("rerun", "out.png").code == 0
    first, second = (
        read_image(command.folder / name).pixels for name in ("out.png", "out_rerun.png")
    )
    assert torch.equal(first, second)


def test_histogram_keeps_the_photograph_s_mean_colour(photo, painting):
    content = read_image(photo, size=72).pixels.mean(dim=(2, 3))
    options = {"neighbors": {"iterations": [10]}}
    kept, taken = (
        stylize_image(photo, painting, keep_color=how, options=options, **SMALL).pixels.mean((2, 3))
        for how in ("histogram", "none")
    )
    assert (kept - content).abs().sum() < (taken - content).abs().sum()


# Bad input.


def test_it_needs_a_painting(photo):
    with pytest.raises(UsageError, match="needs a painting"):
        stylize_image(photo, None, **SMALL)


@pytest.mark.parametrize("size", [(1, 1), (3, 70), (15, 15)])
def test_paintings_too_small_for_the_layers_are_refused(photo, size):
    painting = Image.effect_noise(size, 80).convert("RGB")
    with pytest.raises(ImageTooSmallError, match="needs"):
        stylize_image(photo, painting, backbone="vgg16", options=QUICK, **SMALL)


@pytest.mark.parametrize("size", [(16, 16), (17, 70)])
def test_small_paintings_are_enough_for_one_hypercolumn(photo, size):
    painting = Image.effect_noise(size, 80).convert("RGB")
    made = stylize_image(photo, painting, options=QUICK, **SMALL)
    assert made.pixels.isfinite().all()


def test_a_plain_painting_gives_a_sensible_picture(photo):
    made = stylize_image(photo, Image.new("RGB", (80, 60), (200, 40, 40)), options=QUICK, **SMALL)
    assert made.pixels.isfinite().all()


def test_a_plain_photograph_gives_a_sensible_picture(painting):
    made = stylize_image(Image.new("RGB", (80, 60), "white"), painting, options=QUICK, **SMALL)
    assert made.pixels.isfinite().all()


def test_one_layer_is_enough(photo, painting):
    made = stylize_image(
        photo, painting, backbone="vgg16", style_layers="relu2_1", options=QUICK, **SMALL
    )
    assert made.pixels.isfinite().all()


def test_layers_without_weight_are_refused(photo, painting):
    with pytest.raises(UsageError, match="have no weight"):
        stylize_image(photo, painting, style_layers="layer2.3=0", options=QUICK, **SMALL)


def test_weights_that_are_all_0_are_told(photo, painting, tmp_path):
    from safetensors.torch import load_file, save_file

    import stylize_vgg

    source = next(iter(stylize_vgg.__path__)) + "/vgg16-oxford.safetensors"
    path = tmp_path / "zeros.safetensors"
    save_file({name: torch.zeros_like(t) for name, t in load_file(source).items()}, path)
    with pytest.raises(StalledError, match="cannot move the image"):
        stylize_image(photo, painting, backbone="vgg16", weights=path, options=QUICK, **SMALL)


USUAL = "resnet50_thin.open_nsfw", "softmax", 2


@pytest.mark.parametrize(
    ("given", "backbone", "smoothing", "enlarge"),
    [
        ({}, *USUAL),
        ({"preset": "thin_softmax_neighbors"}, *USUAL),
        ({"smooth": "none"}, USUAL[0], "none", 2),
        ({"backbone": "resnet50_thin"}, *USUAL),
        ({"backbone": "resnet50_thin", "smooth": "tanh"}, USUAL[0], "tanh", 2),
        ({"options": {"resnet50_thin": {"enlarge": 1}}}, *USUAL[:2], 1),
        ({"options": {"backbone": {"enlarge": 1}}}, *USUAL[:2], 1),
        ({"backbone": "resnet18.random"}, "resnet18.random", "none", 2),
        ({"backbone": "vgg16"}, "vgg16.oxford", "none", None),
    ],
)
def test_the_network_is_the_best_known_unless_another_is_asked_for(
    photo, painting, given, backbone, smoothing, enlarge
):
    """The defaults of the method; every one of them gives way."""
    given = {**SMALL, **given, "options": {**QUICK, **given.get("options", {})}}
    record = stylize_image(photo, painting, **given).record
    assert record["settings"]["backbone"] == backbone
    assert record["settings"]["smooth"] == smoothing
    assert record["parts"]["backbone"]["settings"].get("enlarge") == enlarge


def test_a_stranger_s_backbone_is_not_asked_for_options_that_it_lacks(host):
    with temporary_plugin(host, BackboneSpec("resnet_own", factory="own:Network")):
        plan = make_plan(host, make_settings({"method": "neighbors", "backbone": "resnet_own"}))
    assert not plan.settings.options.get("backbone")


def test_the_paper_s_balance_is_of_gatys(photo, painting):
    with pytest.raises(UsageError, match="--method gatys"):
        stylize_image(photo, painting, balance="paper", **SMALL)


# The matrix.


def combinations() -> list[tuple[str, str, str]]:
    """Every backbone with every smoothing, and each loss with every backbone."""
    styles = [name for name in list_losses() if create_loss(name).role == "style"]
    pairs = itertools.product(list_backbones(), list_smoothings())
    losses = itertools.cycle(styles)
    return [(f"{backbone}.random", smooth, next(losses)) for backbone, smooth in pairs]


@pytest.mark.slow
@pytest.mark.parametrize(("backbone", "smooth", "style_loss"), combinations())
def test_any_backbone_smoothing_and_loss_compose(backbone, smooth, style_loss, photo, painting):
    """Two steps each, on shallow layers: matrix roots of 2048 channels take seconds."""
    spec = get_spec("backbone", backbone.partition(".")[0])
    assert isinstance(spec, BackboneSpec)
    layers = ",".join((spec.hypercolumn_layers or spec.style_layers)[:2])
    made = stylize_image(
        photo,
        painting,
        backbone=backbone,
        smooth=smooth,
        style_loss=style_loss,
        style_layers=layers,
        image_loss="total_variation=0.1",
        options={"neighbors": {"iterations": [2]}},
        **(SMALL | {"size": 64}),
    )
    assert made.record["steps"] == 2
    assert made.pixels.isfinite().all()
