"""The network's own grid in pictures: patterns are measured, and noise does not return."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylize_johnson.lattice import measure_lattice
from stylize_johnson.layers import NOISE, OCTAVES, Noise

PERIOD = 8


def strokes(seed: int = 0, size: int = 192) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, 3, size, size, generator=generator)


def dots(size: int = 192, period: int = PERIOD) -> Tensor:
    picture = torch.zeros(1, 3, size, size)
    picture[..., 3::period, 5::period] = 1
    return picture


@pytest.mark.parametrize("period", [2, 4, PERIOD])
def test_dots_in_rows_are_measured_and_strokes_anywhere_are_not(period):
    plain, dotted = 0.5 * strokes(), 0.5 * strokes() + 0.5 * dots(period=period)
    chance, found = measure_lattice(plain, PERIOD), measure_lattice(dotted, PERIOD)
    assert found.shape == (2,)
    assert (found > 20 * chance).all()


def test_dots_of_another_period_are_not_the_network_s():
    assert measure_lattice(dots(period=7), PERIOD) < 0.05 * measure_lattice(dots(), PERIOD)


def test_straight_lines_are_no_pattern():
    lines = torch.zeros(1, 3, 192, 192)
    lines[..., 40, :] = lines[..., :, 101] = 1
    assert measure_lattice(lines, PERIOD) < 1e-4
    both = torch.zeros(1, 3, 192, 192)
    both[..., 3::PERIOD, :] = 1
    assert measure_lattice(both, PERIOD) > 0.01


def test_a_pattern_in_a_corner_counts():
    picture = torch.zeros(1, 3, 192, 192)
    picture[..., 64:128, :64] = dots(64)
    assert measure_lattice(picture, PERIOD) > 1e-4


def test_descending_it_removes_the_pattern_and_leaves_the_strokes():
    plain = 0.5 * strokes()
    picture = (plain + 0.3 * dots()).requires_grad_()
    optimiser = torch.optim.SGD([picture], lr=2e3)
    before = measure_lattice(picture.detach(), PERIOD)
    for _ in range(200):
        optimiser.zero_grad()
        measure_lattice(picture, PERIOD).sum().backward()
        optimiser.step()
    assert (measure_lattice(picture.detach(), PERIOD) < 0.1 * before).all()
    assert (picture.detach() - plain).abs().mean() < 0.05


def test_a_picture_too_small_to_tell_has_none():
    assert torch.equal(measure_lattice(strokes(size=40), PERIOD), torch.zeros(2))


def planes(height: int, width: int, first: tuple[int, int] = (0, 0)) -> Tensor:
    noise = Noise().eval()
    noise.first = first
    return noise(torch.zeros(1, 1, height, width))[0, 1:]


def test_large_noise_does_not_return_within_a_large_picture():
    wide = planes(NOISE, 4 * NOISE)
    for octave in range(1, OCTAVES):
        returned = F.cosine_similarity(
            wide[octave, :, :NOISE].flatten(), wide[octave, :, NOISE : 2 * NOISE].flatten(), dim=0
        )
        assert abs(returned) < 0.2


@pytest.mark.parametrize("first", [(0, 0), (3, 9), (130, 257), (1022, 2046)])
def test_a_part_of_a_picture_sees_its_part_of_the_noise(first):
    top, left = first
    whole = planes(top + 20, left + 30)
    assert torch.equal(planes(20, 30, first), whole[:, top:, left:])


def test_noise_has_the_size_that_training_knew():
    found = planes(8 * NOISE, 8 * NOISE)
    assert (found.std(dim=(1, 2)) - 1).abs().max() < 1e-3
    assert found.mean(dim=(1, 2)).abs().max() < 1e-3
