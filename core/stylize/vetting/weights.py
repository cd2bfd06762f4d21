"""Checks of weights from their sources, and of the headers of files."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stylize.contract.settings import short
from stylize.contract.weights import Weights, WeightsSource
from stylize.errors import PluginError, WeightsError
from stylize.guests import guest, plugin_of

__all__ = ["vet_header", "vet_weights"]


def vet_weights(source: WeightsSource, name: str) -> Weights:
    """Return the weights of a source. Raises: PluginError if they are no `Weights`."""
    plugin = plugin_of(type(source).__module__)
    if not plugin:
        return source.load()
    title = f"weights {name} of {plugin}"
    with guest(lambda: title):
        loaded: object = source.load()
    if not isinstance(loaded, Weights):
        raise PluginError(f"{title}: load() returns {short(loaded)}, not stylize.Weights")
    return loaded


def vet_header(path: Path, header: Mapping[str, str]) -> dict[str, Any]:
    """Return the mean and std in the header of a weights file.

    Raises: WeightsError if they are not three numbers each.
    """
    found: dict[str, Any] = {}
    for key in ("mean", "std"):
        if key not in header:
            continue
        try:
            values = tuple(map(float, json.loads(header[key])))
        except (ValueError, TypeError):
            values = ()
        if len(values) != 3 or not all(map(math.isfinite, values)):
            raise WeightsError(
                f"weights file {path}: {key} in its header is {short(header[key])}, not three "
                f"numbers as [0.485, 0.456, 0.406]: write it so, or leave it out"
            )
        found[key] = values
    return found
