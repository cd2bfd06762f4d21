"""Swapped features: the painting's feature that each position takes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stylize import LayerInfo, Tile
from stylize_adain.packing import LUMA, Packing
from stylize_adain.searching import SWEEPS, Search, SwapStyle
from stylize_adain.statistics import Moments
from stylize_adain.swap import Swap
from stylize_adain.transform import Piece

PACKING = Packing(
    {"relu1_1": LayerInfo(3, 1, 1), "relu2_1": LayerInfo(6, 2, 2)}, "relu2_1", "relu1_1"
)
CHANNELS = 6 + 4 * 3
COLORED = Packing(
    {"relu1_1": LayerInfo(3, 1, 1), "relu2_1": LayerInfo(6, 2, 2)}, "relu2_1", "", colors=True
)


def features(seed: int, height: int = 12, width: int = 14) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 + torch.randn(1, CHANNELS, height, width, generator=generator)


def make_swap(coherence: float = 0.0, components: int = 0) -> Swap:
    return Swap(Search(PACKING, components, coherence, torch.float32))


def measure(swap: Swap, painting: Tensor) -> SwapStyle:
    height, width = painting.shape[-2:]
    half = width // 2
    pieces = [
        Piece(painting[..., :half], Tile(0, height, 0, half)),
        Piece(painting[..., half:], Tile(0, height, half, width)),
    ]
    return swap.measure(pieces, (height, width))


def moments(photograph: Tensor) -> Moments:
    return PACKING.moments_of(photograph)


def rows(packed: Tensor) -> Tensor:
    return packed[0].flatten(1).mT


def distances(some: Tensor, others: Tensor) -> Tensor:
    return torch.cdist(some, others, compute_mode="donot_use_mm_for_euclid_dist")


def apply(swap: Swap, photograph: Tensor, painting: Tensor) -> Tensor:
    return swap.apply(photograph, moments(photograph), measure(swap, painting), 1.0)


@pytest.mark.parametrize("components", [0, 8])
@pytest.mark.parametrize("coherence", [0.0, 0.1])
def test_a_picture_in_its_own_style_comes_back(components, coherence):
    picture = features(0)
    assert torch.equal(apply(make_swap(coherence, components), picture, picture), picture)


def test_each_position_takes_the_nearest_without_means_and_with_layers_of_one_length():
    photograph, painting = features(0), features(1, 9, 10)

    def directions(packed: Tensor) -> Tensor:
        centred = rows(packed).double() - rows(packed).double().mean(dim=0)
        layers = torch.split(centred, [6, 12], dim=1)
        scaled = [each / each.square().sum(dim=1).mean().sqrt() for each in layers]
        return torch.nn.functional.normalize(torch.cat(scaled, dim=1), dim=1)

    # In the finer layer, means are over its own positions, and shared between its channels.
    for packed in (photograph, painting):
        fine = packed[:, 6:].unflatten(1, (4, 3))
        fine -= fine.mean(dim=(1, 3, 4), keepdim=True) - fine.mean(dim=(3, 4), keepdim=True)
        fine -= fine.mean(dim=(3, 4), keepdim=True)
    wanted = (directions(photograph) @ directions(painting).mT).argmax(dim=1)
    made = apply(make_swap(), photograph, painting)
    assert torch.equal(rows(made), rows(painting)[wanted])


def test_neither_another_mean_nor_a_layer_of_another_scale_changes_the_match():
    photograph, painting = features(0), features(1)
    expected = apply(make_swap(), photograph, painting)
    other = photograph.clone()
    other[:, :6] = 100 * photograph[:, :6] + 50
    assert torch.equal(apply(make_swap(), other, painting), expected)


def test_as_many_components_as_there_are_find_the_nearest():
    generator = torch.Generator().manual_seed(2)
    mixed = torch.randn(4, 9, generator=generator)
    # Equal at all positions of the finer layer, whose means are over all of them.
    mixed = torch.cat([mixed, mixed[:, 6:].repeat(1, 3)], dim=1)
    photograph, painting = (
        torch.einsum("nkhw,kc->nchw", features(seed)[:, :4], mixed) for seed in (0, 1)
    )
    exact = apply(make_swap(), photograph, painting)
    assert torch.equal(apply(make_swap(components=4), photograph, painting), exact)


def test_a_plain_photograph_takes_a_piece_of_the_painting_not_one_position_again_and_again():
    painting = torch.nn.functional.interpolate(features(1, 3, 3), (12, 14), mode="bilinear")
    plain = 2 + 1e-3 * features(3)
    plain[..., 0, :] = features(0)[..., 0, :]  # a horizon, whose variance is the picture's

    def taken(coherence: float) -> int:
        made = rows(apply(make_swap(coherence), plain, painting)[..., 2:, :])
        return len(made.unique(dim=0))

    assert taken(0.4) > 1.2 * taken(0.0)


@pytest.mark.parametrize("first", [(0, 0), (1, 2), (3, 4)])
def test_a_part_of_a_photograph_is_restyled_as_in_the_whole(first):
    photograph, painting = features(0, 24, 26), features(1)
    swap = make_swap(0.3, 8)
    style, content = measure(swap, painting), moments(photograph)
    whole = swap.apply(photograph, content, style, 1.0)
    top, left = first
    part = swap.apply(photograph[..., top:, left:], content, style, 1.0, first=first)
    margin = [SWEEPS if edge else 0 for edge in first]
    expected = whole[..., top + margin[0] :, left + margin[1] :]
    assert torch.equal(part[..., margin[0] :, margin[1] :], expected)


def test_alpha_is_a_blend_of_features():
    photograph, painting = features(0), features(1)
    swap = make_swap()
    style, content = measure(swap, painting), moments(photograph)
    none, half, full = (swap.apply(photograph, content, style, a) for a in (0.0, 0.5, 1.0))
    assert torch.equal(none, photograph)
    torch.testing.assert_close(half, (photograph + full) / 2)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (3.0, 1.0)])
def test_paintings_have_their_shares_of_the_photograph(weights):
    photograph = features(0, 30, 40)
    paintings = [features(1), photograph + 0.8 * features(2, 30, 40)]  # the second is nearer
    swap = make_swap(components=16)
    style = swap.blend([measure(swap, each) for each in paintings], weights)
    settled = swap.settle(style, lambda: (photograph, moments(photograph)))
    made = rows(swap.apply(photograph, moments(photograph), settled, 1.0))
    first = (distances(made, rows(paintings[0])) < 1e-3).any(dim=1).float().mean()
    assert abs(first - weights[0] / sum(weights)) < 0.1


def test_a_painting_without_weight_gives_nothing():
    swap = make_swap()
    one, other = (measure(swap, features(seed)) for seed in (1, 2))
    assert swap.blend([one, other], [1, 0]) is one


@pytest.mark.parametrize("tone", [0.0, 1.0])
def test_light_and_dark_decide_where_features_say_nothing(tone):
    """Half of the painting is dark, half is light, and so are the photographs, of one texture."""
    generator = torch.Generator().manual_seed(0)
    light = torch.tensor([0.1, 0.9]).repeat_interleave(6).expand(8, 12)[None, None]

    def packed(colors: Tensor) -> Tensor:
        maps = torch.randn(1, 6, 8, 12, generator=generator)
        pictures = colors.repeat_interleave(2, 2).repeat_interleave(2, 3).expand(1, 3, -1, -1)
        return COLORED.pack({"relu2_1": maps}, pictures)

    photograph, painting = packed(0.5 + 0.3 * light), packed(light)
    swap = Swap(Search(COLORED, 0, 0.0, torch.float32, tone))
    style = swap.measure([Piece(painting, Tile(0, 8, 0, 12))], (8, 12))
    made = swap.apply(photograph, COLORED.moments_of(photograph), style, 1.0)
    agree = (COLORED.colors_of(made).mean(dim=1) > 0.5) == (light[0] > 0.5)
    assert agree.float().mean() == 1 if tone else agree.float().mean() < 0.9


@pytest.mark.parametrize("hue", [0.0, 1.0])
def test_colours_decide_where_features_and_light_say_nothing(hue):
    """Photograph and painting are half blue and half brown, of one texture and one luma."""
    generator = torch.Generator().manual_seed(0)
    colors = torch.tensor([[0.2, 0.4, 0.92], [0.55, 0.36, 0.05]]).repeat_interleave(6, dim=0)
    colors = colors.mT[None, :, None].expand(1, 3, 8, 12)

    def packed(pictures: Tensor) -> Tensor:
        maps = torch.randn(1, 6, 8, 12, generator=generator)
        large = pictures.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return COLORED.pack({"relu2_1": maps}, large)

    photograph, painting = packed(0.3 + 0.5 * colors), packed(colors)
    swap = Swap(Search(COLORED, 0, 0.0, torch.float32, hue=hue))
    style = swap.measure([Piece(painting, Tile(0, 8, 0, 12))], (8, 12))
    made = swap.apply(photograph, COLORED.moments_of(photograph), style, 1.0)
    agree = (COLORED.colors_of(made)[:, 2] > 0.5) == (colors[:, 2] > 0.5)
    assert agree.float().mean() == 1 if hue else agree.float().mean() < 0.9


def test_subjects_keep_their_light_in_the_painting_s_range():
    generator = torch.Generator().manual_seed(0)

    def packed(pictures: Tensor) -> Tensor:
        maps = torch.randn(1, 6, 8, 12, generator=generator)
        return COLORED.pack({"relu2_1": maps}, pictures.expand(1, 3, -1, -1))

    photograph = packed(torch.rand(1, 1, 16, 24, generator=generator))
    painting = packed(0.2 + 0.3 * torch.rand(1, 1, 16, 24, generator=generator))
    own, other = COLORED.moments_of(photograph), COLORED.moments_of(painting)

    def lumas(light: float) -> Tensor:
        swap = Swap(Search(COLORED, 0, 0.0, torch.float32), light=light)
        style = swap.measure([Piece(painting, Tile(0, 8, 0, 12))], (8, 12))
        return rows(swap.apply(photograph, own, style, 1.0))[:, LUMA]

    z = (rows(photograph) - own.mean)[:, LUMA] / own.deviation[:, LUMA]
    wanted = other.mean[:, LUMA] + other.deviation[:, LUMA] * z.clamp(-2, 2)
    torch.testing.assert_close(lumas(1.0), wanted)
    torch.testing.assert_close(lumas(0.5), (wanted + lumas(0.0)) / 2)


def test_a_blank_photograph_and_a_blank_painting_stay_finite():
    blank = torch.zeros(1, CHANNELS, 4, 5)
    for photograph, painting in ((blank, features(1)), (features(0), blank)):
        assert apply(make_swap(0.1, 4), photograph, painting).isfinite().all()


def test_a_plain_match_does_not_wipe_out_detail_and_gives_its_colours():
    """Where the painting is plainer than the photograph, the photograph's lines are kept."""
    height, width = 12, 14
    line = torch.zeros(1, COLORED.channels, height, width)
    line[:, :3, 6] = 5.0
    photograph = line + 0.1 * torch.randn(line.shape, generator=torch.Generator().manual_seed(5))
    plain = 0.1 * torch.randn(line.shape, generator=torch.Generator().manual_seed(6))
    plain[:, LUMA:] += 3.0

    def made(detail: float) -> Tensor:
        swap = Swap(Search(COLORED, 0, 0.0, torch.float32), detail=detail)
        style = swap.measure([Piece(plain, Tile(0, height, 0, width))], (height, width))
        return swap.apply(photograph, COLORED.moments_of(photograph), style, 1.0)

    gone, kept = made(0.0), made(1.0)
    assert gone[:, :3, 6].abs().max() < 1 < 3 < kept[:, :3, 6].abs().min()
    assert torch.equal(kept[:, LUMA:], gone[:, LUMA:])
