"""Shared fixtures: the installed plugins, the demo pair, the device under test."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import pytest
import torch

from stylize import PluginHost

# No test may reach the network: weights that are not embedded are unavailable.
os.environ["STYLIZE_OFFLINE"] = "1"

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(scope="session")
def host() -> PluginHost:
    return PluginHost.discover(strict=True, disabled=())


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.param)


@pytest.fixture(scope="session")
def demo() -> Path:
    return Path(str(resources.files("stylize") / "demo"))


@pytest.fixture(scope="session")
def photo(demo: Path) -> Path:
    return demo / "china.jpg"


@pytest.fixture(scope="session")
def painting(demo: Path) -> Path:
    return demo / "starry_night.jpg"
