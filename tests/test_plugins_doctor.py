"""`stylize plugins doctor`: it finds every sort of trouble, with a remedy, and none stops it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stylize
from command import Command
from fresh_environment import ROOT
from plugin_factory import place_distribution
from stylize_develop.doctor.finding import Finding
from stylize_develop.doctor.installation import (
    PURPOSES,
    check_installation,
    installed_distributions,
)
from stylize_develop.doctor.requirements import Requirement, requirements, satisfies
from stylize_develop.doctor.supervisor import examine_plugins

COMPONENTS = """
STYLIZE_PLUGIN_API = 1

@hookimpl
def stylize_components():
    return [{spec}]
"""
HOOK = """
STYLIZE_PLUGIN_API = 1

@hookimpl
def stylize_{hook}:
    {body}
"""
QUIET = COMPONENTS.format(spec="")
# The source, then the finding's subject, message and advice.
BROKEN = {
    "crash": ("raise RuntimeError('boom')", "plugin acme-crash 1.0 (acme_crash)",
              "failed at import: RuntimeError: boom",
              "until then leave it out with STYLIZE_DISABLE_PLUGINS=acme-crash:acme_crash"),
    "exit": ("import sys; sys.exit(5)", "plugin acme-exit 1.0 (acme_exit)",
             "failed at import: it called sys.exit(5)", "report it to its author"),
    "needs": ("import acme_not_there", "plugin acme-needs 1.0 (acme_needs)",
              "failed at import: ModuleNotFoundError",
              "install what brings the module acme_not_there"),
    "future": ("STYLIZE_PLUGIN_API = 99", "plugin acme-future 1.0 (acme_future)",
               "failed at api: STYLIZE_PLUGIN_API is 99", "pip install --upgrade stylize-nst"),
    "past": ("STYLIZE_PLUGIN_API = 0", "plugin acme-past 1.0 (acme_past)",
             "failed at api: STYLIZE_PLUGIN_API is 0", "pip install --upgrade acme-past"),
    "noapi": ("x = 1", "plugin acme-noapi 1.0 (acme_noapi)",
              "failed at api: it does not say", "its author must add STYLIZE_PLUGIN_API = 1"),
    "rubbish": (COMPONENTS.format(spec="'tanh'"), "plugin acme-rubbish 1.0 (acme_rubbish)",
                "failed at components", "report it to its author"),
    "check": (HOOK.format(hook="check(plan)", body="raise ValueError('no')"),
              "plugin acme-check 1.0 (acme_check)", "failed at check: ValueError: no", "author"),
    "observers": (HOOK.format(hook="observers(plan)", body="return 3"),
                  "plugin acme-observers 1.0 (acme_observers)", "failed at observers", "author"),
    "weights": (HOOK.format(hook="weights(backbone, tag)", body="return 3"),
                "plugin acme-weights 1.0 (acme_weights)", "failed at weights", "author"),
    "takes-over": (HOOK.format(hook="commands(app)", body="app.command('rerun')(lambda: None)"),
                   "plugin acme-takes-over 1.0 (acme_takes_over)",
                   "failed at commands: command 'rerun' exists", "leave it out"),
    "takes-video": (HOOK.format(hook="commands(app)", body="app.command('video')(lambda: None)"),
                    "plugin acme-takes-video 1.0 (acme_takes_video)",
                    "failed at commands: command 'video' exists", "leave it out"),
    "command": (HOOK.format(hook="commands(app)", body="from stylize.command import add_command; "
                            "add_command(app, 'grey', 'acme_no:grey', 'Grey.')"),
                "command grey", "cannot be loaded: ModuleNotFoundError: No module named 'acme_no'",
                "pip install --upgrade acme-command"),
    "clash": (COMPONENTS.format(spec="SmoothingSpec('tanh', factory='math:tanh')"),
              "smoothing tanh", "is in acme-clash and stylize-nst",
              "write acme-clash:tanh or stylize-nst:tanh"),
    "settings": (COMPONENTS.format(
                    spec="SmoothingSpec('fog', factory='math:tanh', settings='acme_no:Fog')"),
                 "smoothing fog", "of acme-settings cannot be used: cannot load 'acme_no:Fog'",
                 "pip install --upgrade acme-settings"),
    "factory": (COMPONENTS.format(spec="SmoothingSpec('mist', factory='math:mist')"),
                "smoothing mist", "of acme-factory cannot be used: cannot load 'math:mist'",
                "pip install --upgrade acme-factory"),
    "constant": (COMPONENTS.format(spec="SmoothingSpec('haze', factory='math:pi')"),
                 "smoothing haze", "'math:pi' is not callable", "acme-constant"),
    "preset": (COMPONENTS.format(spec="PresetSpec('old', factory='stylize:no.toml')"),
               "preset old", "of acme-preset cannot be used", "pip install --upgrade acme-preset"),
    "model": (COMPONENTS.format(spec="ModelSpec('lost', factory='stylize:no.safetensors')"),
              "model lost", "of acme-model cannot be used", "pip install --upgrade acme-model"),
}  # fmt: skip
STUCK = {
    "hangs": ("import time; time.sleep(1000)", "hangs (no end after 2 s) at import"),
    "quits": ("import os; os._exit(3)", "ends the process (exit code 3) at import"),
    "hangs-late": (
        HOOK.format(hook="commands(app)", body="import time; time.sleep(1000)"),
        "hangs (no end after 2 s) at commands",
    ),
}


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Finding]]:
    """The findings of one examination of every broken plugin, by subject."""
    site = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(site)
        for kind, (source, *_) in BROKEN.items():
            place_distribution(site, f"acme-{kind}", source)
        place_distribution(site, "acme-prints", f"print('hello')\n{QUIET}")
        place_distribution(site, "acme-off", QUIET)
        damaged = place_distribution(site, "acme-damaged", QUIET)
        (damaged / "METADATA").unlink()
        monkeypatch.setenv("STYLIZE_DISABLE_PLUGINS", "acme-off, acme-typo")
        monkeypatch.setenv("STYLIZE_STRICT_PLUGINS", "1")
        yield {finding.about: finding for finding in examine_plugins(60)}


@pytest.mark.parametrize("kind", BROKEN)
def test_trouble_is_found_with_what_to_do(diagnosed, kind):
    _, about, message, remedy = BROKEN[kind]
    finding = diagnosed[about]
    assert finding.level == "problem"
    assert message in finding.message
    assert remedy in finding.remedy


def test_unreadable_metadata_is_named_by_its_folder(diagnosed):
    finding = diagnosed["plugin acme_damaged-1.0.dist-info"]
    assert (finding.level, "failed at metadata" in finding.message) == ("problem", True)
    assert "delete acme_damaged-1.0.dist-info" in finding.remedy


def test_what_may_be_meant_is_advice(diagnosed):
    advice = {f.about: f for f in diagnosed.values() if f.level == "advice"}
    assert "prints when it is loaded" in advice["plugin acme-prints 1.0 (acme_prints)"].message
    assert "'hello'" in advice["plugin acme-prints 1.0 (acme_prints)"].message
    assert "is disabled by" in advice["plugin acme-off 1.0 (acme_off)"].message
    assert "lists acme-typo" in advice["STYLIZE_DISABLE_PLUGINS"].message


def test_every_finding_is_one_line_and_no_part_of_ours_is_among_them(diagnosed):
    for finding in diagnosed.values():
        assert finding.message
        assert finding.remedy
        assert "\n" not in finding.about + finding.message + finding.remedy
        assert not finding.about.startswith("plugin stylize-nst")


@pytest.mark.slow
def test_plugins_that_hang_or_end_the_process_are_found_beside_the_others(
    command: Command, tmp_path, monkeypatch
):
    site = tmp_path / "site"
    for kind, (source, _) in STUCK.items():
        place_distribution(site, f"acme-{kind}", source)
    place_distribution(site, "acme-future", "STYLIZE_PLUGIN_API = 99")
    monkeypatch.syspath_prepend(site)
    outcome = command("plugins", "doctor", "--time-limit", "2", "--json")
    assert outcome.code == 1
    assert outcome.err == ""
    found = {each["about"]: each for each in json.loads(outcome.out)["problems"]}
    for kind, (_, message) in STUCK.items():
        module = f"acme_{kind.replace('-', '_')}"
        finding = found[f"plugin acme-{kind} 1.0 ({module})"]
        assert message in finding["message"]
        assert f"STYLIZE_DISABLE_PLUGINS=acme-{kind}:{module}" in finding["remedy"]
    assert "failed at api" in found["plugin acme-future 1.0 (acme_future)"]["message"]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets a test choose the findings of the examination."""

    def tell(*findings: Finding) -> None:
        monkeypatch.setattr(
            "stylize_develop.doctor.diagnosis.examine_plugins", lambda limit: findings
        )
        monkeypatch.setattr("stylize_develop.doctor.diagnosis.check_installation", lambda *_: ())

    return tell


def test_the_report_names_versions_troubles_and_what_to_do(command: Command, told):
    told(
        Finding("advice", "extra plot", "is not installed", "install it"),
        Finding("problem", "plugin acme 1.0 (fog)", "failed at import: boom", "upgrade it"),
    )
    outcome = command("plugins", "doctor")
    versions, *lines = outcome.out.splitlines()
    assert versions.startswith("stylize ")
    assert " torch " in versions
    assert lines == [
        "problem: plugin acme 1.0 (fog) failed at import: boom",
        "  do: upgrade it",
        "advice: extra plot is not installed",
        "  do: install it",
        "problems: 1, advice: 1",
    ]
    assert outcome.code == 1
    record = json.loads(command("plugins", "doctor", "--json").out)
    assert [each["remedy"] for each in record["problems"]] == ["upgrade it"]
    assert [each["remedy"] for each in record["advice"]] == ["install it"]


def test_advice_alone_is_no_failure(command: Command, told):
    told(Finding("advice", "extra plot", "is not installed", "install it"))
    outcome = command("plugins", "doctor")
    assert outcome.code == 0
    assert outcome.out.endswith("nothing is wrong\n")


def test_a_time_limit_below_a_second_is_refused(command: Command):
    assert command("plugins", "doctor", "--time-limit", "0").code == 2


# The installation: only metadata, so that tests can make up any.


def place(
    site: Path, name: str, version: str = "1.0", *, plugin: bool = False, **files: str
) -> Path:
    """Write the metadata of a distribution; `files` are more files of it, with `_` for `.`."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    requires = files.pop("requires", "")
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {line}\n" for line in requires.split("\n") if line)
    )
    if plugin:
        (info / "entry_points.txt").write_text("[stylize]\nfog = fog\n")
    for file, text in files.items():
        (info / file.replace("_json", ".json")).write_text(text)
    return info


def examine(*sites: Path, running: Path | None = None) -> list[Finding]:
    """Examine made-up folders of sys.path; by default, stylize runs from the first."""
    installed = installed_distributions([str(site) for site in sites])
    return list(check_installation(installed, running or sites[0] / "stylize"))


def problems(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == "problem"]


def test_a_sound_installation_has_no_problem(tmp_path):
    place(tmp_path, "stylize-nst", plugin=True, requires="torch>=2.6\nacme>=1; extra == 'plot'")
    place(tmp_path, "torch", "2.7.1+cpu")
    place(tmp_path, "torchvision", "0.22.1", requires="torch (==2.7.1)\nsetuptools>=99")
    (advice,) = examine(tmp_path)
    assert (advice.level, advice.about) == ("advice", "extra plot")
    assert "pip install 'stylize-nst[plot]'" in advice.remedy


def test_the_foreign_stylize_is_told_how_to_remove(tmp_path):
    place(tmp_path, "stylize-nst")
    place(tmp_path, "stylize", "0.9")
    (finding,) = problems(examine(tmp_path))
    assert finding.about == "stylize 0.9"
    assert "another project's" in finding.message
    assert "pip uninstall stylize, then pip install --force-reinstall" in finding.remedy


def test_any_distribution_that_overwrites_our_package_is_foreign(tmp_path):
    place(tmp_path, "stylize-nst", RECORD="stylize/__init__.py,,\n")
    place(tmp_path, "acme-style", RECORD="acme/__init__.py,,\nstylize/__init__.py,,\n")
    place(tmp_path, "acme-plain", RECORD="acme/stylize/__init__.py,,\n")
    assert [finding.about for finding in problems(examine(tmp_path))] == ["acme-style 1.0"]


def test_an_editable_install_beside_a_wheel_is_found(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    origin = {"url": (tmp_path / "checkout").as_uri(), "dir_info": {"editable": True}}
    place(one, "stylize-nst", direct_url_json=json.dumps(origin))
    place(other, "stylize-nst", "0.9")
    (finding,) = problems(examine(one, other, running=tmp_path / "checkout/core/stylize"))
    assert f"1.0 (editable, of {tmp_path / 'checkout'}) in {one} hides 0.9" in finding.message
    assert "pip uninstall stylize-nst" in finding.remedy


def test_a_plugin_that_is_there_twice_is_found_and_a_library_is_not(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    place(one, "stylize-nst")
    for site in (one, other):
        place(site, "acme-fog", plugin=True)
        place(site, "acme-library")
    assert [finding.about for finding in problems(examine(one, other))] == ["acme-fog"]


def test_code_that_hides_the_installed_one_is_found(tmp_path):
    place(tmp_path / "site", "stylize-nst")
    (finding,) = problems(examine(tmp_path / "site", running=tmp_path / "old/stylize"))
    assert f"Python imports {tmp_path / 'old/stylize'}, which hides" in finding.message
    assert f"take {tmp_path / 'old'} out of PYTHONPATH" in finding.remedy


def test_a_checkout_that_is_not_installed_is_found(tmp_path):
    tmp_path.joinpath("site").mkdir()
    (finding,) = problems(examine(tmp_path / "site"))
    assert "is not installed" in finding.message
    assert "pip install -e ." in finding.remedy


@pytest.mark.parametrize(
    ("torch", "message"),
    [
        (None, "needs torch==2.7.1, which is not installed"),
        ("2.6.0", "needs torch==2.7.1, which is installed in version 2.6.0"),
    ],
)
def test_torch_that_does_not_fit_torchvision_is_found(tmp_path, torch, message):
    place(tmp_path, "stylize-nst")
    if torch:
        place(tmp_path, "torch", torch)
    place(tmp_path, "torchvision", "0.22.1", requires="torch==2.7.1")
    (finding,) = problems(examine(tmp_path))
    assert (finding.about, finding.message) == ("torchvision 0.22.1", message)
    assert finding.remedy == "pip install --upgrade torch torchvision"


def test_what_a_plugin_needs_is_looked_for(tmp_path):
    place(tmp_path, "stylize-nst")
    place(tmp_path, "acme-fog", plugin=True, requires="stylize_nst>=2\nmist\nwin; os_name=='nt'")
    assert {finding.remedy for finding in problems(examine(tmp_path))} == {
        "pip install --upgrade 'stylize_nst>=2'",
        "pip install --upgrade 'mist'",
    }


def test_damaged_metadata_of_others_is_passed_over(tmp_path):
    place(tmp_path, "stylize-nst", direct_url_json="{", plugin=True)
    (place(tmp_path, "acme-broken") / "METADATA").write_bytes(b"\xff\xfe")
    (place(tmp_path, "acme-empty") / "METADATA").unlink()
    assert problems(examine(tmp_path)) == []


def test_where_the_tests_run_torch_is_found_and_fits():
    found = check_installation(installed_distributions(), Path(stylize.__file__).parent)
    assert not [finding for finding in found if "torch" in finding.message]


def test_every_extra_that_a_user_may_want_has_its_purpose():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(PURPOSES) == set(project["optional-dependencies"]) - {"all", "dev", "docs"}


@pytest.mark.parametrize(
    ("version", "versions", "fits"),
    [
        ("2.6.0", "", True),
        ("2.6.1+cpu", "==2.6.1", True),
        ("2.6", "==2.6.0", True),
        ("2.10", ">=2.9", True),
        ("2.6.0rc1", ">=2.6,<3", True),
        ("3.0", ">=2.6,<3", False),
        ("2.6.1", "!=2.6.*,>=2", False),
        ("2.6.1", "==2.6.*", True),
        ("1.4.9", "~=1.4.2", True),
        ("1.5.0", "~=1.4.2", False),
        ("1.4.1", "~=1.4.2", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version, versions, fits):
    assert satisfies(version, versions) is fits


def test_requirements_are_read_from_metadata():
    lines = [
        "torch (>=2.6)",
        "Acme.Fog[fast]<2,>=1",
        "mist>=1; extra == 'plot'",
        'haze; extra == "web"',
        "win; os_name == 'nt'",
        "direct @ https://example.org/direct.whl",
    ]
    always = [Requirement("torch", ">=2.6"), Requirement("Acme.Fog", "<2,>=1")]
    assert list(requirements(lines)) == always
    assert list(requirements(lines, "plot")) == [Requirement("mist", ">=1")]
    assert list(requirements(lines, "web")) == [Requirement("haze", "")]
    assert list(requirements(None)) == []
