"""The requirement of a new package: this stylize, from its source."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from stylize import framework_version
from stylize.version import DISTRIBUTION

__all__ = ["local_source", "requirement", "uv_sources"]

SOURCES = """
# This stylize is from no index: uv takes it from where it was installed from here, and pip is
# content with the one in the environment. Leave it out where an index has it.
[tool.uv.sources]
{name} = {{ {key} = {value}{editable} }}
"""


def requirement() -> str:
    """Return the requirement of at least this version; a build's own label (+...) is none."""
    version = framework_version().partition("+")[0]
    return DISTRIBUTION if version == "unknown" else f"{DISTRIBUTION}>={version}"


def uv_sources() -> str:
    """Return the table that tells uv where this stylize is from; "" where an index has it."""
    url, record = _installed_from()
    if not url:
        return ""
    editable = ", editable = true" if record.get("dir_info", {}).get("editable") else ""
    key, value = ("path", str(local_source())) if local_source() else ("url", url)
    if vcs := record.get("vcs_info"):
        key, value = str(vcs["vcs"]), url
    return SOURCES.format(name=DISTRIBUTION, key=key, value=json.dumps(value), editable=editable)


def local_source() -> Path | None:
    """Return the folder or wheel that this stylize was installed from, if it was."""
    url, _ = _installed_from()
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def _installed_from() -> tuple[str, dict[str, dict[str, object]]]:
    """Return the address that it was installed from, with pip's record of it (PEP 610)."""
    try:
        record = json.loads(
            metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}"
        )
    except metadata.PackageNotFoundError:
        return "", {}
    return str(record.get("url", "")), record
