"""A plugin's promises on its import and its hooks, tested in another process."""

from __future__ import annotations

import pytest

from stylize.testing.pluginundertest import PluginUnderTest
from stylize.testing.probe import Probed

__all__ = ["HOOKS", "HookPromises"]

# The hooks that a run calls, by the stages at which they are probed.
HOOKS = ("check", "observers", "rerun", "weights")
# Seconds that an import may take, or a multiple of the framework's own if that is longer.
QUICK, TIMES = 1.0, 2.0


class HookPromises(PluginUnderTest):
    """A plugin's import and its hooks: they end soon, and leave the process as it was."""

    def test_imports(self) -> None:
        probed = self.probed
        self.require(
            probed.stage != "import",
            f"importing it {probed.error}",
            "let the module only define functions: no work, no exit, no network at import",
        )

    def test_imports_quietly(self) -> None:
        printed = self.probed.printed.strip()
        self.require(
            not printed,
            f"importing it prints {printed[:60]!r}",
            "print nothing at import: standard output may carry a picture or JSON",
        )

    def test_imports_quickly(self) -> None:
        probed = self._imported
        if "import" in probed.heavy:
            pytest.skip(f"imports {probed.heavy['import']}, which takes long")
        limit = max(QUICK, TIMES * probed.usual)
        self.require(
            probed.seconds <= limit,
            f"importing it takes {probed.seconds:.1f} s, and stylize itself {probed.usual:.1f} s",
            "import slow modules in the functions that need them: every start of stylize waits",
        )

    def test_leaves_the_process_as_it_was(self) -> None:
        for stage, changed in self._imported.changed.items():
            self.require(
                not changed,
                f"{_said(stage)} changes {', '.join(changed)}",
                "do not change state of the whole process, or restore it",
            )

    def test_commands_are_its_own(self) -> None:
        probed = self._with_hook("commands")
        fault = probed.failed.get("commands", "")
        self.require(
            not fault,
            f"its commands are left out: {fault}",
            "choose a unique name" if " exists" in fault else "make stylize_commands work",
        )

    def test_hooks_answer(self) -> None:
        probed = self._imported
        hooks = [hook for hook in HOOKS if f"stylize_{hook}" in probed.hooks]
        if not hooks:
            pytest.skip("has no hook that a run calls")
        for hook in hooks:
            self._require_reached(hook)
            self.require(
                hook not in probed.failed,
                f"stylize_{hook}: {probed.failed.get(hook)}",
                "return what the hook's page says, and raise nothing",
            )

    def test_observers_follow_a_run(self) -> None:
        probed = self._with_hook("observers")
        self._require_reached("observer")
        self.require(
            "observer" not in probed.failed,
            f"an observer: {probed.failed.get('observer')}",
            "let progressed(progress) take any progress: one that raises is dropped",
        )

    def test_weights_are_weights(self) -> None:
        probed = self._with_hook("weights")
        self._require_reached("source")
        self.require(
            "source" not in probed.failed,
            str(probed.failed.get("source")),
            "return stylize.Weights, or raise WeightsUnavailableError or WeightsError",
        )

    @property
    def _imported(self) -> Probed:
        probed = self.probed
        if probed.stage == "import":
            pytest.skip("it cannot be imported")
        return probed

    def _with_hook(self, hook: str) -> Probed:
        probed = self._imported
        if f"stylize_{hook}" not in probed.hooks:
            pytest.skip(f"has no stylize_{hook}")
        return probed

    def _require_reached(self, stage: str) -> None:
        """Require that the process did not end in a stage."""
        probed = self.probed
        self.require(
            probed.stage != stage,
            f"{_said(stage)} {probed.error}",
            "let it return at once: it is called in every run",
        )


def _said(stage: str) -> str:
    known = {
        "import": "importing it",
        "settings": "importing a module of settings",
        "observer": "an observer's progressed",
        "source": "load() of its weights",
    }
    return known.get(stage, stage if stage.startswith("command ") else f"stylize_{stage}")
