"""Calls the hooks of a run without a run, so that their failures become visible."""

from __future__ import annotations

from stylize import BackboneSpec, Plan, PluginHost, RunSettings, make_plan
from stylize.errors import StylizeError
from stylize.version import DISTRIBUTION

__all__ = ["ask_hooks", "default_plan"]


def default_plan() -> Plan | None:
    """Return a plan of built-in parts to call hooks with; None if those are broken."""
    try:
        return make_plan(PluginHost.discover(strict=False, only=[DISTRIBUTION]), RunSettings())
    except StylizeError:
        return None


def ask_hooks(host: PluginHost) -> None:
    """Call `stylize_check`, `stylize_observers` and `stylize_weights` of all plugins.

    The failures are then in the host's rows.
    """
    if plan := default_plan():
        host.check(plan)
        host.observers(plan)
    for spec in host.specs(BackboneSpec):
        for weights in spec.weights:
            host.weights_source(spec.name, weights.tag)
