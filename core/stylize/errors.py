"""Errors that stylize raises on purpose: one line with the value, the limit and the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from stylize.spelling import nearest_name

__all__ = [
    "CodecMissingError",
    "DeviceError",
    "ExportError",
    "ExtraMissingError",
    "ImageError",
    "ImageTooSmallError",
    "ModelError",
    "NonFiniteError",
    "OutputError",
    "PluginError",
    "SettingsError",
    "StalledError",
    "StylizeError",
    "TrainingError",
    "UnknownNameError",
    "UsageError",
    "VideoError",
    "WeightsError",
    "WeightsUnavailableError",
]


class StylizeError(Exception):
    """Base of all errors that a user can act on. `exit_code` is what the command returns."""

    exit_code: ClassVar[int] = 1


class UsageError(StylizeError):
    """The request itself is wrong: an option, a combination, a file that is not there."""

    exit_code = 2


class SettingsError(UsageError):
    """A setting has a wrong name, type or range."""


class UnknownNameError(UsageError):
    """A part, layer, preset or setting that is not registered; suggests the nearest name."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = nearest_name(name, names)
        hint = f"; did you mean {near}?" if near else ""
        listed = f"known: {', '.join(names)}" if names else "there are none"
        super().__init__(f"unknown {what} {name!r}{hint} ({listed})")


class ImageError(UsageError):
    """An image that cannot be read, with the file's name and the remedy."""


class ImageTooSmallError(ImageError):
    """An image smaller than the chosen layers can see. `size` is its (width, height)."""

    def __init__(self, message: str, size: tuple[int, int]) -> None:
        super().__init__(message)
        self.size = size


class VideoError(UsageError):
    """A video that cannot be read, with the file's name and the remedy."""


class OutputError(UsageError):
    """An output that cannot be written to the requested place."""


class PluginError(StylizeError):
    """A plugin that is broken, of another API version, or that collides with another."""

    exit_code = 2


class WeightsError(UsageError):
    """Weights that are corrupt or of another network."""


class WeightsUnavailableError(StylizeError):
    """Weights that are neither embedded nor cached, and that cannot be downloaded now."""

    exit_code = 3


class ExtraMissingError(StylizeError):
    """An optional dependency that a command needs and that is not installed."""

    exit_code = 3


class CodecMissingError(StylizeError):
    """A codec that the installed FFmpeg was built without."""

    exit_code = 3


class DeviceError(StylizeError):
    """A GPU that the installed PyTorch cannot use: the GPU or its driver is too old."""

    exit_code = 3


class ModelError(UsageError):
    """A model file that is damaged, of another method or newer, or that contradicts an option."""


class ExportError(StylizeError):
    """A network that another format cannot hold, or in which it gives other results."""


class TrainingError(StylizeError):
    """A training run that cannot continue, with the step and what is kept."""


class StalledError(StylizeError):
    """An optimisation whose first gradient is too small to move the image."""


class NonFiniteError(StylizeError):
    """Features or a loss became NaN or infinite."""
