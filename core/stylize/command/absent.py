"""Commands whose plugin is not at work: what is said if one of them is typed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stylize.disabling import DISABLE_VARIABLE
from stylize.errors import UsageError
from stylize.version import DISTRIBUTION

if TYPE_CHECKING:
    from stylize.discovery.host import PluginHost
    from stylize.discovery.rows import PluginInfo

__all__ = ["refuse_absent"]

# The plugin of ours that has the default command.
PICTURES = f"{DISTRIBUTION}:picture"


def refuse_absent(word: str, host: PluginHost, *, default: bool) -> None:
    """Refuse a first word, which is no command, if a plugin that is not at work would take it.

    Args:
        default: whether there is a default command; without one, every word is rejected.

    Raises: UsageError.
    """
    for row in host.plugins:
        if row.entry == word and row.status != "ok" and not Path(word).exists():
            raise UsageError(f"{word}: no such command: plugin {row.key} {_why(row)}")
    if not default:
        rows = [row for row in host.plugins if row.key == PICTURES]
        raise UsageError(
            f"{word}: no such command or option: plugin {PICTURES}, which makes pictures, "
            f"{_why(*rows)}"
        )


def _why(row: PluginInfo | None = None) -> str:
    """Say why a plugin adds no command, and the remedy."""
    if row is None:
        return f"is missing: install {DISTRIBUTION} again"
    if row.status == "disabled":
        return f"is disabled: take it out of {DISABLE_VARIABLE}"
    return "has failed: see stylize plugins doctor"
