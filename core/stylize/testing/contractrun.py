"""Runs the contracts of a plugin and of each part that it adds, without pytest's collection.

Run as `python -m stylize.testing.contractrun PLUGIN`, in a process that the plugin may hang or
end: each event is one line of JSON on standard output, which nothing else is let write to.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pytest

from stylize.spec import ComponentSpec, Kind, MethodSpec
from stylize.testing.backbone import BackboneContract
from stylize.testing.checks import Check
from stylize.testing.contract import Contract, PartContract
from stylize.testing.failure import ContractFailure
from stylize.testing.loss import LossContract
from stylize.testing.method import MethodContract
from stylize.testing.plugin import PluginContract
from stylize.testing.smoothing import SmoothingContract

__all__ = ["check_contract", "check_plugin", "contract_of"]

CONTRACTS: dict[Kind, type[PartContract]] = {
    Kind.BACKBONE: BackboneContract,
    Kind.SMOOTHING: SmoothingContract,
    Kind.LOSS: LossContract,
    Kind.METHOD: MethodContract,
}
NEEDS_MODEL = (
    "applies a trained model: test it with a MethodContract of run_settings = {'model': ...}"
)
Starting = Callable[[str, str], None]


def contract_of(plugin: str, spec: ComponentSpec) -> type[PartContract]:
    """Return the contract of a part, as an author would write it down."""
    base = CONTRACTS[spec.kind]
    return type(f"Test{spec.name}", (base,), {"plugin": plugin, "name": spec.name})


def check_plugin(plugin: str, starting: Starting = lambda *_: None) -> Iterator[Check]:
    """Check a plugin, and each part that it adds.

    Args:
        plugin: as in its entry point.
        starting: told part and promise before each check.
    """
    contract: type[PluginContract] = type("TestPlugin", (PluginContract,), {"plugin": plugin})
    for check in check_contract(contract, starting):
        yield check
        if check.status == "broken" and check.promise == "imports":
            return
    for spec in contract().specs:
        if isinstance(spec, MethodSpec) and spec.trainable:
            yield Check(f"{spec.kind} {spec.name}", "all promises", "skipped", NEEDS_MODEL)
        elif spec.kind in CONTRACTS:
            yield from check_contract(contract_of(plugin, spec), starting)


def check_contract(
    contract: type[Contract], starting: Starting = lambda *_: None
) -> Iterator[Check]:
    """Put each promise of a contract to the test, in the order that they are written in."""
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
        except (Exception, SystemExit) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:400]
            yield Check(part, promise, "broken", reason, "make it work")
        else:
            yield Check(part, promise, "kept")


def main(plugin: str, *, declared: bool) -> None:
    """Check in this process, and write the events to what was standard output."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the plugin prints goes to standard error

    def tell(event: str, **values: Any) -> None:
        print(json.dumps({"event": event, **values}), file=events, flush=True)

    if not declared:
        probed = type("TestPlugin", (PluginContract,), {"plugin": plugin})().probed
        if probed.stage != "import" and not (probed.hooks or probed.api):
            tell("no plugin")
            return
    for check in check_plugin(
        plugin, lambda part, promise: tell("start", part=part, promise=promise)
    ):
        tell("check", **asdict(check))
    tell("done")


if __name__ == "__main__":
    main(sys.argv[1], declared=sys.argv[2] == "declared")
