"""The plan of a sweep: which settings vary, with each combination as a validated plan."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stylize import ANY_PART, Plan, RunSettings, find_part_options, make_plan, option_names
from stylize.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from stylize import PluginHost

__all__ = ["PRESET", "Axis", "Variant", "label_values", "parse_axis", "plan_variants"]

PRESET = "preset"


@dataclass(frozen=True)
class Axis:
    """A setting that varies: a run setting by its field, "preset", or "part.option"."""

    key: str
    values: tuple[str, ...]

    @property
    def is_option(self) -> bool:
        """Whether it is the option of a part, as `--set` gives it."""
        return "." in self.key


@dataclass(frozen=True)
class Variant:
    """One combination of varied values, as text by key, with the run that it specifies."""

    values: Mapping[str, str]
    plan: Plan

    @property
    def label(self) -> str:
        """The combination in messages: "backbone=vgg16 smooth=tanh"."""
        return label_values(self.values)


def label_values(values: Mapping[str, str]) -> str:
    """Write varied values on one line."""
    return " ".join(f"{key}={value}" for key, value in values.items())


def parse_axis(host: PluginHost, text: str) -> Axis:
    """Read "smooth=none,tanh"; if a value itself has commas, semicolons separate the values.

    Raises: UnknownNameError for a setting that does not exist; UsageError for fewer than two
        values.
    """
    key, equals, listed = text.partition("=")
    key = key.strip()
    if "." not in key:
        key = key.replace("-", "_")
        if key in ("content", "style"):
            raise UsageError(
                f"--vary {key}: pictures are not varied but given: several photographs as files, "
                f"several paintings with --style"
            )
        known = {*RunSettings.model_fields, *find_part_options(host), PRESET} - {"options"}
        if key not in known:
            raise UnknownNameError("setting to vary", key, known)
    values = [value.strip() for value in listed.split(";" if ";" in listed else ",")]
    if not (equals and all(values)):
        raise UsageError(f"--vary {text!r} is not KEY=VALUE,VALUE,..., as smooth=none,tanh")
    if len(values) < 2:
        option = f"--set {text}" if "." in key else f"--{key.replace('_', '-')} {values[0]}"
        raise UsageError(
            f"--vary {key} has the one value {values[0]}: give two or more, or use {option}"
        )
    return Axis(key, tuple(values))


def plan_variants(
    host: PluginHost,
    axes: Sequence[Axis],
    settings_of: Callable[[Mapping[str, str]], RunSettings],
) -> list[Variant]:
    """Return every combination of the axes' values, the last axis varying fastest, validated.

    Options of a part apply wherever it is used: `tanh.gain=2` has no effect on `smooth=none`.

    Args:
        settings_of: lays varied values over all other requested settings.

    Raises: UsageError, naming the combination, for the first that cannot run, and if two
        combinations give the same run. UnknownNameError for options of a part that none uses.
    """
    keys = [axis.key for axis in axes]
    if not axes:
        raise UsageError("nothing varies: give --vary KEY=VALUE,VALUE, as --vary smooth=none,tanh")
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise UsageError(f"--vary {min(twice)} is given twice: list all its values in one")
    variants: list[Variant] = []
    given: dict[str, None] = {}
    used: set[str] = set()
    for combination in itertools.product(*(axis.values for axis in axes)):
        values = dict(zip(keys, combination, strict=True))
        try:
            settings = settings_of(values)
            given |= dict.fromkeys(settings.options)
            variant = Variant(values, make_plan(host, settings, lenient=True))
        except UsageError as error:
            raise UsageError(f"with {label_values(values)}: {error}") from error
        variants.append(variant)
        used |= {ANY_PART, *option_names(host, variant.plan)}
    for part in given:
        if part not in used:
            raise UnknownNameError("part of these runs", part, used)
    for one, other in itertools.combinations(variants, 2):
        if _run(one.plan) == _run(other.plan):
            raise UsageError(
                f"{one.label} and {other.label} give the same run: the varied setting has no "
                f"effect there, or another setting overrides it"
            )
    return variants


def _run(plan: Plan) -> Plan:
    """Return a plan without how it was requested: the parts' settings hold the options."""
    return replace(plan, settings=plan.settings.model_copy(update={"options": {}}), problems=())
