"""AdaIN's statistics, its decoder for any backbone, and the reach of networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from stylize import FeatureExtractor, LayerInfo, Tile, create_backbone, create_loss
from stylize.errors import UnknownNameError, UsageError
from stylize_adain import normalization
from stylize_adain.augmentation import Mixture, draw_mixture, vary_colors
from stylize_adain.network import Decoder, buildable_layers, choose_layer
from stylize_adain.normalization import measure_pieces
from stylize_adain.packing import LUMA, Packing
from stylize_adain.reach import measure_reach
from stylize_adain.settings import AdainSettings
from stylize_adain.statistics import EPSILON, Moments, adain, blend_moments, moments_of
from stylize_adain.transform import Piece


def features(seed: int, size: tuple[int, int] = (9, 11), channels: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 + 3 * torch.randn(2, channels, *size, generator=generator)


def moments(tensor: torch.Tensor) -> Moments:
    return Moments.from_raw(*moments_of(tensor))


# Several layers as one tensor.


LAYERS = {
    "relu1_1": LayerInfo(4, 1, 1),
    "relu1_2": LayerInfo(4, 1, 1),
    "relu2_1": LayerInfo(6, 2, 2),
    "relu3_1": LayerInfo(8, 4, 4),
}


PICTURES = torch.rand(2, 3, 20, 28, generator=torch.Generator().manual_seed(0))


def three_layers() -> dict[str, torch.Tensor]:
    sizes = {"relu3_1": (5, 7), "relu2_1": (10, 14), "relu1_1": (20, 28)}
    return {n: features(k, size, LAYERS[n].channels) for k, (n, size) in enumerate(sizes.items())}


@pytest.mark.parametrize("colors", [False, True])
def test_packed_layers_come_back_as_they_were(colors):
    packing = Packing(LAYERS, "relu3_1", "relu1_1, relu2_1", colors=colors)
    given = three_layers()
    packed = packing.pack(given, PICTURES)
    assert packed.shape == (2, packing.channels, 5, 7)
    for name, found in zip(("relu3_1", "relu2_1", "relu1_1"), packing.unpack(packed), strict=True):
        torch.testing.assert_close(found, given[name])
    torch.testing.assert_close(packing.deepest(packed), given["relu3_1"])


def test_packed_colours_are_the_means_of_each_position_s_pixels():
    packing = Packing(LAYERS, "relu3_1", "relu1_1", colors=True)
    packed = packing.pack(three_layers(), PICTURES)
    means = PICTURES.unflatten(3, (7, 4)).unflatten(2, (5, 4)).mean(dim=(3, 5))
    torch.testing.assert_close(packing.colors_of(packed), means)
    rows = packed.permute(0, 2, 3, 1).flatten(0, 2)
    red, green, blue = means.permute(0, 2, 3, 1).flatten(0, 2).unbind(dim=1)
    torch.testing.assert_close(rows[:, LUMA], 0.2126 * red + 0.7152 * green + 0.0722 * blue)


def test_adain_of_packed_layers_is_that_of_each_alone():
    packing = Packing(LAYERS, "relu3_1", "relu2_1,relu1_1")
    content, style = three_layers(), {n: 3 - 2 * f for n, f in three_layers().items()}
    packed, painted = packing.pack(content, PICTURES), packing.pack(style, PICTURES)
    made = adain(packed, packing.moments_of(packed), packing.moments_of(painted), 0.7)
    for name, found in zip(packing.names, packing.unpack(made), strict=True):
        alone = adain(content[name], moments(content[name]), moments(style[name]), 0.7)
        torch.testing.assert_close(found, alone, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("skips", "said"),
    [
        ("relu3_1", "relu3_1: is not a layer finer than relu3_1: choose among relu1_1, relu1_2"),
        ("relu9_1", "relu9_1: is not a layer finer"),
        ("relu1_1,relu1_2", "two layers have the same size"),
    ],
)
def test_layers_that_cannot_be_packed_are_refused(skips, said):
    with pytest.raises(UsageError, match=said):
        Packing(LAYERS, "relu3_1", skips)


def test_a_decoder_joins_finer_layers_where_it_has_their_size():
    backbone = create_backbone("vgg16.random")
    settings = AdainSettings(layer="relu3_1", skips="relu1_2,relu2_2", width=0.125)
    decoder = Decoder(backbone.layers, "relu3_1", settings)
    picture = torch.rand(1, 3, 32, 48)
    found = backbone(picture, decoder.packing.names)
    packed = decoder.packing.pack(found, picture)
    decoder.fit_scale(packed)
    made = decoder(packed)
    assert made.shape == picture.shape
    for name in decoder.packing.names:
        changed = decoder.packing.pack({**found, name: found[name] * 1.5}, picture)
        assert (decoder(changed) - made).abs().max() > 1e-4, name


# Statistics.


def test_adain_is_equation_8():
    content, style = features(0), features(1, (6, 4))
    c, s = (t.double().numpy() for t in (content, style))
    mean = {"axis": (2, 3), "keepdims": True}
    expected = s.std(**mean) * (c - c.mean(**mean)) / c.std(**mean) + s.mean(**mean)
    made = adain(content, moments(content), moments(style))
    np.testing.assert_allclose(made, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("alpha", [0, 0.25, 1])
def test_alpha_is_the_blend_of_features_of_equation_15(alpha):
    content, style = features(0), features(1)
    full = adain(content, moments(content), moments(style))
    part = adain(content, moments(content), moments(style), alpha)
    torch.testing.assert_close(part, (1 - alpha) * content + alpha * full)


def test_features_with_their_own_moments_stay_as_they_are():
    content = features(0)
    torch.testing.assert_close(adain(content, moments(content), moments(content)), content)


def test_a_channel_that_never_changes_is_not_blown_up():
    content = features(0)
    content[:, 1] = 7
    made = adain(content, moments(content), moments(features(1)))
    assert made.isfinite().all()
    assert made[:, 1].std(dim=(1, 2)).max() < 1e-4


def test_a_limit_of_the_gain_holds_the_deviation_and_leaves_the_mean_to_the_style():
    content, style = features(0), 10 * features(1)
    content[:, 1] *= 8  # needs less than the limit
    made = moments(adain(content, moments(content), moments(style), gain_limit=2))
    own, other = moments(content), moments(style)
    torch.testing.assert_close(made.mean, other.mean, rtol=1e-3, atol=1e-3)
    wanted = torch.minimum(other.deviation, 2 * own.deviation)
    assert (wanted[:, 1] < 2 * own.deviation[:, 1]).all()
    assert (wanted[:, 0] < other.deviation[:, 0]).all()
    torch.testing.assert_close(made.deviation, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_scale_of_features_does_not_matter(scale):
    content, style = features(0), features(1)
    made = adain(scale * content, moments(scale * content), moments(scale * style))
    expected = adain(content, moments(content), moments(style))
    torch.testing.assert_close(made / scale, expected, rtol=1e-4, atol=1e-4)


def test_moments_of_a_whole_are_the_weighted_mean_of_its_parts():
    whole = features(0, (8, 10))
    upper, lower = moments_of(whole[..., :3, :]), moments_of(whole[..., 3:, :])
    for value, one, other in zip(moments_of(whole), upper, lower, strict=True):
        torch.testing.assert_close(value, (3 * one + 5 * other) / 8)


@pytest.mark.parametrize("band", [1, normalization.LARGE_BAND])
def test_moments_are_the_same_however_many_rows_are_measured_at_a_time(monkeypatch, band):
    packing = Packing(LAYERS, "relu3_1", "relu1_1")
    packed = packing.pack(three_layers(), PICTURES)[:1]
    piece = Piece(packed, Tile(0, 5, 0, 7))
    usual = measure_pieces([piece], packing)
    monkeypatch.setattr(normalization, "BAND", band)
    found = measure_pieces([piece], packing)
    # Sums of a band are in float32.
    torch.testing.assert_close(found.mean, usual.mean, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found.deviation, usual.deviation, rtol=1e-6, atol=1e-6)


def test_a_blend_of_moments_gives_the_blend_of_features():
    content, styles = features(0), [features(1), features(2)]
    own = moments(content)
    one, other = (adain(content, own, moments(style)) for style in styles)
    blended = blend_moments([moments(style) for style in styles], [3, 1])
    torch.testing.assert_close(adain(content, own, blended), 0.75 * one + 0.25 * other)


def test_bfloat16_features_keep_float32_moments():
    exact = features(0, (64, 64))
    rounded = moments(exact.bfloat16())
    assert rounded.mean.dtype == torch.float32
    torch.testing.assert_close(rounded.deviation, moments(exact).deviation, rtol=2e-3, atol=0)
    assert EPSILON < 1e-4


# The decoder.

CONVOLUTIONS_OF_VGG16 = [
    (512, 256), (256, 256), (256, 256), (256, 128), (128, 128), (128, 64), (64, 64), (64, 3),
]  # fmt: skip


def layers_of(backbone: str) -> dict[str, LayerInfo]:
    return dict(create_backbone(f"{backbone}.random").layers)


def convolutions(decoder: Decoder) -> list[tuple[int, int]]:
    return [(m.in_channels, m.out_channels) for m in decoder.modules() if isinstance(m, nn.Conv2d)]


@pytest.mark.parametrize(("backbone", "more"), [("vgg16", 0), ("vgg19", 1)])
def test_of_a_vgg_it_is_the_encoder_in_reverse(backbone, more):
    decoder = Decoder(layers_of(backbone), "relu4_1", AdainSettings())
    expected = list(CONVOLUTIONS_OF_VGG16)
    expected[1:1] = [(256, 256)] * more
    assert convolutions(decoder) == expected
    assert sum(isinstance(m, nn.Upsample) for m in decoder.modules()) == 3


def test_width_narrows_all_but_what_it_is_given():
    decoder = Decoder(layers_of("vgg16"), "relu4_1", AdainSettings(width=0.25))
    assert convolutions(decoder)[0] == (512, 64)
    assert convolutions(decoder)[-1] == (16, 3)


@pytest.mark.parametrize("backbone", ["vgg16", "resnet18", "resnet50_thin"])
@pytest.mark.parametrize("enlarge", ["nearest", "bilinear"])
def test_a_decoder_of_any_layer_gives_pictures_of_the_encoder_s_size(backbone, enlarge):
    layers = layers_of(backbone)
    assert buildable_layers(layers) == list(layers)
    for layer in [*layers][:: max(1, len(layers) // 5)]:
        info = layers[layer]
        decoder = Decoder(layers, layer, AdainSettings(width=0.05, enlarge=enlarge))
        made = decoder(torch.rand(1, info.channels, 2, 3))
        assert tuple(made.shape) == (1, 3, 2 * info.stride, 3 * info.stride), layer


@pytest.mark.parametrize("enlarge", ["nearest", "bilinear"])
def test_nothing_but_the_features_shows_no_border_and_no_checkerboard(enlarge):
    """Constant features give a picture of one colour."""
    torch.manual_seed(0)
    decoder = Decoder(layers_of("vgg16"), "relu3_1", AdainSettings(width=0.25, enlarge=enlarge))
    made = decoder(torch.rand(1, 256, 1, 1).expand(1, 256, 6, 8) * 4)
    torch.testing.assert_close(made, made[..., :1, :1].expand_as(made), rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [300.0, 1.0, 1e-6])
def test_features_of_any_scale_reach_it_near_one_and_survive_a_model_file(size):
    decoder = Decoder(layers_of("vgg16"), "relu2_1", AdainSettings(width=0.125))
    given = torch.rand(1, 128, 4, 4) * size
    decoder.fit_scale(given)
    seen: list[torch.Tensor] = []
    decoder.layers[0].register_forward_hook(lambda module, args, output: seen.append(args[0]))
    decoder(given)
    assert 0.5 < seen[0].square().mean().sqrt() < 2
    assert not decoder.exponent.is_floating_point()


def extractor(layers: dict[str, LayerInfo]) -> FeatureExtractor:
    class Declared:
        def __init__(self) -> None:
            self.layers = layers

        def __call__(self, image, wanted):
            raise AssertionError("is not run")

    return FeatureExtractor(Declared(), "odd", lambda tensor: tensor, "none")


ODD = {"first": LayerInfo(8, 2, 2), "second": LayerInfo(16, 3, 3), "third": LayerInfo(16, 6, 6)}


def test_a_layer_whose_decoder_cannot_be_built_is_refused_with_those_whose_can():
    with pytest.raises(UsageError, match="no decoder can be built for layer third of odd: choose "
                       "one of first"):  # fmt: skip
        choose_layer("third", extractor(ODD), ())
    assert choose_layer("first", extractor(ODD), ()) == "first"
    assert choose_layer("auto", extractor(ODD), ()) == "first"
    with pytest.raises(UsageError, match="for any layer of odd: choose another backbone"):
        choose_layer("auto", extractor({}), ())


def test_an_unknown_layer_is_named_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean first"):
        choose_layer("frist", extractor(ODD), ())


@pytest.mark.parametrize(
    ("backbone", "style", "expected"),
    [
        ("vgg16", ("conv1_1", "conv5_1"), "relu4_1"),
        ("resnet18", ("conv1", "layer1.1", "layer2.1", "layer3.1"), "layer2.1"),
        ("resnet18", (), "layer2.1"),
    ],
)
def test_the_default_layer_is_fine_enough_to_keep_lines(backbone, style, expected):
    assert choose_layer("auto", extractor(layers_of(backbone)), style) == expected


# The reach of networks.


@pytest.mark.parametrize(
    ("step", "stride", "expected"),
    [
        (nn.Identity(), 1, 0),
        (nn.Conv2d(3, 4, 5, padding=2), 1, 2),
        (nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)), 2, 2),
        (lambda image: image.softmax(dim=1), 1, 0),
        (lambda image: image.flatten(1).softmax(dim=1).view_as(image), 1, None),
    ],
)
def test_reach_is_as_far_as_a_pixel_is_seen(step, stride, expected):
    assert measure_reach(step, stride, torch.device("cpu")) == expected


@pytest.mark.parametrize(
    ("backbone", "layer"),
    [("vgg16.random", "relu3_1"), ("resnet18.random", "layer1.1"), ("resnet50_thin", "layer1.0")],
)
def test_features_do_not_change_with_pixels_beyond_the_reach(backbone, layer):
    network = create_backbone(backbone)
    stride = network.layers[layer].stride

    def step(image: torch.Tensor) -> torch.Tensor:
        return network(image, [layer])[layer]

    reach = measure_reach(step, stride, torch.device("cpu"))
    assert reach is not None
    assert reach % stride == 0
    positions = reach // stride
    picture = torch.rand(1, 3, 4 * stride, 4 * reach)
    changed = picture.clone()
    changed[..., 2 * reach :] = 0
    before, after = step(picture), step(changed)
    kept = 2 * positions - positions
    torch.testing.assert_close(before[..., :kept], after[..., :kept], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(before[..., : 2 * positions], after[..., : 2 * positions])


# Variety.


def test_colours_are_varied_in_every_second_painting_and_repeat_with_the_seed():
    paintings = torch.rand(40, 3, 4, 4)
    torch.manual_seed(3)
    varied = vary_colors(paintings, 1.0)
    same = (varied == paintings).flatten(1).all(dim=1)
    assert 10 <= same.sum() <= 30
    assert varied.min() >= 0
    assert varied.max() <= 1
    torch.manual_seed(3)
    assert torch.equal(varied, vary_colors(paintings, 1.0))


def test_no_variety_draws_no_number():
    state = torch.get_rng_state()
    paintings = torch.rand(2, 3, 4, 4, generator=torch.Generator())
    assert vary_colors(paintings, 0) is paintings
    mixture = draw_mixture(4, 2, 0.0, torch.device("cpu"))
    values = torch.rand(4, 3, generator=torch.Generator())
    assert torch.equal(mixture(values), values)
    assert torch.equal(state, torch.get_rng_state())


def test_a_turned_hue_leaves_grey_as_it_is():
    grey = torch.linspace(0.3, 0.7, 16).view(1, 1, 4, 4).expand(20, 3, 4, 4)
    varied = vary_colors(grey, 0.5)
    assert (varied.amax(dim=1) - varied.amin(dim=1)).max() < 1e-5


def test_styles_are_mixed_with_the_next_and_own_ones_are_not():
    torch.manual_seed(0)
    values = torch.arange(6.0)[:, None]
    mixed = draw_mixture(6, 2, 1.0, torch.device("cpu"))(values)[:, 0]
    assert mixed[:2].tolist() == [0, 1]
    assert all(n <= mixed[n] <= n + 1 for n in (2, 3, 4))
    assert 2 <= mixed[5] <= 5
    assert len(set(mixed.tolist()) & set(range(6))) == 2


def test_statistics_that_are_sets_are_mixed_as_their_loss_blends_them():
    loss = create_loss("nearest_neighbor", positions=50)
    found = loss.statistics(torch.randn(3, 4, 9, 11, generator=torch.Generator().manual_seed(0)))
    mixture = Mixture(torch.tensor([0, 2, 1]), torch.tensor([0.0, 0.25, 0.5]))
    mixed = mixture.of_statistics(loss, found)
    assert mixed.positions == 99
    rows = [{tuple(row) for row in sample.tolist()} for sample in found.values["features"]]
    united = [{tuple(row) for row in sample.tolist()} for sample in mixed.values["features"]]
    assert united[0] == rows[0]
    assert [len(united[1] & rows[n]) for n in range(3)] == [0, 38, 12]
    assert [len(united[2] & rows[n]) for n in range(3)] == [0, 25, 25]


def test_statistics_that_are_means_are_mixed_by_their_means():
    loss = create_loss("moments")
    found = loss.statistics(torch.rand(3, 4, 5, 5))
    mixture = Mixture(torch.tensor([0, 2, 1]), torch.tensor([0.0, 0.25, 0.5]))
    mixed = mixture.of_statistics(loss, found).values["mean"]
    means = found.values["mean"]
    expected = [means[0], 0.75 * means[1] + 0.25 * means[2], 0.5 * means[2] + 0.5 * means[1]]
    torch.testing.assert_close(mixed, torch.stack(expected))
