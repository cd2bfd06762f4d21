"""The plan of a run from Python: given as a plan, as settings or as keywords."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stylize.contract.plan import Plan, RunSettings
from stylize.contract.settings import short
from stylize.discovery.host import PluginHost
from stylize.errors import UsageError
from stylize.making.custom import take_objects
from stylize.making.presets import load_preset, merge_settings
from stylize.planning.planning import make_plan, make_settings

__all__ = ["plan_run"]


def plan_run(
    plan: Plan | RunSettings | None,
    host: PluginHost | None,
    preset: str | None,
    settings: Mapping[str, Any],
) -> tuple[PluginHost, Plan]:
    """Return a run's plugins and its plan.

    Args:
        plan: a plan or settings; neither a preset nor other settings may then be given.
        host: the plugins; all that are installed by default.
        preset: name of a preset, which `settings` override.

    Raises: StylizeError.
    """
    host = host or PluginHost.discover()
    if plan is not None:
        if preset is not None or settings:
            given = ", ".join([*(["preset"] if preset else []), *settings])
            raise UsageError(f"{given} are given besides a plan: leave out one or the other")
        if isinstance(plan, Plan):
            return host, plan
        if isinstance(plan, RunSettings):
            return host, make_plan(host, plan)
        raise UsageError(
            f"the plan is {short(plan)}: use keywords, such as Stylizer(model='starry_night')"
        )
    host, named = take_objects(host, settings)
    if isinstance(named.get("model"), Path):
        named["model"] = str(named["model"])
    base = load_preset(host, preset).settings if preset is not None else {}
    return host, make_plan(host, make_settings(merge_settings(base, named), host))
