"""The base of all settings models: how text becomes settings, and which are also options."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from stylize.errors import SettingsError, UnknownNameError

__all__ = ["CommandOption", "Duration", "Settings", "parse_settings", "short"]


class Settings(BaseModel):
    """Settings of one part. Every field needs a description: `--help` and the docs come from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Model = TypeVar("Model", bound=Settings)


@dataclass(frozen=True)
class CommandOption:
    """Makes a setting an option of the command too, as in
    `alpha: Annotated[float, CommandOption("--alpha")] = Field(1.0, ge=0, le=1, description=...)`.

    Every part of a run that declares the option takes it: from the command line, a preset,
    `--vary`, and as `stylize_image(alpha=...)`. Parts may share an option of one type. An option
    that the command has itself, or of several types, is set only by `--set PART.NAME=VALUE`.

    Args:
        flag: as typed, "--stroke-size".
    """

    flag: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"--[a-z][a-z0-9]*(-[a-z0-9]+)*", self.flag):
            raise ValueError(f"option {self.flag!r} must be like --stroke-size")

    @property
    def name(self) -> str:
        """Its name in Python and in presets, "stroke_size"."""
        return self.flag.removeprefix("--").replace("-", "_")


def parse_settings(model: type[Model], values: Mapping[str, object], owner: str = "") -> Model:
    """Validate values, reading text as `--set` means it: "0.5", "yes", "none", "a,b", "a=1,b=2".

    If a list is expected, a number is read as a list of one.

    Args:
        owner: the part that the values belong to, for messages; "" for the run itself.

    Raises: UnknownNameError for a field that does not exist; SettingsError for a bad value.
    """
    for name in values:
        if name not in model.model_fields:
            of_owner = f" of {owner}" if owner else ""
            raise UnknownNameError(f"setting{of_owner}", name, model.model_fields)
    try:
        return _validate(model, values)
    except ValidationError as error:
        problems = "; ".join(_problem(e, values, owner) for e in error.errors())
        raise SettingsError(problems) from error


def _validate(model: type[Model], values: Mapping[str, object]) -> Model:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        # pydantic reads numbers and booleans from text, but not None, collections or Literal[1].
        # A field's own validator has read the text that it rejects.
        refused = [e for e in error.errors() if e["loc"] and e["type"] != "value_error"]
        rejected = {str(e["loc"][0]) for e in refused}
        parsed = {
            name: _parse(model.model_fields[name].annotation, value)
            for name, value in values.items()
            if name in rejected and type(value) in (str, int, float)
        }
        if not parsed:
            raise
        return model.model_validate({**values, **parsed})


def _problem(error: Any, values: Mapping[str, object], owner: str) -> str:
    """Describe one of pydantic's errors: field, value, limit."""
    message = str(error["msg"]).removeprefix("Value error, ")
    message = message.replace("Input should be", "must be")
    if not error["loc"]:
        return f"{owner}: {message}" if owner else message
    name = str(error["loc"][0])
    given = f"is {short(values[name])}" if name in values else "is missing"
    return f"{owner}{'.' * bool(owner)}{name} {given}: {message}"


def short(value: object) -> str:
    """Return a short form of any value, in one line, for messages."""
    return " ".join(reprlib.repr(value).split())


def _parse(annotation: Any, value: object) -> object:
    """Read text for a field as a choice, "none", "a,b,c" or "a=1,b=2", as its type allows."""
    text = str(value)
    union = get_origin(annotation) in (Union, UnionType)
    options = get_args(annotation) if union else (annotation,)
    if NoneType in options and text.lower() == "none":
        return None
    bare = [get_args(o)[0] if get_origin(o) is Annotated else o for o in options]
    for choice in (c for option in bare if get_origin(option) is Literal for c in get_args(option)):
        if str(choice) == text:  # of a Literal, pydantic takes the value itself only
            return choice
    types = [t for t in (get_origin(o) or o for o in bare) if isinstance(t, type)]
    items = [item.strip() for item in text.split(",") if item.strip()]
    if any(issubclass(t, Mapping) for t in types) and all("=" in item for item in items):
        return {k.strip(): v.strip() for k, _, v in (item.partition("=") for item in items)}
    if any(issubclass(t, Sequence | Set) and not issubclass(t, str | bytes) for t in types):
        return items
    return value


def _parse_duration(value: object) -> object:
    """Read "90", "90s", "2m", "1h30m" or "1:02:03.5" as seconds."""
    if not isinstance(value, str):
        return value
    number = r"\d+(?:\.\d+)?"
    text = value.strip()
    match = re.fullmatch(rf"(?:(\d+):)?(\d+):({number})", text) or re.fullmatch(
        rf"(?:(\d+)h)?(?:(\d+)m)?(?:({number})s?)?", text
    )
    if not match or not any(match.groups()):
        raise ValueError("must be a time like 90, 90s, 1m30s or 1:02:03.5")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


# Seconds, as a number or as people write them.
Duration = Annotated[float, BeforeValidator(_parse_duration)]
