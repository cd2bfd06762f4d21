"""The wheel holds every package under core/ and plugins/, their data, and nothing else."""

from __future__ import annotations

import re
import tomllib
import zipfile
from pathlib import Path

import pytest
from cffconvert import Citation

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as opened:
        return opened.namelist()


@pytest.mark.install
def test_top_level_names_are_the_packages_of_core_and_plugins(wheel_names):
    packages = {
        path.parent.name
        for folder in ("core", "plugins")
        for path in (ROOT / folder).glob("*/__init__.py")
    }
    top = {name.split("/")[0] for name in wheel_names}
    assert {name for name in top if not name.endswith(".dist-info")} == packages


@pytest.mark.install
def test_data_licences_and_type_markers_are_in_the_wheel(wheel_names):
    for name in (
        "stylize/demo/china.jpg",
        "stylize/demo/ATTRIBUTION.txt",
        "stylize_vgg/vgg16-oxford.safetensors",
        "stylize_resnet/resnet50_thin-open_nsfw.safetensors",
        "stylize_gatys/presets/gatys_artistic.toml",
    ):
        assert name in wheel_names
    packages = {name.split("/")[0] for name in wheel_names if name.endswith("/__init__.py")}
    assert {f"{package}/py.typed" for package in packages if "." not in package} <= set(wheel_names)
    licences = [name for name in wheel_names if "/licenses/" in name]
    assert any(name.endswith("/LICENSE") for name in licences)


def test_every_entry_point_of_the_project_is_a_plugin_that_works(host):
    built_in = [info for info in host.plugins if info.distribution == "stylize-nst"]
    assert {"vgg", "resnet", "smoothings", "losses", "gatys"} <= {info.entry for info in built_in}
    assert {info.status for info in built_in} == {"ok"}


def test_the_citation_is_valid_and_of_this_version():
    citation = Citation((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    citation.validate()
    assert citation.cffobj["version"] == PROJECT["version"]
    assert citation.cffobj["license"] == PROJECT["license"]


def test_the_licence_tables_name_all_that_the_wheel_and_pip_bring(wheel_names):
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for requirement in (requirement for group in groups for requirement in group):
        found = re.match(r"[\w-]+", requirement)
        assert found
        assert found[0] == PROJECT["name"] or f"`{found[0]}`" in text, requirement
    for name in wheel_names:
        if name.endswith((".safetensors", ".jpg", ".png")):
            assert f"`{name}`" in text or f"`{Path(name).name}`" in text, name
