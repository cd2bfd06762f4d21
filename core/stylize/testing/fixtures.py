"""Fixtures that pytest offers if stylize is installed (entry point `pytest11`).

Every pytest run imports this module, even in projects that have nothing to do with stylize. It
imports the rest when a fixture is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from stylize.contract.protocols import Backbone
    from stylize.discovery.host import PluginHost
    from stylize.testing.commandrunner import CommandRunner


@pytest.fixture
def stylize_host() -> PluginHost:
    """A host without plugins, which discovers none: register those that the test needs."""
    from stylize.discovery.host import PluginHost

    return PluginHost(strict=True)


@pytest.fixture
def stylize_device() -> torch.device:
    """The device to test on: CUDA or MPS if available, else the CPU."""
    from stylize.building.device import choose_device

    return choose_device("auto")


@pytest.fixture
def image_pair() -> tuple[Tensor, Tensor]:
    """A photograph and a painting, each (1, 3, H, W) in [0, 1], 48 pixels at most."""
    from stylize.testing import pictures

    photo, painting = pictures.image_pair()
    return photo.clone(), painting.clone()


@pytest.fixture
def tiny_backbone() -> Backbone:
    """A frozen network of two layers with seeded random weights, for tests of other parts."""
    from stylize.testing.tinybackbone import TinyBackbone

    return TinyBackbone()


@pytest.fixture
def stylize_command(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> CommandRunner:
    """The command, in its own folder with a small photo.png and painting.png."""
    from stylize.pictures.writing import write_image
    from stylize.testing import pictures
    from stylize.testing.commandrunner import CommandRunner

    monkeypatch.chdir(tmp_path)
    for image, name in zip(pictures.image_pair(), ("photo.png", "painting.png"), strict=True):
        write_image(image, tmp_path / name)
    return CommandRunner(tmp_path, capsysbinary, monkeypatch)
