"""Optional dependencies: imported on use; if one is missing, an error gives the remedy."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from stylize.errors import ExtraMissingError

__all__ = ["import_extra", "require_extra"]


def require_extra(package: str, extra: str, purpose: str) -> None:
    """Check that a package of an extra is installed, without importing it.

    Args:
        package: its import name.
        extra: the extra of stylize-nst that installs it.
        purpose: what needs the package; starts the message.

    Raises: ExtraMissingError.
    """
    if find_spec(package) is None:
        raise _missing(package, extra, purpose)


def import_extra(module: str, extra: str, purpose: str) -> Any:
    """Import a module of an extra.

    Raises: ExtraMissingError, also if the package is installed but cannot be imported.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise _missing(module.partition(".")[0], extra, purpose) from error


def _missing(package: str, extra: str, purpose: str) -> ExtraMissingError:
    return ExtraMissingError(
        f"{purpose} needs {package}, which is not installed: pip install 'stylize-nst[{extra}]'"
    )
