"""Runs the contracts of a plugin and of each part that it adds, without pytest's collection.

Run as `python -m stylize.testing.contractrun PLUGIN declared|given SECONDS`, in a process that
the plugin may block or end. Each event is one line of JSON on standard output, and nothing else
may write there.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from stylize import testing
from stylize.contract.spec import ComponentSpec, Kind, MethodSpec
from stylize.testing.checks import Check
from stylize.testing.contract import Contract
from stylize.testing.failure import ContractFailure
from stylize.testing.hookpromises import HOOKS
from stylize.testing.plugin import PluginContract

if TYPE_CHECKING:
    from stylize.testing.partcontract import PartContract

__all__ = ["check_contract", "check_plugin", "contract_of", "plugin_contract"]

CONTRACTS = {
    Kind.BACKBONE: "BackboneContract",
    Kind.SMOOTHING: "SmoothingContract",
    Kind.LOSS: "LossContract",
    Kind.METHOD: "MethodContract",
}
# Promises of the plugin that tests of its parts rely on.
NEEDED = (
    "factories load",
    "settings are described",
    "settings have defaults",
    "embedded weights are there",
)
IMPORT_SECONDS = 20.0
Starting = Callable[[str, str], None]


def contract_of(
    plugin: str | ModuleType, kind: Kind, name: str, **attributes: object
) -> type[PartContract]:
    """Return the contract of a part, as an author would write it."""
    made: type[PartContract] = _contract(CONTRACTS[kind], plugin, name, attributes)
    return made


def _contract(
    base_name: str, plugin: str | ModuleType, name: str, attributes: Mapping[str, object]
) -> Any:
    base = getattr(testing, base_name)  # loads torch
    return type(f"Test_{name}", (base,), {"plugin": plugin, "name": name, **attributes})


def plugin_contract(plugin: str, import_seconds: float = IMPORT_SECONDS) -> type[PluginContract]:
    """Return the contract of a plugin as a whole."""
    attributes = {"plugin": plugin, "import_seconds": import_seconds}
    return type("TestPlugin", (PluginContract,), attributes)


def check_plugin(
    contract: type[PluginContract], starting: Starting = lambda *_: None
) -> Iterator[Check]:
    """Check a plugin, and each part that it adds.

    Args:
        starting: called with part and promise before each check.
    """
    known: list[Check] = []
    for check in check_contract(contract, starting):
        known.append(check)
        yield check
        if check.status == "broken" and check.promise == "imports":
            return
    for spec in contract().specs:
        title = f"{spec.kind} {spec.name}"
        if reason := _untestable(contract, spec, known):
            yield Check(title, "all promises", "skipped", reason)
        elif isinstance(spec, MethodSpec) and spec.trainable:
            part = _contract("TrainableContract", contract().module_name, spec.name, {})
            yield from _once(check_contract(part, starting))
        elif spec.kind in CONTRACTS:
            part = contract_of(contract().module_name, spec.kind, spec.name)
            yield from _once(check_contract(part, starting))
    probed = contract().probed
    for name in probed.commands if probed.stage == "done" else ():
        command = _contract("CommandContract", contract().module_name, name, {})
        checks = _once(check_contract(command, starting))
        # Promises that need a working run are left to the author's own tests, which know one.
        yield from (check for check in checks if check.status != "skipped")


def _untestable(contract: type[PluginContract], spec: ComponentSpec, known: Sequence[Check]) -> str:
    """Return why a part is not tested, from the results of the plugin's own promises."""
    if contract().probed.stage in HOOKS:
        return "a hook that every run calls does not return"
    if "check" in contract().probed.failed:
        return "stylize_check fails, which stops every run"
    title = f"{spec.kind} {spec.name}"
    for check in known:
        about = f"{title}" in check.fault or f"weights {spec.name}." in check.fault
        if check.status == "broken" and about and check.promise in NEEDED:
            return f"reported above: {check.promise}"
    return ""


def _once(checks: Iterator[Check]) -> Iterator[Check]:
    """Report each fault once: if it breaks several promises, at the first."""
    seen: dict[str, str] = {}
    for check in checks:
        cause = check.fault if check.status == "broken" else ""
        if cause in seen:
            yield Check(check.part, check.promise, "skipped", f"reported at: {seen[cause]}")
            continue
        if cause:
            seen[cause] = check.promise
        yield check


def check_contract(
    contract: type[Contract], starting: Starting = lambda *_: None
) -> Iterator[Check]:
    """Test each promise of a contract, in the order of their definition."""
    names = [n for base in reversed(contract.__mro__) for n in vars(base) if n.startswith("test_")]
    for name in dict.fromkeys(names):
        part, promise = contract().title, name.removeprefix("test_").replace("_", " ")
        starting(part, promise)
        try:
            getattr(contract(), name)()
        except ContractFailure as failure:
            yield Check(failure.part, promise, "broken", failure.fault, failure.remedy)
        except pytest.skip.Exception as skipped:
            yield Check(part, promise, "skipped", str(skipped))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:400]
            yield Check(part, promise, "broken", reason, "make it work")
        else:
            yield Check(part, promise, "kept")


def main(plugin: str, *, declared: bool, seconds: float) -> None:
    """Check in this process, and write the events to the original standard output.

    Args:
        plugin: as in its entry point.
        declared: whether an entry point names it; if not, it may not be a plugin.
        seconds: time limit of this process.
    """
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # the plugin's output goes to standard error

    def tell(event: str, **values: Any) -> None:
        print(json.dumps({"event": event, **values}), file=events, flush=True)

    # Half, so that an import that hangs is still reported.
    contract = plugin_contract(plugin, min(IMPORT_SECONDS, seconds / 2))
    if not declared:
        probed = contract().probed
        if probed.stage != "import" and not (probed.hooks or probed.api):
            tell("no plugin")
            return
    checks = check_plugin(contract, lambda part, promise: tell("start", part=part, promise=promise))
    for check in checks:
        tell("check", **asdict(check))
    tell("done")


if __name__ == "__main__":
    main(sys.argv[1], declared=sys.argv[2] == "declared", seconds=float(sys.argv[3]))
