"""The plugin to blame for an error: the one whose code raised it, according to the traceback."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from stylize.contract.spec import FILE_KINDS
from stylize.errors import PluginError, StylizeError
from stylize.guests import is_memory, one_line
from stylize.version import DISTRIBUTION

if TYPE_CHECKING:
    from stylize.contract.spec import ComponentSpec
    from stylize.discovery.host import PluginHost
    from stylize.discovery.rows import PluginInfo

__all__ = ["blame", "blaming"]


@contextmanager
def blaming(host: PluginHost) -> Iterator[None]:
    """Attribute any error of plugins' parts to them; Ctrl-C and our own errors pass.

    Raises: PluginError that names the part, such as "smoothing power of acme-power".
    """
    try:
        yield
    except (StylizeError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        title = "" if is_memory(error) else blame(host, error)
        if not title:
            raise
        raise PluginError(f"{title}: {one_line(error)}") from error


def blame(host: PluginHost, error: BaseException) -> str:
    """Return the foreign part, or else plugin, whose code is innermost; "" without any."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    guilty: PluginInfo | None = None
    for frame in reversed(frames):
        owner = _owner(host, frame)
        guilty = guilty or owner
        same = guilty and owner and owner.distribution == guilty.distribution
        if owner and same and (spec := _part(owner, frame)):
            return host.title(spec)
    return f"plugin {guilty.distribution}" if guilty else ""


def _owner(host: PluginHost, frame: FrameType) -> PluginInfo | None:
    """Return the foreign plugin that a frame's module belongs to."""
    package = _top(_module(frame))
    for info in host.plugins:
        references = [info.value, *(s.factory for s in info.specs if s.kind not in FILE_KINDS)]
        if info.distribution != DISTRIBUTION and package in map(_top, references):
            return info
    return None


def _part(info: PluginInfo, frame: FrameType) -> ComponentSpec | None:
    """Return the plugin's part that a frame belongs to: by its module, preferably its class."""
    made = [spec for spec in info.specs if spec.factory.partition(":")[0] == _module(frame)]
    outermost = frame.f_code.co_qualname.partition(".")[0]
    exact = [s for s in made if s.factory.partition(":")[2].partition(".")[0] == outermost]
    return exact[0] if exact else made[0] if len(made) == 1 else None


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _top(reference: str) -> str:
    return reference.partition(":")[0].partition(".")[0]
