"""Runs the blocks of a page as a reader would, but quickly, in a folder of small pictures.

Inputs and results are a few pixels in size: the runner appends options that reduce the work. It
checks commands that install, clone or launch something, but does not run them.
"""

from __future__ import annotations

import functools
import re
import runpy
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from documents import ROOT, Block
from small_adain import make_adain_model
from small_training import make_model
from stylize import Judge, Kind, Plan, PluginHost, RunSettings, Stylizer, load_preset
from stylize.command.app import build_app
from stylize.testing import CommandRunner

__all__ = ["SHELL", "TARGETS", "Scratch", "parse", "shrink"]

PICTURES = ("photo.jpg", "painting.jpg", "photos/one.jpg", "photos/two.jpg",
            "paintings/one.jpg", "paintings/two.jpg")  # fmt: skip
SIDE = 48
SMALL = ("--size", str(SIDE), "--precision", "float32")
# Settings that make a method quick, by the method's name.
SHORT = {name: ("--set", f"{name}.iterations=2") for name in ("gatys", "neighbors")}
TRAINING = ("--steps", "2", "--crop", "64", "--batch", "1", "--workers", "0", "--style-size", "64",
            "--precision", "float32")  # fmt: skip
NARROW = {
    "johnson": ("--set", "johnson.width=8", "--set", "johnson.blocks=1"),
    "adain": ("--set", "adain.width=0.125"),
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
HARMLESS = {"cat", "cd", "cp", "export", "ls", "mkdir", "mv", "rm"}
SHELL = re.compile(r"^(\||<|>|>>|&&|;|2>.*)$")
INPUTS = ("files", "contents", "content", "style", "styles", "data", "photos", "images")


def parse(host: PluginHost, arguments: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return a command line's command, such as "plugins show", and its parameters.

    Raises typer's error for a command or an option that does not exist.
    """
    command = _command_of(host)
    words = list(arguments)
    if not words or (words[0] not in command.commands and words[0] not in ("--help", "--version")):
        words = [command.commands.default, *words]
    path: list[str] = []
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command = command.commands[words[0]]
        path.append(words.pop(0))
    with command.make_context(" ".join(path), words) as context:
        return " ".join(path), dict(context.params)


@functools.cache
def _command_of(host: PluginHost) -> Any:
    return typer.main.get_command(build_app(host))


def _method(host: PluginHost, path: str, params: Mapping[str, Any]) -> str:
    """Return the method that a command uses; "" if it chooses one itself, or uses several."""
    if params.get("method"):
        return str(params["method"])
    varied = dict(vary.split("=", 1) for vary in params.get("vary") or ())
    if "method" in varied:
        return ""
    if presets := varied.get("preset") or params.get("preset"):
        found = {load_preset(host, name).settings.get("method") for name in presets.split(",")}
        return str(found.pop() or "") if len(found) == 1 else ""
    return "" if path == "video" else RunSettings().method


def shrink(
    host: PluginHost, path: str, params: dict[str, Any], arguments: Sequence[str]
) -> list[str]:
    """Append options that make a command quick; the last of equal options counts."""
    words = list(arguments)
    if path in ("picture", "demo", "compare", "video"):
        words += SMALL
        if not params.get("model"):
            words += SHORT.get(_method(host, path, params), ())
    elif path == "train":
        # An initial network has its own width.
        words += (*TRAINING, *(() if params["init"] else NARROW.get(params["method"], ())))
    return words


class Scratch:
    """A folder with photo.jpg, painting.jpg, photos/ and paintings/, to run a page in.

    Args:
        lenient: make other pictures and models that commands take, and allow missing weights that
            would be downloaded: for pages that readers do not follow from top to bottom.
    """

    def __init__(
        self,
        folder: Path,
        demo: Path,
        host: PluginHost,
        command: CommandRunner,
        monkeypatch: pytest.MonkeyPatch,
        *,
        lenient: bool,
    ) -> None:
        self.folder = folder
        self.demo = demo
        self.host = host
        self.command = command
        self.monkeypatch = monkeypatch
        self.lenient = lenient
        self.names: dict[str, Any] = {"__name__": "page"}
        self.drawn = 0
        monkeypatch.setenv("STYLIZE_MODELS", str(folder / "models.of.mine"))
        monkeypatch.chdir(folder)
        monkeypatch.syspath_prepend(folder)
        for name in PICTURES:
            self._draw(Path(name))
        _make_stylizers_small(monkeypatch)
        _make_judges_small(monkeypatch)

    def run(self, block: Block) -> None:
        """Run a block, or write it to the file that it names."""
        if path := block.path:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(block.source, encoding="utf-8")
        elif not block.runs:
            return
        elif block.language == "python":
            exec(compile(block.source, "page", "exec"), self.names)
        elif block.language == "sh":
            lines = block.source.replace("\\\n", " ").splitlines()
            code = 0
            for line in filter(None, (_without_comment(line) for line in lines)):
                assert code == 0, f"before {line!r}: exit code {code}"
                code = self._do(line)
            assert code == block.exit_code, f"{block.source}\nended with {code}"

    def _do(self, line: str) -> int:
        words = shlex.split(line)
        while words and (given := re.fullmatch(r"([A-Z_]+)=(.*)", words[0])):
            self.monkeypatch.setenv(given[1], given[2])
            words.pop(0)
        if not words:
            return 0
        program, arguments = words[0], words[1:]
        if any(SHELL.match(word) for word in words):
            return self._shell(line)
        if program == "stylize":
            return self._stylize(list(_expand(arguments)))
        if program == "export":
            self.monkeypatch.setenv(*arguments[0].split("=", 1))
        elif program == "cd":
            self.monkeypatch.chdir(arguments[0])
        elif program == "make":
            assert arguments[0] in TARGETS, f"make {arguments[0]}: no such target"
        elif program in ("python", "python3") and arguments[0].endswith(".py"):
            self._python(arguments)
        elif program in HARMLESS:
            return subprocess.run(["bash", "-c", line], check=False).returncode
        elif "install" in arguments and program in ("pip", "pipx", "python"):
            check_install(arguments)
        elif "stylize" in words:  # accelerate launch -m stylize train ...
            parse(self.host, words[words.index("stylize") + 1 :])
        else:
            pytest.fail(f"{line!r}: tests cannot run {program}: say <!-- not run: WHY --> above it")
        return 0

    def _stylize(self, arguments: list[str]) -> int:
        path, params = parse(self.host, arguments)
        if self.lenient:
            self._provide(path, params)
        if self.lenient and "force" in params:  # list items are alternatives
            arguments = [*arguments, "--force"]
        outcome = self.command(*shrink(self.host, path, params, arguments))
        downloads = outcome.code == 3 and "STYLIZE_OFFLINE" in outcome.err
        if path == "plugins doctor" or (self.lenient and downloads):
            return 0  # the machine is at fault
        if outcome.code:
            print(outcome.err, file=sys.stderr)
        return outcome.code

    def _provide(self, path: str, params: dict[str, Any]) -> None:
        """Make the pictures, folders and models that a command takes."""
        for key in (*INPUTS, *(("picture",) if path == "evaluate" else ())):
            given = params.get(key) or ()
            names = [str(n) for n in (given if isinstance(given, list | tuple) else [given])]
            for place, name in enumerate(names):
                last = key == "files" and 0 < place == len(names) - 1 and not params.get("style")
                self._provide_picture(Path(name), painted=last or key in ("style", "styles"))
        for key in ("model", "init", *(("name",) if path.startswith("models ") else ())):
            if name := params.get(key):
                several = len(params.get("files") or ()) > 1 or params.get("style")
                self._provide_model(str(name), any_style=bool(several))

    def _provide_picture(self, path: Path, *, painted: bool) -> None:
        if path.suffix in (".jpg", ".png"):
            self._draw(path, painted=painted)
        elif str(path) != "-" and not path.exists() and "*" not in str(path):
            for number in range(3):
                self._draw(path / f"{number}.jpg", painted=painted)

    def _provide_model(self, name: str, *, any_style: bool) -> None:
        own = Path("models.of.mine") / f"{name}.safetensors"
        path = Path(name) if name.endswith(".safetensors") else own
        if path.exists() or name in self.host.names(Kind.MODEL):
            return
        path.parent.mkdir(exist_ok=True, parents=True)
        if any_style:
            make_adain_model(self.host, path)
        else:
            make_model(path)

    def _draw(self, path: Path, *, painted: bool = False) -> None:
        """Draw a small picture, unless it exists; no two are alike."""
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        painted = painted or "paint" in str(path)
        with Image.open(self.demo / ("starry_night.jpg" if painted else "china.jpg")) as image:
            self.drawn += 1
            image.rotate(7 * self.drawn).resize((96, 72)).save(path)

    def _python(self, arguments: list[str]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", arguments)
            runpy.run_path(arguments[0], run_name="__main__")

    def _shell(self, line: str) -> int:
        """Run a line with pipes in bash, with a `stylize` that makes small pictures."""
        small = " ".join((*SMALL, *SHORT[RunSettings().method]))
        script = f'stylize() {{ "{sys.executable}" -m stylize "$@" {small}; }}\n{line}'
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], check=False)
        return done.returncode


def check_install(arguments: Sequence[str]) -> None:
    """Check that our extras in a pip command exist."""
    for argument in arguments:
        if found := re.fullmatch(r"(?:stylize-nst|\.)\[([\w,-]+)\]", argument):
            for extra in found[1].split(","):
                assert extra in PROJECT["optional-dependencies"], f"no extra {extra}"


def _without_comment(line: str) -> str:
    return re.sub(r"(^|\s)#.*$", "", line).strip()


def _expand(words: Sequence[str]) -> Iterator[str]:
    """Yield words, with shell patterns expanded to files, as a shell does."""
    for word in words:
        found = sorted(map(str, Path().glob(word))) if "*" in word and "=" not in word else []
        yield from found or [word]


def _make_judges_small(monkeypatch: pytest.MonkeyPatch) -> None:
    make = Judge.__init__

    def small(self: Judge, *args: Any, size: int = SIDE, **options: Any) -> None:
        make(self, *args, size=min(size, SIDE), **options)

    monkeypatch.setattr(Judge, "__init__", small)


def _make_stylizers_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Python code make small pictures in few steps; commands already do."""
    make = Stylizer.__init__

    def small(self: Stylizer, plan: Any = None, host: Any = None, **options: Any) -> None:
        if plan is None:
            host = host or PluginHost.discover()
            preset = options.get("preset")
            base = load_preset(host, preset).settings if preset else {}
            given = {"method": RunSettings().method, **base, **options}
            if given["method"] in SHORT and "model" not in given:
                options["options"] = {**given.get("options", {}), "method": {"iterations": "2"}}
            options |= {"size": SIDE, "precision": "float32"}
        elif not isinstance(plan, Plan) and (plan.size == "full" or plan.size > SIDE):
            # A plan comes from a command, which already has quick options.
            parts = {**plan.options}
            if plan.method in SHORT and not plan.model:
                parts[plan.method] = {"iterations": "2", **parts.get(plan.method, {})}
            plan = plan.model_copy(update={"size": SIDE, "precision": "float32", "options": parts})
        make(self, plan, host, **options)

    monkeypatch.setattr(Stylizer, "__init__", small)
