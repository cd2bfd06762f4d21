"""stylize.testing besides contracts: fixtures, temporary plugins, composing."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from stylize import Backbone, Kind, PluginHost, SmoothingSpec, testing
from stylize.errors import PluginError, UnknownNameError
from stylize.testing import ContractFailure, assert_composes, temporary_plugin
from stylize.testing.hosts import builtin_host, plugin_module

CURVE = SmoothingSpec("curve", factory="planted_parts:Cubic", summary="A curve")


def test_every_name_of_stylize_testing_can_be_imported():
    assert all(getattr(testing, name) is not None for name in testing.__all__)
    assert dir(testing) == sorted(testing.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'SmootingContract'"):
        testing.SmootingContract  # noqa: B018


def test_the_fixtures_cost_a_pytest_run_no_torch():
    script = "import sys, stylize.testing.fixtures; print('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert ended.stdout.split() == [b"False"]


def test_fixtures_are_there_without_being_imported(
    stylize_host, tiny_backbone, image_pair, stylize_device, stylize_command
):
    assert stylize_host.plugins == ()
    assert isinstance(tiny_backbone, Backbone)
    assert isinstance(stylize_device, torch.device)
    for image in image_pair:
        features = tiny_backbone(image, ["block2"])["block2"]
        assert features.shape == (1, 16, image.shape[2] // 4, image.shape[3] // 4)
    assert {path.name for path in stylize_command.folder.iterdir()} == {"photo.png", "painting.png"}
    assert stylize_command("plugins", "list").out.startswith("backbone:\n")


def test_a_temporary_plugin_is_there_for_the_length_of_a_with(stylize_host):
    with temporary_plugin(stylize_host, CURVE) as info:
        assert info.specs == (CURVE,)
        assert stylize_host.get(Kind.SMOOTHING, "curve") is CURVE
        with temporary_plugin(stylize_host, "stylize_smoothings"):
            assert "tanh" in stylize_host.names(Kind.SMOOTHING)
    assert stylize_host.plugins == ()
    with pytest.raises(UnknownNameError):
        stylize_host.get(Kind.SMOOTHING, "curve")
    with temporary_plugin(stylize_host, CURVE):
        assert stylize_host.names(Kind.SMOOTHING) == ["curve"]


@pytest.mark.parametrize("strict", [False, True])
def test_a_temporary_plugin_that_fails_leaves_nothing_behind(strict):
    host = PluginHost(strict=strict)
    with (
        pytest.raises(PluginError, match="STYLIZE_PLUGIN_API is 99"),
        temporary_plugin(host, plugin_module("future", [CURVE], STYLIZE_PLUGIN_API=99)),
    ):
        pass
    assert host.plugins == host.failures == ()


def test_plugins_can_be_taken_out_in_any_order(stylize_host):
    first = stylize_host.register(plugin_module("first", [CURVE]))
    second = stylize_host.register(
        plugin_module("second", [SmoothingSpec("bend", factory="planted_parts:Cubic")])
    )
    stylize_host.unregister(first)
    assert stylize_host.plugins == (second,)
    stylize_host.unregister(second)
    with pytest.raises(PluginError, match="local:second is not registered"):
        stylize_host.unregister(second)


def test_a_plugin_that_is_installed_keeps_its_distribution():
    host = builtin_host()
    before = host.plugins
    with temporary_plugin(host, "stylize_smoothings") as info:
        assert info in before
    assert host.plugins == before


def test_a_part_composes_or_the_failure_names_it():
    host = builtin_host()
    specs = [CURVE, SmoothingSpec("raises", factory="planted_parts:Raises")]
    with temporary_plugin(host, specs):
        assert_composes(host, "smoothing", "curve")
        with pytest.raises(ContractFailure, match=r"smoothing raises: .* ValueError: not today"):
            assert_composes(host, "smoothing", "raises")
