"""What to do about a plugin that fails."""

from __future__ import annotations

import sys

from stylize import PluginFailure, PluginInfo
from stylize.disabling import DISABLE_VARIABLE
from stylize.discovery.checking import API_ATTRIBUTE, PLUGIN_API

__all__ = ["leave_out", "remedy", "report_it", "title"]

OURS = "stylize-nst"


def title(info: PluginInfo) -> str:
    """Return the name of a plugin in findings."""
    name = f"plugin {info.distribution} {info.version}".rstrip()
    return f"{name} ({info.entry})" if info.entry else name


def leave_out(info: PluginInfo) -> str:
    """Return how to work without a plugin."""
    return f"leave it out with {DISABLE_VARIABLE}={info.distribution}:{info.entry}"


def report_it(info: PluginInfo) -> str:
    """Return how to update a plugin, or whom to report it to."""
    if info.distribution == OURS:
        return f"pip install --force-reinstall --no-deps {OURS}, and report it if it stays"
    return f"pip install --upgrade {info.distribution}, or report it to its author"


def remedy(info: PluginInfo, failure: PluginFailure) -> str:
    """Return what to do about a failure, by what failed."""
    if not info.entry:  # not even the name could be read, only that of the folder
        return f"delete {info.distribution} from site-packages and install that package again"
    if failure.stage == "api":
        return _api_remedy(info)
    if failure.stage == "import" and isinstance(failure.exception, ModuleNotFoundError):
        missing = (failure.exception.name or "").partition(".")[0]
        if missing and missing != info.value.partition(".")[0].partition(":")[0]:
            return f"install what brings the module {missing}, or {leave_out(info)}"
        return f"pip install --force-reinstall --no-deps {info.distribution}"
    return f"{report_it(info)}; until then {leave_out(info)}"


def _api_remedy(info: PluginInfo) -> str:
    """Say which of the two sides to upgrade."""
    module = sys.modules.get(info.value.partition(":")[0])
    version = getattr(module, API_ATTRIBUTE, None)
    if isinstance(version, int) and version > PLUGIN_API:
        return f"it is made for a newer stylize: pip install --upgrade {OURS}"
    if isinstance(version, int):
        return f"it is made for an older stylize: pip install --upgrade {info.distribution}"
    return (
        f"its author must add {API_ATTRIBUTE} = {PLUGIN_API} to {info.value}; "
        f"until then {leave_out(info)}"
    )
