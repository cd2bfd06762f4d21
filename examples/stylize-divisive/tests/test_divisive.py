"""The plugin keeps the promises of its kind, and the function follows its definition."""

from typing import ClassVar

import pytest
import torch
from stylize.testing import PluginContract, SmoothingContract

from stylize_divisive import DivisiveSettings, DivisiveSmoothing


class TestPlugin(PluginContract):
    plugin = "stylize_divisive"


class TestDivisive(SmoothingContract):
    plugin = "stylize_divisive"
    name = "divisive"


class TestDivisiveOfOnePosition(SmoothingContract):
    plugin = "stylize_divisive"
    name = "divisive"
    settings: ClassVar = {"window": 1}


def smoothing(**settings: float) -> DivisiveSmoothing:
    return DivisiveSmoothing(DivisiveSettings(**settings))


def test_one_position_is_heeger_s_formula() -> None:
    features = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    expected = features / (0.5**2 + (9 + 16) / 2) ** 0.5
    torch.testing.assert_close(smoothing(sigma=0.5, window=1)(features), expected)


def test_channels_keep_their_proportions() -> None:
    features = torch.rand(1, 8, 5, 5) + 0.1
    smooth = smoothing()(features)
    torch.testing.assert_close(smooth / smooth[:, :1], features / features[:, :1])


@pytest.mark.parametrize("window", [1, 2, 3, 4, 7])
def test_a_flat_map_stays_flat_to_its_edges(window: int) -> None:
    smooth = smoothing(window=window)(torch.full((1, 3, 4, 5), 2.0))
    torch.testing.assert_close(smooth, torch.full_like(smooth, 2 / (0.3**2 + 4) ** 0.5))


def test_a_peak_dims_its_neighbours() -> None:
    features = torch.ones(1, 4, 7, 7)
    features[..., 3, 3] = 50
    smooth = smoothing(window=3)(features)
    assert smooth[0, 0, 3, 2] < 0.1 * smooth[0, 0, 0, 0]
    assert smooth.abs().max() <= 3  # the window, at most: 50 before


def test_the_preset_makes_a_picture(stylize_command) -> None:
    options = ("--size", "48", "--set", "gatys.iterations=2", "-o", "out.png")
    outcome = stylize_command("--preset", "thin_divisive", "photo.png", "painting.png", *options)
    assert outcome.code == 0, outcome.err
    assert (stylize_command.folder / "out.png").is_file()


def test_sigma_is_an_option_of_the_command(stylize_command) -> None:
    options = ("--smooth", "divisive", "--divisive-sigma", "0.5")
    small = ("--size", "48", "--set", "neighbors.iterations=2", "--json")
    outcome = stylize_command("photo.png", "painting.png", *options, *small)
    assert outcome.code == 0, outcome.err
    (record,) = outcome.records
    assert record["settings"]["options"]["divisive"] == {"sigma": "0.5"}
