"""The base of every settings model: frozen, closed, described, its numbers finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

__all__ = ["Settings", "parse_settings"]


class Settings(BaseModel):
    """Settings of one part. Every field needs a description: `--help` and the docs come from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def parse_settings(model: type[Settings], values: Mapping[str, object]) -> Settings:
    """Validate values, reading text as `--set` means it: "0.5", "yes", "none", "a,b", "a=1,b=2".

    Raises: pydantic's ValidationError.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        # pydantic reads numbers and booleans from text, but not None, collections or Literal[1].
        rejected = {str(e["loc"][0]) for e in error.errors() if e["loc"]}
        parsed = {
            name: _parse(model.model_fields[name].annotation, value)
            for name, value in values.items()
            if name in rejected and isinstance(value, str)
        }
        if not parsed:
            raise
        return model.model_validate({**values, **parsed})


def _parse(annotation: Any, text: str) -> object:
    """Read text for a field as a choice, "none", "a,b,c" or "a=1,b=2", as its type allows."""
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
    return text
