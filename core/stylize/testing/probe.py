"""Imports a plugin in a process of its own and writes down what that did.

Run as `python -m stylize.testing.probe MODULE REPORT`: a plugin that prints, hangs, calls sys.exit
or takes the interpreter down does so there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["Probed", "probe_plugin"]

# What declarations must not import: each costs seconds at every start of the command.
HEAVY = ("torch", "torchvision", "numpy")


@dataclass
class Probed:
    """What importing a plugin and asking for its declarations did.

    Args:
        stage: what was going on when it ended: "import", "components", "settings", "commands",
            "command NAME" for each that is loaded, and "done" where nothing went wrong.
        error: what was raised then, or how the process ended.
        heavy: the first heavy module that was imported at each stage.
        printed: what it wrote to standard output at import.
        hooks: the names of the hooks that it implements.
        commands: the names of the commands that it adds.
        api: what it says of STYLIZE_PLUGIN_API, "" for nothing.
    """

    stage: str = "import"
    error: str = ""
    heavy: dict[str, str] | None = None
    printed: str = ""
    hooks: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    api: str = ""


def probe_plugin(plugin: str, seconds: float) -> Probed:
    """Import a plugin ("module" or "module:object") in another process, at most so long."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "stylize.testing.probe", plugin, str(report)]
        paths = os.pathsep.join(path for path in sys.path if path)
        environment = {**os.environ, "PYTHONPATH": paths}
        try:
            ended = subprocess.run(
                command, env=environment, capture_output=True, text=True, errors="replace",
                timeout=seconds, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            probed = _read(report)
            probed.error = f"is not done after {seconds:g} s"
            return probed
        probed = _read(report)
        probed.printed = ended.stdout
        if probed.stage != "done" and not probed.error:
            probed.error = f"ends the interpreter with exit code {ended.returncode}"
        return probed


def _read(report: Path) -> Probed:
    try:
        return Probed(**json.loads(report.read_text()))
    except (OSError, ValueError):  # it never got as far as to write, or was stopped at it
        return Probed()


def main(plugin: str, report: Path) -> None:
    """Probe in this process."""
    from typer.main import get_command

    from stylize.command.app import build_app
    from stylize.contract.spec import Kind
    from stylize.discovery.host import PluginHost
    from stylize.errors import PluginError
    from stylize.testing.hosts import load_plugin

    probed = Probed(heavy={})
    assert probed.heavy is not None

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        probed.stage = name
        report.write_text(json.dumps(asdict(probed)))
        try:
            yield
        finally:
            heavy = [module for module in HEAVY if module in sys.modules]
            if heavy and not probed.heavy:
                assert probed.heavy is not None
                probed.heavy[name] = heavy[0]

    try:
        with stage("import"):
            loaded = load_plugin(plugin)
        module = sys.modules[plugin.partition(":")[0]]
        probed.api = str(
            getattr(loaded, "STYLIZE_PLUGIN_API", getattr(module, "STYLIZE_PLUGIN_API", ""))
        )
        probed.hooks = tuple(name for name in dir(loaded) if _is_hook(loaded, name))
        host = PluginHost()
        with stage("components"):
            info = host.register(loaded)
        with stage("settings"):
            for spec in info.specs:
                if spec.kind is not Kind.PRESET:
                    host.settings_model(spec)
        core: Any = get_command(build_app(PluginHost()))
        with stage("commands"):
            group: Any = get_command(build_app(host))
            for failure in host.failures:
                if failure.stage == "commands":
                    raise failure.exception or PluginError(failure.message)
        probed.commands = tuple(name for name in group.commands if name not in core.commands)
        for name in probed.commands:
            with stage(f"command {name}"):
                group.commands[name]  # imports and builds it
        probed.stage = "done"
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())[:300]
        probed.error = (
            f"calls sys.exit({text})"
            if isinstance(error, SystemExit)
            else f"raises {type(error).__name__}: {text}"
        )
    report.write_text(json.dumps(asdict(probed)))


def _is_hook(plugin: Any, name: str) -> bool:
    return name.startswith("stylize_") and hasattr(getattr(plugin, name), "stylize_impl")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
