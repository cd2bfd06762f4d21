"""Shared fixtures: the installed plugins, the demo pair, the device under test."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest
import torch
from PIL import Image

from command import Command
from fresh_environment import build_wheel
from same_frames import Same
from small_training import make_model
from stylize import PluginHost, Stylizer, make_settings

# No test may reach the network: weights that are not embedded are unavailable.
os.environ["STYLIZE_OFFLINE"] = "1"

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(scope="session")
def host() -> PluginHost:
    return PluginHost.discover(strict=True, disabled=())


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built once."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


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


@pytest.fixture(scope="session")
def noise_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that was not trained."""
    return make_model(tmp_path_factory.mktemp("models") / "noise.safetensors")


@pytest.fixture
def stylizer(noise_model: Path, host: PluginHost) -> Stylizer:
    """A stylizer that applies it."""
    settings = {"model": str(noise_model), "device": "cpu", "precision": "float32", "size": "full"}
    return Stylizer(make_settings(settings), host)


@pytest.fixture
def same(monkeypatch: pytest.MonkeyPatch) -> type[Same]:
    """Makes clips whose frames stay the same."""
    monkeypatch.setattr("stylize_video.making.ClipStylizer", Same)
    return Same


@pytest.fixture
def full_disk() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """A context with a full disk: files take half of the data, then fail."""

    @contextlib.contextmanager
    def fill() -> Iterator[None]:
        whole = Path.write_bytes

        def half(path: Path, data: bytes) -> int:
            whole(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "write_bytes", half)
            yield

    return fill


@pytest.fixture
def command(
    tmp_path: Path,
    photo: Path,
    painting: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Command]:
    """The command, in its own folder with a small photo.png and painting.png."""
    monkeypatch.chdir(tmp_path)
    for source, name in ((photo, "photo.png"), (painting, "painting.png")):
        with Image.open(source) as image:
            image.resize((48, 36)).save(name)
    yield Command(tmp_path, capsysbinary, monkeypatch)
    # The next test must not find plugins that this one placed there.
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]
