"""The process of `probe_plugin`: imports a plugin, calls its hooks, and writes a report.

Run as `python -m stylize.testing.probing MODULE REPORT`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from typer.main import get_command

from stylize.command.app import build_app
from stylize.contract.plan import RunSettings
from stylize.contract.run import Progress
from stylize.contract.spec import BackboneSpec, Kind
from stylize.discovery.host import PluginHost
from stylize.errors import PluginError, StylizeError
from stylize.planning.planning import make_plan
from stylize.testing.hosts import builtin_host, load_plugin
from stylize.testing.probe import Probed
from stylize.testing.worldstate import watch_world

__all__ = ["main"]

# Declarations must not import these: each costs seconds at every start of the command.
HEAVY = ("torch", "torchvision", "numpy")
# A path at which no plugin has a file.
SOME_FILE = Path("picture.png")


class Probe:
    """Runs a plugin stage by stage, and writes down each stage before it begins."""

    def __init__(self, plugin: str, report: Path) -> None:
        self.plugin = plugin
        self.report = report
        self.probed = Probed()

    def write(self) -> None:
        """Write the results so far."""
        self.report.write_text(json.dumps(asdict(self.probed)))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Record a stage's imports and changes."""
        probed = self.probed
        probed.stage = name
        self.write()
        try:
            with watch_world() as changed:
                yield
        finally:
            heavy = [module for module in HEAVY if module in sys.modules]
            if heavy and not probed.heavy:
                probed.heavy[name] = heavy[0]
            elif changed:
                probed.changed[name] = changed

    def run(self) -> None:
        """Run all stages, up to the first failure that stops the rest."""
        probed = self.probed
        started = time.perf_counter()
        with self.stage("import"):
            loaded = load_plugin(self.plugin)
        probed.seconds = time.perf_counter() - started
        sys.stdout.flush()
        os.dup2(2, 1)  # in the command, too, the output of hooks goes to standard error
        module = sys.modules[self.plugin.partition(":")[0]]
        api = getattr(loaded, "STYLIZE_PLUGIN_API", getattr(module, "STYLIZE_PLUGIN_API", ""))
        probed.api = str(api)
        probed.hooks = tuple(name for name in dir(loaded) if _is_hook(loaded, name))
        host = PluginHost()
        with self.stage("components"):
            info = host.register(loaded)
        with self.stage("settings"):
            for spec in info.specs:
                if spec.kind is not Kind.PRESET:
                    host.settings_model(spec)
        if info.status == "ok":
            house = builtin_host()
            self._commands(house, loaded)
            self._hooks(house, host)
        probed.stage = "done"

    def _commands(self, house: PluginHost, loaded: object) -> None:
        """Add the commands after those of stylize, which come first, and load them."""
        before: Any = get_command(build_app(house))
        house.register(loaded)
        with self.stage("commands"):
            group: Any = get_command(build_app(house))
        self._note_failures(house, "commands")
        self.probed.commands = tuple(name for name in group.commands if name not in before.commands)
        for name in self.probed.commands:
            with self.stage(f"command {name}"):
                group.commands[name]  # imports and builds it

    def _hooks(self, house: PluginHost, alone: PluginHost) -> None:
        """Call the plugin's hooks that a run calls."""
        plan = make_plan(builtin_host(), RunSettings())
        with self.stage("check"):
            alone.check(plan)
        with self.stage("observers"):
            observers = alone.observers(plan)
        with self.stage("rerun"):
            alone.first("rerun", _require_callable, path=SOME_FILE)
        sources = {}
        with self.stage("weights"):
            for spec in house.specs(BackboneSpec):
                for tag in [weights.tag for weights in spec.weights] or ["unknown"]:
                    if source := alone.weights_source(spec.name, tag):
                        sources[f"{spec.name}.{tag}"] = source
        for stage in ("check", "observers", "rerun", "weights"):
            self._note_failures(alone, stage)
        with self.stage("observer"):
            for observer in observers:
                with self._failing("observer", f"{type(observer).__name__}.progressed"):
                    observer.progressed(_some_progress())
        with self.stage("source"):
            for name, source in sources.items():
                with self._failing("source", f"load() of weights {name}"):
                    self._load(name, source)

    def _load(self, name: str, source: Any) -> None:
        from stylize.contract.weights import Weights

        try:
            loaded: object = source.load()
        except StylizeError:  # it is not available offline
            return
        if not isinstance(loaded, Weights):
            self.probed.failed["source"] = (
                f"load() of weights {name} returns {type(loaded).__name__}, not stylize.Weights"
            )

    @contextmanager
    def _failing(self, stage: str, what: str) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.probed.failed.setdefault(stage, f"{what} {_told(error)}")

    def _note_failures(self, host: PluginHost, stage: str) -> None:
        for failure in host.failures:
            if failure.stage == stage:
                self.probed.failed[stage] = failure.message


def main(plugin: str, report: Path, usual: float) -> None:
    """Probe in this process.

    Args:
        usual: duration of this module's imports, in seconds.
    """
    probe = Probe(plugin, report)
    probe.probed.usual = usual
    try:
        probe.run()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        probe.probed.error = _told(error)
    probe.write()


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split())[:300]
    if isinstance(error, SystemExit):
        return f"calls sys.exit({text})"
    return f"raises {type(error).__name__}: {text}"


def _is_hook(plugin: Any, name: str) -> bool:
    return name.startswith("stylize_") and hasattr(getattr(plugin, name), "stylize_impl")


def _require_callable(answer: object) -> None:
    if not callable(answer):
        raise PluginError(f"stylize_rerun returned {type(answer).__name__}: it is not a function")


def _some_progress() -> Progress:
    def image() -> Any:
        import torch

        return torch.full((1, 3, 8, 8), 0.5)

    return Progress(0.5, 1, 2, {"content": 1.0, "style": 1.0}, "8 px", image)


if __name__ == "__main__":
    # Since the process began: the interpreter, and what this module imports.
    main(sys.argv[1], Path(sys.argv[2]), time.process_time())
