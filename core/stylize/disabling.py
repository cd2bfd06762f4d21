"""STYLIZE_DISABLE_PLUGINS: what it lists, what that takes away, and names that no plugin has."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence

from stylize.errors import UnknownNameError

__all__ = ["DISABLE_VARIABLE", "disabled_names", "tell_disabled", "tell_misnamed"]

DISABLE_VARIABLE = "STYLIZE_DISABLE_PLUGINS"


def disabled_names() -> list[str]:
    """Return what STYLIZE_DISABLE_PLUGINS lists."""
    listed = os.environ.get(DISABLE_VARIABLE, "").split(",")
    return [name.strip() for name in listed if name.strip()]


def tell_disabled(keys: Sequence[str]) -> str:
    """Say of plugins, "distribution:entry", that they are disabled, and how to get them back."""
    given = os.environ.get(DISABLE_VARIABLE)
    by = f"by {DISABLE_VARIABLE}={given}" if given else "by this program"
    if len(keys) == 1:
        return f"plugin {keys[0]} is disabled {by}: take it out to use it"
    return f"plugins {', '.join(keys)} are disabled {by}: take them out to use them"


def tell_misnamed(disabled: Iterable[str], known: Collection[str]) -> list[str]:
    """Say which names to disable no plugin has, with the nearest of those that exist.

    Args:
        known: entry points, distributions, and "distribution:entry".
    """
    return [
        f"{DISABLE_VARIABLE} lists no plugin that is installed: "
        f"{UnknownNameError('plugin', name, {k for k in known if (':' in k) == (':' in name)})}"
        for name in sorted(set(disabled).difference(known))
    ]
