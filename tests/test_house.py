"""The house rules: the layout of the code, its imports, and independence from plugins."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import walls
from command import FAST, SMALL, Command

ROOT = Path(__file__).parents[1]
CORE = ROOT / "core" / "stylize"
KERNEL = [CORE / room for room in ("contract", "discovery", "planning", "building")]
# Our commands by plugin.
COMMANDS = {
    "compare": {"bench", "compare"},
    "develop": {"plugins"},
    "devices": {"devices"},
    "measure": {"analyze", "calibrate", "evaluate"},
    "models": {"learn", "models"},
    "picture": {"demo", "picture", "rerun"},
    "presets": {"presets"},
    "train": {"train"},
    "video": {"evaluate-video", "video"},
    "web": {"web"},
    "webcam": {"webcam"},
}
# The modules that plugins, including our own, may import.
PUBLIC = {"stylize", "stylize.command", "stylize.errors", "stylize.testing"}


def lines_of(*places: Path) -> int:
    files = [f for place in places for f in ([place] if place.is_file() else place.rglob("*.py"))]
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def test_the_kernel_is_small():
    assert lines_of(*KERNEL, CORE / "errors.py", CORE / "files.py") <= 3000


def test_modules_can_be_read_whole():
    for folder in ("core", "plugins"):
        for path in (ROOT / folder).rglob("*.py"):
            assert lines_of(path) <= 300, path


def test_every_package_of_plugins_is_an_entry_point_and_is_within_the_walls():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = {path.parent.name for path in (ROOT / "plugins").glob("*/__init__.py")}
    assert set(project["entry-points"]["stylize"].values()) == packages == set(walls.PLUGINS)


def test_a_wall_that_is_broken_is_told(tmp_path):
    for folder in ("core", "plugins"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.safe*"))
    (tmp_path / "core/stylize/contract/arrow.py").write_text("import stylize.making")
    (tmp_path / "plugins/stylize_vgg/arrow.py").write_text("import stylize_gatys")
    script = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import walls; "
        "walls.ROOT = pathlib.Path(sys.argv[2]); sys.exit(walls.main())"
    )
    ended = subprocess.run(
        [sys.executable, "-P", "-c", script, ROOT / "tests", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout
    assert "core imports only rooms below it BROKEN" in ended.stdout
    assert "plugins never import each other BROKEN" in ended.stdout


def test_plugins_are_made_of_what_is_public():
    """Except for the doctor, which examines discovery itself."""
    for path in (ROOT / "plugins").rglob("*.py"):
        if "stylize_develop" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "stylize":
                assert node.module in PUBLIC, f"{path}: {node.module}"


@pytest.mark.parametrize("plugin", COMMANDS)
def test_a_command_goes_with_its_plugin_and_all_else_works(command: Command, monkeypatch, plugin):
    monkeypatch.setenv("STYLIZE_DISABLE_PLUGINS", plugin)
    listed = command("--help").out.partition("\nCommands:\n")[2].partition("\n\n")[0]
    shown = set(re.findall(r"^  (\S+)", listed, re.MULTILINE))
    everything = set().union(*COMMANDS.values())
    assert shown == everything - COMMANDS[plugin]
    for name in shown - COMMANDS["picture"]:
        assert command(name, "--help").code == 0
    gone = command(min(COMMANDS[plugin]), "photo.png")
    assert gone.code == 2
    if plugin in everything:
        back = f"plugin stylize-nst:{plugin} is disabled: take it out of STYLIZE_DISABLE_PLUGINS"
        assert command(plugin).complaint == f"stylize: {plugin}: no such command: {back}"
    if plugin == "picture":
        for line in (["photo.png", "painting.png"], ["--size", "64", "photo.png"]):
            assert command(*line).complaint == (
                f"stylize: {line[0]}: no such command or option: plugin stylize-nst:picture, which "
                f"makes pictures, is disabled: take it out of STYLIZE_DISABLE_PLUGINS"
            )
        assert "Examples" not in command().out
        return
    assert command("photo.png", "painting.png", *FAST, "-o", "out.png").code == 0
    assert command("rerun", "out.png").code == 0


def test_a_plugin_of_pictures_that_is_missing_or_has_failed_is_told(command: Command, monkeypatch):
    from stylize import PluginHost

    host = PluginHost()
    monkeypatch.setattr(PluginHost, "discover", lambda **_: host)
    assert "makes pictures, is missing: install stylize-nst again" in command("a.png").complaint
    host.register(object(), "stylize-nst", "picture")
    assert "makes pictures, has failed: see stylize plugins doctor" in command("a.png").complaint


def test_pictures_need_no_other_plugin_of_commands(command: Command, monkeypatch):
    monkeypatch.setenv("STYLIZE_DISABLE_PLUGINS", ",".join(COMMANDS.keys() - {"picture"}))
    assert command("photo.png", "painting.png", *FAST, "-o", "out.png").code == 0
    assert command("rerun", "out.png").code == 0


def test_summaries_are_the_first_sentences_of_the_commands(host):
    import typer

    from stylize.command import build_app

    group = typer.main.get_command(build_app(host))
    for name, summary in group.commands.summaries():
        assert group.commands[name].get_short_help_str(limit=200) == summary, name


# Planned once.


@pytest.fixture
def counts(monkeypatch) -> dict[str, list[object]]:
    """Calls that plan, check, and read: a list for each."""
    from stylize import PluginHost
    from stylize.making import stylizer

    found: dict[str, list[object]] = {"checked": [], "opened": []}
    check, opened = PluginHost.check, stylizer.open_picture

    def note_check(self: PluginHost, plan: object) -> object:
        found["checked"].append(plan)
        return check(self, plan)

    def note_open(source: object, **options: object) -> object:
        found["opened"].append(str(source))
        return opened(source, **options)

    monkeypatch.setattr(PluginHost, "check", note_check)
    monkeypatch.setattr(stylizer, "open_picture", note_open)
    return found


def test_a_batch_is_planned_and_checked_once_and_reads_a_painting_once(command, counts):
    from PIL import Image

    for name, size in (("a.png", (48, 36)), ("b.png", (40, 30)), ("c.png", (32, 48))):
        Image.open("photo.png").resize(size).save(name)
    ended = command("a.png", "b.png", "c.png", "painting.png", *FAST, "-o", "out")
    assert ended.code == 0, ended.err
    assert len(counts["checked"]) == 1
    assert counts["opened"] == ["painting.png"]


def test_a_rerun_and_a_sweep_are_checked_once_a_run(command, counts):
    assert command("photo.png", "painting.png", *FAST, "-o", "out.png").code == 0
    counts["checked"].clear()
    assert command("rerun", "out.png").code == 0
    assert len(counts["checked"]) == 1
    counts["checked"].clear()
    ended = command("compare", "photo.png", "painting.png", *FAST, "--vary", "smooth=none,tanh")
    assert ended.code == 0, ended.err
    assert len(counts["checked"]) == 2


def test_a_painting_read_once_gives_the_same_pictures(command):
    from PIL import Image

    Image.open("photo.png").resize((40, 30)).save("small.png")
    assert command("photo.png", "small.png", "painting.png", *SMALL, *FAST, "-o", "all").code == 0
    assert command("small.png", "painting.png", *SMALL, *FAST, "-o", "alone.png").code == 0
    together = Image.open("all/small_painting_gatys.png").tobytes()
    assert Image.open("alone.png").tobytes() == together
