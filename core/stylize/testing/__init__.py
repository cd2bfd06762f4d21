"""What plugin authors test their plugins with: contracts to subclass, fixtures, and two functions.

The contracts and fixtures need pytest: pip install 'stylize-nst[testing]'. Names are loaded on
first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers; `_HOME` below tells Python the same
    from stylize.testing.backbone import BackboneContract as BackboneContract
    from stylize.testing.commandrunner import CommandRunner as CommandRunner
    from stylize.testing.commandrunner import Outcome as Outcome
    from stylize.testing.compose import assert_composes as assert_composes
    from stylize.testing.failure import ContractFailure as ContractFailure
    from stylize.testing.hosts import temporary_plugin as temporary_plugin
    from stylize.testing.loss import LossContract as LossContract
    from stylize.testing.method import MethodContract as MethodContract
    from stylize.testing.plugin import PluginContract as PluginContract
    from stylize.testing.smoothing import SmoothingContract as SmoothingContract

_HOME = {
    "BackboneContract": "backbone",
    "CommandRunner": "commandrunner",
    "ContractFailure": "failure",
    "LossContract": "loss",
    "MethodContract": "method",
    "Outcome": "commandrunner",
    "PluginContract": "plugin",
    "SmoothingContract": "smoothing",
    "assert_composes": "compose",
    "temporary_plugin": "hosts",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'stylize.testing' has no attribute {name!r}")
    value = getattr(import_module(f"stylize.testing.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_HOME)
