"""Entry points of installed distributions, read without importing any."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib import metadata

from stylize.discovery.rows import PluginInfo
from stylize.errors import PluginError
from stylize.guests import GROUP, canonical_name

__all__ = ["GROUP", "canonical_name", "scan_plugins"]


def scan_plugins(only: Collection[str] | None) -> Iterator[tuple[PluginInfo, Exception | None]]:
    """Yield a row for each entry point of our group, in distributions as Python itself finds them.

    Args:
        only: scan only these distributions, by normalised names. Damaged metadata gives a row
            with its folder and the error that it raised.
    """
    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            # Most distributions have nothing for us, and parsing them all is slow.
            text = distribution.read_text("entry_points.txt") or ""
            if GROUP not in text:
                continue
            points = distribution.entry_points.select(group=GROUP)
            name = _distribution_name(distribution) if points else ""
            # The first on sys.path hides others (an editable install and an old wheel, say),
            # even if only the hidden one has plugins.
            if not points or name in seen or _entry_points_text(name) != text:
                continue
            seen.add(name)
            version = distribution.version or ""
            if only is None or name in only:
                yield from ((PluginInfo(name, version, p.name, p.value), None) for p in points)
        except Exception as error:
            if only is not None:  # its name cannot be read, so it is none of these
                continue
            yield PluginInfo(_folder_name(distribution)), error


def _distribution_name(distribution: metadata.Distribution) -> str:
    if not (distribution.read_text("METADATA") or distribution.read_text("PKG-INFO")):
        raise PluginError("METADATA is missing or empty: install the distribution again")
    if "Name" not in distribution.metadata:
        raise PluginError("METADATA has no Name: install the distribution again")
    return canonical_name(distribution.metadata["Name"])


def _entry_points_text(name: str) -> str | None:
    """Return the entry points of the distribution that Python itself uses under a name."""
    return metadata.distribution(name).read_text("entry_points.txt")


def _folder_name(distribution: metadata.Distribution) -> str:
    """Return the folder of metadata that cannot be read: the only name available."""
    return str(getattr(getattr(distribution, "_path", None), "name", "unknown distribution"))
