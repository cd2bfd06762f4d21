"""Fronts on curves whose comparison is known."""

from __future__ import annotations

import pytest

from stylize_compare.fronts import TRADES, Front, compare_fronts, rank_fronts


def line(low: float, high: float, at_zero: float, slope: float = -1.0) -> Front:
    """A front on a straight line, of unevenly spaced points in no order."""
    contents = (high, low, low + 0.3 * (high - low), low + 0.35 * (high - low))
    return Front([(content, at_zero + slope * content) for content in contents])


def test_a_front_is_straight_between_its_points_and_unknown_beyond():
    front = Front([(0.8, 0.5), (0.2, 0.9), (0.4, 0.7)])
    assert front.value_at(0.2) == 0.9
    assert front.value_at(0.3) == pytest.approx(0.8)
    assert front.value_at(0.6) == pytest.approx(0.6)
    assert front.value_at(0.8) == 0.5
    assert front.value_at(0.19) is None
    assert front.value_at(0.81) is None
    assert Front([]).value_at(0.5) is None


def test_of_equal_levels_the_lower_value_counts():
    assert Front([(0.5, 0.9), (0.5, 0.6), (0.7, 0.5)]).value_at(0.5) == 0.6


def test_fronts_are_compared_over_what_both_cover():
    overlap = compare_fronts(line(0.4, 1.0, 1.5), line(0.2, 0.8, 1.6))
    assert (overlap.low, overlap.high) == (0.4, 0.8)
    assert overlap.value == pytest.approx(1.5 - 0.6)
    assert overlap.reference == pytest.approx(1.6 - 0.6)


def test_where_each_lies_on_its_curve_does_not_matter():
    """The same curve, sampled at other strengths, is no better and no worse."""
    overlap = compare_fronts(line(0.1, 0.7, 1.2), line(0.3, 0.9, 1.2))
    assert overlap.value == pytest.approx(overlap.reference)


def test_fronts_that_touch_are_compared_at_that_point():
    overlap = compare_fronts(Front([(0.5, 0.8)]), line(0.5, 0.9, 1.5))
    assert (overlap.low, overlap.high) == (0.5, 0.5)
    assert (overlap.value, overlap.reference) == (0.8, pytest.approx(1.0))


@pytest.mark.parametrize("other", [line(0.71, 0.9, 1.0), Front([])])
def test_fronts_apart_are_not_compared(other):
    assert compare_fronts(other, line(0.2, 0.7, 1.0)) is None
    assert compare_fronts(line(0.2, 0.7, 1.0), other) is None


def test_variants_stand_against_the_first_by_medians_over_pairs():
    pairs = [
        {
            "none": line(0.2, 0.8, 1.0),
            "tanh": line(0.2, 0.8, 1.0 - gain),
            "far": line(0.9, 1.0, 1.0),
        }
        for gain in (0.1, -0.05, 0.2)
    ]
    pairs[0]["far"] = line(0.6, 0.9, 0.7)
    tanh, far = rank_fronts(pairs, TRADES[1])
    assert (tanh.of, tanh.at) == ("strokes", "structure")
    assert (tanh.variant, tanh.reference_variant) == ("tanh", "none")
    assert (tanh.pairs, tanh.compared, tanh.lower) == (3, 3, 2)
    assert tanh.difference == pytest.approx(-0.1)
    assert tanh.value == pytest.approx(0.4)
    assert (far.compared, far.lower) == (1, 1)
    assert (far.low, far.high) == (0.6, pytest.approx(0.8))
    assert far.difference == pytest.approx(-0.3)


def test_a_variant_that_overlaps_nowhere_has_no_numbers():
    (far,) = rank_fronts([{"none": line(0.2, 0.4, 1.0), "far": line(0.5, 0.6, 1.0)}], TRADES[0])
    assert far.compared == 0
    assert far.difference is None
