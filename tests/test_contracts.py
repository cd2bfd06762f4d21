"""Our own plugins and parts keep the promises that third parties must keep.

The tests run over the registry, so they include each new part of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

import pytest
import torch

from small_adain import make_adain_model
from stylize import BackboneSpec, Kind
from stylize.discovery.scanning import GROUP
from stylize.testing import (
    BackboneContract,
    LossContract,
    MethodContract,
    PluginContract,
    SmoothingContract,
    TrainableContract,
)
from stylize.testing.hosts import BUILT_IN, builtin_host

OURS = builtin_host(strict=True)
PLUGINS = [
    entry.value for entry in metadata.distribution(BUILT_IN).entry_points.select(group=GROUP)
]


def backbones() -> list[str]:
    """Return every backbone with random weights, and with its package's own."""
    specs = [spec for spec in OURS.specs(Kind.BACKBONE) if isinstance(spec, BackboneSpec)]
    embedded = [f"{s.name}.{w.tag}" for s in specs for w in s.weights if w.embedded]
    return [*(f"{spec.name}.random" for spec in specs), *embedded]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Run on one thread: the images are too small to share."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# Class scope, so that a part is made once for all of its tests.


@pytest.fixture(scope="class", params=PLUGINS)
def plugin(request: pytest.FixtureRequest) -> None:
    request.cls.plugin = request.param


@pytest.fixture(scope="class", params=backbones())
def backbone(request: pytest.FixtureRequest) -> None:
    request.cls.name = request.param


@pytest.fixture(scope="class", params=OURS.names(Kind.SMOOTHING))
def smoothing(request: pytest.FixtureRequest) -> None:
    request.cls.name = request.param


@pytest.fixture(scope="class", params=OURS.names(Kind.LOSS))
def loss(request: pytest.FixtureRequest) -> None:
    request.cls.name = request.param


@pytest.fixture(scope="class")
def adain_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = make_adain_model(OURS, tmp_path_factory.mktemp("adain") / "model.safetensors")
    request.cls.run_settings = {"model": str(path), "size": 160}


@pytest.mark.usefixtures("plugin")
class TestPlugins(PluginContract):
    pass


@pytest.mark.usefixtures("backbone")
class TestBackbones(BackboneContract):
    pass


class TestEnlargedResNet(BackboneContract):
    """Its pictures are enlarged before it sees them."""

    name = "resnet50_thin"
    settings = {"enlarge": 2}  # noqa: RUF012


@pytest.mark.usefixtures("smoothing")
class TestSmoothings(SmoothingContract):
    pass


@pytest.mark.usefixtures("loss")
class TestLosses(LossContract):
    pass


class TestGatys(MethodContract):
    name = "gatys"
    settings = {"iterations": [5]}  # noqa: RUF012


class TestGatysFromNoise(MethodContract):
    """Draws random numbers, and works at two scales."""

    name = "gatys"
    settings = {"iterations": [3, 3], "init": "noise", "scales": [0.5, 1.0]}  # noqa: RUF012


class TestNeighbors(MethodContract):
    """At two scales: the second starts from the result of the first."""

    name = "neighbors"
    settings = {"iterations": [3, 3], "scales": [0.9, 1.0]}  # noqa: RUF012


class TestJohnson(MethodContract):
    """In several tiles, so that there are steps to skip."""

    name = "johnson"
    settings = {"tile": 64}  # noqa: RUF012
    run_settings = {"model": "starry_night", "size": 160}  # noqa: RUF012


class TestTrainingOfJohnson(TrainableContract):
    """With all that it can learn besides its network."""

    name = "johnson"
    settings = {"network": "deep", "width": 8, "blocks": 1, "scales": 2, "critic": 1.0}  # noqa: RUF012
    training_settings = {"content_layers": "conv2_1", "style_layers": "relu1_1,relu2_1"}  # noqa: RUF012


@pytest.mark.usefixtures("adain_model")
class TestAdain(MethodContract):
    """In several tiles, with an untrained decoder."""

    name = "adain"
    settings = {"tile": 64}  # noqa: RUF012


@pytest.mark.parametrize("name", OURS.names(Kind.METHOD))
def test_every_method_has_its_contract(name):
    tested = {value.name for value in globals().values() if _is_method_contract(value)}
    assert name in tested


def _is_method_contract(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, MethodContract)
