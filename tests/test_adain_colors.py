"""The colours of swapped features: guided by the photograph's shapes, in the painting's palette."""

from __future__ import annotations

import pytest
import torch
from PIL import Image, ImageStat
from torch import Tensor

from stylize import Stylizer, to_pil
from stylize_adain.guiding import REACH, guide_colors
from stylize_adain.palette import MOST, ColorMap, Palette


def noise(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def halves(height: int = 24, width: int = 32) -> Tensor:
    """Return a photograph (1, 3, H, W) of a dark and a bright half."""
    picture = torch.full((1, 3, height, width), 0.2)
    picture[..., width // 2 :] = 0.8
    return picture


def test_patches_in_plain_areas_vanish_and_edges_stay_where_the_photograph_has_them():
    photograph = halves()
    colors = photograph.flip(3) + 0.2 * (noise(0, *photograph.shape) - 0.5)
    guided = guide_colors(colors, photograph)
    for half in (slice(0, 16), slice(16, 32)):
        before, after = (each[..., half].std(dim=(2, 3)) for each in (colors, guided))
        assert (after < 0.35 * before).all()
    step = guided[..., 15] - guided[..., 16]
    assert (step.mean(dim=2) > 0.5).all()


def test_colours_that_are_a_function_of_the_photograph_s_stay():
    photograph = noise(1, 1, 3, 20, 30)
    colors = torch.einsum("ij,njhw->nihw", noise(2, 3, 3), photograph) + 0.1
    assert (guide_colors(colors, photograph) - colors).abs().max() < 0.05


def test_a_part_gets_the_colours_of_the_whole():
    photograph, colors = noise(3, 1, 3, 40, 44), noise(4, 1, 3, 40, 44)
    whole = guide_colors(colors, photograph)
    part = guide_colors(colors[..., 5:, 7:40], photograph[..., 5:, 7:40])
    inside = (..., slice(REACH, None), slice(REACH, -REACH))
    assert (part[inside] - whole[..., 5:, 7:40][inside]).abs().max() < 1e-4


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (7, 5)])
def test_pictures_of_few_positions_are_guided_too(size):
    colors = guide_colors(noise(5, 1, 3, *size), noise(6, 1, 3, *size))
    assert colors.shape == (1, 3, *size)
    assert torch.isfinite(colors).all()


def mapped(picture: Tensor, wanted: Palette, share: float = 1.0) -> Tensor:
    made = (255 * picture).round().to(torch.uint8)
    ColorMap.between(Palette.of(made), wanted, share).apply(made, 7)
    return made.float() / 255


def test_a_picture_takes_mean_and_covariance_of_a_painting():
    painting = (
        torch.einsum(
            "ij,njhw->nihw",
            torch.tensor([[0.3, 0.1, 0], [0, 0.2, 0.1], [0, 0, 0.3]]),
            noise(7, 1, 3, 30, 30),
        )
        + 0.3
    )
    wanted = Palette.of(painting)
    found = Palette.of(mapped(0.4 + 0.2 * noise(8, 1, 3, 40, 20), wanted))
    assert (found.mean - wanted.mean).abs().max() < 0.01
    assert (found.covariance - wanted.covariance).abs().max() < 0.15 * wanted.covariance.abs().max()


def test_a_share_of_nothing_changes_nothing():
    picture = (255 * noise(9, 1, 3, 20, 20)).round() / 255
    assert torch.equal(mapped(picture, Palette.of(noise(10, 1, 3, 9, 9)), 0.0), picture)


def test_contrast_is_limited_and_one_colour_stays_finite():
    faint = 0.5 + 0.01 * (noise(11, 1, 3, 30, 30) - 0.5)
    wanted = Palette.of(noise(12, 1, 3, 30, 30))
    own = Palette.of(faint)
    gains = torch.linalg.eigvalsh(ColorMap.between(own, wanted, 1.0).matrix)
    assert gains.max() <= MOST + 1e-9
    for plain in (torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 1, 1)):
        assert torch.isfinite(mapped(plain, wanted)).all()
        assert torch.isfinite(mapped(faint, Palette.of(plain))).all()


def test_whites_do_not_burn_out():
    painting = 0.2 + 0.5 * noise(13, 1, 3, 30, 30)
    picture = torch.linspace(0, 1, 400).expand(1, 3, 20, 400)
    made = mapped(picture, Palette.of(painting))
    assert made.max() <= 0.71
    bright = made[0, 0, 0, 300:]
    assert (bright.diff() >= 0).all()
    assert bright.unique().numel() > 5


def test_the_palette_of_several_paintings_is_that_of_their_colours_together():
    one, other = noise(14, 1, 3, 10, 30), 0.5 * noise(15, 1, 3, 10, 10)
    blended = Palette.blend([Palette.of(one), Palette.of(other)], [3.0, 1.0])
    together = Palette.of(torch.cat([one, other], dim=3))
    assert (blended.mean - together.mean).abs().max() < 1e-6
    assert (blended.covariance - together.covariance).abs().max() < 1e-6


def test_a_picture_comes_nearer_to_the_painting_s_colours(tmp_path):
    photograph, painting = tmp_path / "photo.png", tmp_path / "painting.png"
    to_pil(0.4 + 0.2 * noise(16, 1, 3, 96, 128)).save(photograph)
    warm = noise(17, 1, 3, 12, 16).repeat_interleave(8, 2).repeat_interleave(8, 3)
    to_pil(warm * torch.tensor([1.0, 0.6, 0.2]).view(1, 3, 1, 1)).save(painting)

    def distance(share: float) -> float:
        options = {"adain": {"palette": share}}
        result = Stylizer(method="adain", size=128, device="cpu", options=options)(
            photograph, painting
        )
        found, wanted = (
            torch.tensor(ImageStat.Stat(image.convert("RGB")).mean)
            for image in (result.image, Image.open(painting))
        )
        return float((found - wanted).norm())

    assert distance(1.0) < 0.6 * distance(0.0)
